"""Is a gradient taken by the arrays of the first argument, and by nothing else?"""

import jax.numpy as jnp
import pytest

from relu_jax.analyses import losses
from relu_jax.tap import arguments


def loss(params, x, power):
    return jnp.sum(params["w"] ** power * x) + params["step"]


PARAMS = {"w": jnp.array([1.0, 2.0]), "step": 3, "mask": jnp.array([True, False])}


def call():
    return arguments.part(loss, (PARAMS, jnp.array([1.0, 10.0]), 2), {})


def test_floating_arrays_are_parameters():
    assert list(losses.parameters(call())) == ["params/w"]


def test_the_gradient_is_by_them():
    (found,) = losses.gradient(loss, call()).values()
    assert found.tolist() == [2.0, 40.0]


def test_one_real_number_is_asked_for():
    losses.check_scalar(loss, call())
    for wrong in (lambda *a: (loss(*a), 1.0), lambda *_: jnp.int32(1), lambda p, *_: p["w"]):
        with pytest.raises(ValueError, match="one real number"):
            losses.check_scalar(wrong, call())
