"""Is a whole number taken as it is, and nothing else rounded to one?"""

import jax.numpy as jnp
import numpy as np
import pytest

from relu_jax.core.integers import integer


@pytest.mark.parametrize("value", [3, np.int64(3), np.uint8(3), jnp.int32(3), np.array(3)])
def test_integers_of_any_kind_become_one_of_python(value):
    assert type(integer("n", value)) is int
    assert integer("n", value) == 3


@pytest.mark.parametrize(
    ("value", "got"),
    [
        (2.5, "float 2.5"),
        (2.0, "float 2.0"),
        (np.float32(2), r"float32 array of shape \(\)"),
        (True, "True"),
        ("2", "str '2'"),
        (None, "None"),
        ([2], "list of length 1"),
    ],
)
def test_nothing_is_rounded(value, got):
    with pytest.raises(TypeError, match=rf"^n is an integer; got {got}; pass a whole number as n$"):
        integer("n", value)
