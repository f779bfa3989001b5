"""Are parameters that make no sense refused, by name?"""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from relu_jax.activations.ranges import finite_number, positive

pytestmark = pytest.mark.thorough("with its neighbours it takes minutes; the examples run anyway")


@pytest.mark.parametrize("value", [0.0, -1.5, math.nan])
def test_what_is_not_positive_is_refused_by_name(value):
    with pytest.raises(ValueError, match=r"aria2 needs beta > 0; got beta=(0.0|-1.5|nan); pass"):
        positive("aria2", alpha=1.0, beta=value)


def test_positive_parameters_move_no_kink():
    assert positive("aria2", alpha=1e-30, beta=2.0) == {}


@pytest.mark.parametrize(
    "value",
    [math.nan, -math.inf, "steep", "2", b"2", None, (1.0, 2.0), True, np.True_, np.array("2"),
     1j, 10**400],
)  # fmt: skip
def test_what_is_no_finite_number_is_refused_by_name(value):
    with pytest.raises(TypeError, match=r"a start is a finite number; got .*; pass 1"):
        finite_number("a start", value, do="pass 1")


def test_a_traced_number_is_refused_and_an_array_of_one_is_taken():
    with pytest.raises(TypeError, match=r"a start is a finite number; got float32 array of shape"):
        jax.jit(lambda value: finite_number("a start", value, do="pass 1"))(2.0)
    assert finite_number("a start", jnp.float32(0.5), do="pass 1") == 0.5
