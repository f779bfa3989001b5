"""Exponential rectifiers: the branch at 0, the published fixed point, jax.nn's values."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from relu_jax.activations import get
from relu_jax.activations.exponential import SELU_ALPHA, SELU_SCALE, elu, selu
from relu_jax.core.numerics import tolerance


@pytest.mark.parametrize(("ours", "theirs"), [(elu, jax.nn.elu), (selu, jax.nn.selu)])
def test_value_and_slope_equal_jax_nn(ours, theirs):
    x = jnp.asarray([-20, -3, -0.3, -0.0, 0, 0.4, 2, np.inf, -np.inf, np.nan])

    def both(f):
        return jax.jit(lambda x: jax.jvp(f, (x,), (jnp.ones_like(x),)))(x)

    for a, b in zip(both(ours), both(theirs), strict=True):
        # expm1(x) + 1, as jax.nn has it, is off by one rounding of 1
        np.testing.assert_allclose(a, b, rtol=tolerance("float32"), atol=2e-7)


def test_selu_slope_at_zero_belongs_to_the_exponential_branch():
    assert get("selu").slope_at_kinks == (pytest.approx(1.7580993408),)
    assert pytest.approx(1.7580993408) == SELU_SCALE * SELU_ALPHA


def test_gradient_stays_finite_where_the_exponential_would_overflow():
    assert jax.grad(elu)(1e4) == 1
    assert jax.grad(jax.grad(elu))(1e4) == 0


def test_fit_reads_alpha_and_no_more():
    assert get("elu").fit(lambda x: 0.5 * np.expm1(x)) == {"alpha": pytest.approx(0.5)}
    with np.errstate(all="ignore"):
        assert get("elu").fit(np.log) is None
