"""Is the shape alphabet the one the style guide fixes, and are annotations really checked?"""

from typing import get_args

import jax
import jax.numpy as jnp
import pytest
from jaxtyping import TypeCheckError

from relu_jax.core import numerics, types


def test_alphabet_is_the_style_guides():
    assert list(types.ALPHABET) == list("BNDHLCTK")
    with pytest.raises(TypeError, match="does not support item assignment"):
        types.ALPHABET["X"] = "anything"  # pyright: ignore[reportIndexIssue]


def test_arrays_are_jax_arrays():
    assert isinstance(jnp.zeros(2), types.Array)


@pytest.mark.parametrize("key", [jax.random.key, jax.random.PRNGKey], ids=["typed", "words"])
def test_both_forms_of_key_are_keys(key):
    assert any(isinstance(key(0), form) for form in get_args(types.Key))


def test_the_import_hook_checks_shapes():
    with pytest.raises(TypeCheckError, match="denominator"):
        numerics.safe_divide(jnp.ones(3), jnp.ones(4))
