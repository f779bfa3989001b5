"""Numbers out of their range are refused where they can be seen, and pass where traced."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from relu_jax.theory.scalars import above, at_least, check_scalars, is_known, real

pytestmark = pytest.mark.thorough("with its neighbours it takes minutes; the examples run anyway")


@pytest.mark.parametrize("value", [2, 2.0, np.float64(2), jnp.float32(2), np.int32(2)])
def test_any_real_number_becomes_a_float_array(value):
    x = above(0.0, "q", value, do="pass one")
    assert x == 2
    assert x.dtype == "float32"


def test_half_precision_is_widened_and_float64_kept():
    assert at_least(0.0, "q", jnp.bfloat16(2), do="pass one").dtype == "float32"
    with jax.enable_x64(True):
        assert at_least(0.0, "q", 2, do="pass one").dtype == "float64"
        assert at_least(0.0, "q", np.float64(2), do="pass one").dtype == "float64"
        assert at_least(0.0, "q", np.float32(2), do="pass one").dtype == "float32"


def test_several_numbers_are_refused_where_one_is_meant():
    check_scalars(q=1.0, weight_std=jnp.float32(1))
    with pytest.raises(
        ValueError, match=r"b is one number; got float32 array of shape \(2,\); use"
    ):
        check_scalars(a=1.0, b=jnp.ones(2))


@pytest.mark.parametrize("value", [-0.5, np.inf, np.nan, np.array([1.0, -0.5])])
def test_number_below_the_least_is_refused(value):
    with pytest.raises(ValueError, match=r"q is finite and at least 0; got (-0\.5|inf|nan); pass"):
        at_least(0.0, "q", value, do="pass one")


def test_the_limit_itself_is_not_above_it():
    assert at_least(0.0, "q", 0.0, do="pass one") == 0
    with pytest.raises(ValueError, match=r"q is finite and above 0; got 0\.0; pass one"):
        above(0.0, "q", 0.0, do="pass one")


@pytest.mark.parametrize("value", [1j, np.complex64(1), True])
def test_what_is_no_real_number_is_refused(value):
    with pytest.raises(TypeError, match=r"q is a real number; got .*; pass one"):
        above(0.0, "q", value, do="pass one")


def test_nothing_is_no_number():
    with pytest.raises(TypeError, match=r"q is a real number; got None; pass one"):
        real("q", None, do="pass one")


def test_traced_numbers_pass_unseen():
    assert jax.jit(lambda x: at_least(0.0, "q", x, do="pass one"))(-1.0) == -1
    assert is_known(1.0, 2)
    assert all(map(is_known, (1, np.ones(2), jnp.ones(2))))
    assert not jax.jit(lambda x: jnp.bool_(is_known(1.0, x)))(1.0)
