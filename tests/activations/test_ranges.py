"""Are parameters that make no sense refused, by name?"""

import math

import pytest

from relu_jax.activations.ranges import positive

pytestmark = pytest.mark.thorough("with its neighbours it takes minutes; the examples run anyway")


@pytest.mark.parametrize("value", [0.0, -1.5, math.nan])
def test_what_is_not_positive_is_refused_by_name(value):
    with pytest.raises(ValueError, match=r"aria2 needs beta > 0; got beta=(0.0|-1.5|nan); pass"):
        positive("aria2", alpha=1.0, beta=value)


def test_positive_parameters_move_no_kink():
    assert positive("aria2", alpha=1e-30, beta=2.0) == {}
