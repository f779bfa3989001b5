"""Gates of tanh, erf and log: jax.nn's values of mish, published slopes, tails."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special

from relu_jax.activations.gates import (
    LOGISH,
    MISH,
    PHISH,
    SERF,
    SMISH,
    TELU,
    logish,
    mish,
    phish,
    serf,
    smish,
    telu,
)
from relu_jax.core.numerics import tolerance

pytestmark = pytest.mark.thorough("with its neighbours it takes minutes; the examples run anyway")

EVERY = (MISH, SERF, TELU, PHISH, LOGISH, SMISH)
X = np.linspace(-12, 12, 97)


def test_slope_of_mish_is_nearer_to_the_truth_than_that_of_jax_nn():
    t = np.tanh(np.log1p(np.exp(X)))
    exact = t + X * (1 - t * t) * special.expit(X)
    ours, theirs = (jax.vmap(jax.grad(f))(X.astype(np.float32)) for f in (mish, jax.nn.mish))
    assert np.abs(ours - exact).max() <= 2 * np.finfo(np.float32).eps
    # x times the rounding of 1 - tanh^2, worst at 8: the reason why the two may differ
    assert 8 < np.abs(theirs - exact).max() / np.finfo(np.float32).eps < 40


def test_infinities_are_right_where_jax_nn_gives_nan():
    assert jnp.isnan(jax.nn.mish(-jnp.inf))
    assert mish(-jnp.inf) == 0
    assert jnp.isnan(jax.grad(jax.nn.mish)(jnp.inf))
    assert jax.grad(mish)(jnp.inf) == 1


def test_slopes_of_mish_at_zero_are_the_published_ones():
    assert MISH.derivative(0.0) == pytest.approx(0.6)
    assert MISH.derivative(0.0, order=2) == pytest.approx(0.64)


@pytest.mark.parametrize(
    ("f", "exact"),
    [
        (mish, lambda x: x * np.tanh(np.log1p(np.exp(x)))),
        (serf, lambda x: x * special.erf(np.log1p(np.exp(x)))),
        (telu, lambda x: x * np.tanh(np.exp(x))),
        (phish, lambda x: x * np.tanh(x * special.ndtr(x))),
        (logish, lambda x: x * np.log1p(special.expit(x))),
        (smish, lambda x: x * np.tanh(np.log1p(special.expit(x)))),
    ],
)
def test_negative_tail_is_accurate_to_its_own_size(f, exact):
    x = np.float32([-8, -6.5, -5, -3])
    np.testing.assert_allclose(f(x), exact(x.astype(np.float64)), rtol=tolerance("float32", n=8))


@pytest.mark.parametrize("act", EVERY, ids=[act.name for act in EVERY])
def test_gate_grows_and_lies_between_zero_and_its_limit(act):
    x = np.linspace(-7, 7, 282, dtype=np.float32)
    gate = np.asarray(act(x)) / x
    # below -0.75 gelu falls again, and with it the gate of phish
    grows = x > -0.5 if act is PHISH else np.full(x.shape, True)
    assert (np.diff(gate[grows]) > -1e-6).all()
    assert gate.max() <= 1
    assert gate[-1] == pytest.approx(float(act.derivative(np.float32(np.inf))), abs=2e-3)


def test_phish_is_nowhere_negative_and_touches_zero_at_zero():
    y = np.asarray(phish(np.linspace(-5, 5, 201, dtype=np.float32)))
    assert y.min() == 0
    assert PHISH.derivative(0.0) == 0
    assert PHISH.derivative(0.0, order=2) == pytest.approx(1)  # x^2 / 2


def test_tails_of_gates_are_x_times_their_leading_term():
    x = np.float32([-30, -20])
    leading = x * np.exp(x.astype(np.float64))
    # tanh(u) ~ u, erf(u) ~ 2 u / sqrt(pi), log(1 + u) ~ u
    for act, factor in ((MISH, 1), (SERF, 2 / np.sqrt(np.pi)), (TELU, 1), (LOGISH, 1), (SMISH, 1)):
        np.testing.assert_allclose(act(x), factor * leading, rtol=1e-5)
