"""Learned sigmoids and the units they gate: their special cases and their ends."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from relu_jax.activations.trainable import frozen
from relu_jax.activations.trainable_gates import AGLU, APA

pytestmark = pytest.mark.thorough("with its neighbours it takes minutes; the examples run anyway")
X = np.linspace(-4, 4, 33, dtype=np.float32)


def at(trainable, **params):
    """Fix the parameters."""
    return lambda x: trainable({k: jnp.asarray(v, jnp.float32) for k, v in params.items()}, x)


@pytest.mark.parametrize(("ours", "special_case"), [(APA, jax.nn.sigmoid), (AGLU, jax.nn.silu)])
def test_special_cases_are_the_functions_they_are_named_for(ours, special_case):
    np.testing.assert_allclose(
        at(ours, kappa=1.0, lam=1.0)(X), special_case(X), rtol=1e-6, atol=1e-6
    )


def test_apa_of_a_small_lam_is_the_gompertz_curve():
    x = X[X >= -2]
    # (1 + l e^-x)^(-1/l) = exp(-e^-x + l e^-2x / 2 - ...), and e^4 1e-3 / 2 is 0.027.
    gompertz = np.exp(-np.exp(-x))
    np.testing.assert_allclose(at(APA, kappa=1.0, lam=1e-3)(x), gompertz, rtol=0.03)


def test_a_gate_that_is_turned_round_has_the_ends_turned_round():
    f = at(AGLU, kappa=-1.0, lam=0.5)
    ends = jnp.float32([-jnp.inf, jnp.inf])
    np.testing.assert_array_equal(f(ends), [-np.inf, 0])
    np.testing.assert_array_equal(jax.vmap(jax.grad(f))(ends), [1, 0])


@pytest.mark.parametrize("trainable", [APA, AGLU], ids=["apa", "aglu"])
@pytest.mark.parametrize(
    ("dtype", "kappa", "lam", "x"),
    [
        ("float16", 1.0, 0.01, 700.0),
        ("float16", 1.0, 0.5, 6e4),
        ("float32", 1.0, 1e-3, 3e38),
        ("float32", 50.0, 0.5, -3e38),
        ("float32", 1.0, 0.5, np.inf),
        ("float32", 1.0, 0.5, -np.inf),
    ],
)
def test_gradients_far_out_are_those_of_an_open_or_a_closed_gate(trainable, dtype, kappa, lam, x):
    params = {"kappa": jnp.float32(kappa), "lam": jnp.float32(lam)}
    slopes, slope = jax.grad(lambda p, x: trainable(p, x), (0, 1))(params, jnp.asarray(x, dtype))
    assert float(slope) == (float(x > 0) if trainable is AGLU else 0)
    assert float(slopes["kappa"]) == float(slopes["lam"]) == 0


@pytest.mark.parametrize("trainable", [APA, AGLU], ids=["apa", "aglu"])
def test_a_lam_of_zero_is_refused(trainable):
    with pytest.raises(
        ValueError, match=f"{trainable.name} needs lam > 0; got kappa=1.0 and lam=0.0; keep to"
    ):
        frozen(trainable, {"kappa": 1.0, "lam": 0.0})
