"""Are the polynomials as near as they say, everywhere, and do they stay cheap in XLA's eyes?"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special

from relu_jax.activations import decays, get

pytestmark = pytest.mark.leaks_unchecked(
    "the check retraces every primitive, 7 times the time; test_activation.py runs under it"
)

EPS = 2.0**-23
U = np.concatenate([[0.0], np.geomspace(1e-30, 1e-3, 500), np.linspace(1e-3, 87.3, 40_001)])
U = U.astype(np.float32)
A = U[U <= 12.6]
# NumPy in double precision, and the error allowed relative to it.
BOUNDS = {
    "decay": (decays.decay, lambda u: np.exp(-u), 1.0 * EPS, U),
    "coarse_decay": (decays.coarse_decay, lambda u: np.exp(-u), 7.9e-5, U),
    "fall": (decays.fall, lambda u: np.expm1(-u), 2.0 * EPS, U),
    "rounding_off": (decays.rounding_off, lambda u: np.log1p(np.exp(-u)), 2.0 * EPS, U),
    "coarse_gate": (decays.coarse_gate, special.expit, 7.9e-5, np.concatenate([U, -U])),
    "coarse_normal_tail": (
        decays.coarse_normal_tail, lambda a: special.erfc(a / np.sqrt(2)) / 2, 1.5e-4, A[A <= 6],
    ),
    "coarse_normal_tail far out": (
        decays.coarse_normal_tail, lambda a: special.erfc(a / np.sqrt(2)) / 2, 5e-4, A,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BOUNDS)
def test_the_error_is_what_the_docstring_says(name):
    f, exact, bound, x = BOUNDS[name]
    want = exact(x.astype(np.float64))
    wrong = np.abs(np.float64(jax.jit(f)(x)) - want)
    assert (wrong <= bound * np.abs(want)).all()
    assert (wrong >= bound / 8 * np.abs(want)).any()  # the bound is no guess


def test_the_normal_tail_is_finished_by_one_quotient():
    density, above, below = jax.jit(decays.normal_tail)(A)
    want = special.erfc(A.astype(np.float64) / np.sqrt(2)) / 2
    wrong = np.abs(np.float64(density * above / below) / want - 1)
    assert (wrong <= EPS * (4 + A**2 / 2)).all()


@pytest.mark.parametrize("name", [name for name in BOUNDS if "far out" not in name])
def test_ends_and_nan_are_those_of_the_function(name):
    end = {"fall": -1.0, "coarse_gate": 1.0}.get(name, 0.0)
    far = 13.0 if name == "coarse_normal_tail" else jnp.inf
    f = BOUNDS[name][0]
    np.testing.assert_array_equal(jax.jit(f)(jnp.float32([far, jnp.nan])), [end, jnp.nan])


@pytest.mark.parametrize("name", ["decay", "fall", "rounding_off"])
def test_in_float64_they_are_numpy_s(name):
    f, exact, _, _ = BOUNDS[name]
    with jax.enable_x64(True):
        x = jnp.linspace(0.0, 700.0, 1001)
        np.testing.assert_allclose(f(x), exact(np.asarray(x)), rtol=1e-14)


def test_a_decay_is_differentiated_to_any_order():
    u = jnp.float32([0.0, 1.5, 20.0])
    slope = jax.vmap(jax.grad(decays.decay))
    bend = jax.vmap(jax.grad(jax.grad(decays.decay)))
    np.testing.assert_array_equal(slope(u), -decays.decay(u))
    np.testing.assert_array_equal(bend(u), decays.decay(u))


@pytest.mark.parametrize("name", ["gelu", "softplus", "log_sigmoid", "mish"])
def test_value_and_slope_are_computed_without_an_array_in_between(name):
    """What is fast about them: XLA writes two arrays, the results, and nothing else."""
    act = get(name)
    run = jax.jit(lambda x: (act(x), *jax.vjp(act, x)[1](jnp.ones_like(x))))
    text = run.lower(jnp.zeros(4096)).compile().as_text()
    entry = text[text.index("ENTRY") :].splitlines()
    assert sum(" fusion(" in line for line in entry) <= 2, entry
