"""Are functions of the user's checked before they run, and told by their site when they fail?"""

import functools
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import nn

from relu_jax import tap
from relu_jax.tap import callbacks
from tests.tap import networks as n

W = n.leaf(n.D, n.H, seed=31)


def model(w, x):
    """Give one site, w."""
    return nn.relu(x @ w)


def test_a_patch_of_one_argument_is_told_its_two():
    words = r"patch\(pre, post\); got .*, which takes \(post\); pass .*lambda pre, post"
    with pytest.raises(TypeError, match=words):
        tap.patch(model, {"w": lambda post: post})


@pytest.mark.parametrize("forward", [lambda pre, post: post, "mean", lambda a, b, c, d, e: a])
def test_a_callback_of_another_number_of_arguments_is_told_its_own(forward):
    words = r"forward\(site, act, pre, post\); got .*; pass .*lambda site, act, pre, post"
    with pytest.raises(TypeError, match=words):
        tap.observe(model, forward)
    with pytest.raises(TypeError, match=words):
        tap.observed_value_and_grad(model, forward, lambda site, ct: ct)
    with pytest.raises(TypeError, match=r"backward\(site, cotangent\); got .*"):
        tap.observed_value_and_grad(model, lambda s, a, pre, post: post, lambda ct: ct)


def test_a_replacement_of_two_arguments_is_told_its_one():
    with pytest.raises(
        TypeError, match=r"function of one array; got .* takes \(a, b\); .*lambda z"
    ):
        tap.swap(model, {"w": lambda a, b: a})


def test_a_replacement_by_numpy_names_site_and_replacement():
    words = r"replacement tanh at w is traced .*; got a function of NumPy.*; use .*jax\.numpy"
    with pytest.raises(jax.errors.TracerArrayConversionError, match=words) as told:
        tap.swap(model, {"w": np.tanh})(W, n.X)
    causes, error = [], told.value.__cause__
    while error is not None:  # JAX puts one of its own between
        causes.append(str(error))
        error = error.__cause__
    assert any("numpy.ndarray conversion method" in cause for cause in causes)


def test_a_callback_that_asks_for_values_names_its_site_and_line():
    def asks(pre, post):
        return post if post.sum() > 0 else pre

    with pytest.raises(TypeError, match=r"the patch asks at w .*if.*\(test_callbacks.py:\d+\)"):
        tap.patch(model, {"w": asks})(W, n.X)
    seen = jax.jit(tap.observe(model, lambda site, act, pre, post: float(post.mean())))
    with pytest.raises(TypeError, match=r"forward <lambda> at w is traced .*float\(\)"):
        seen(W, n.X)


def test_what_a_callback_raises_itself_stays_and_notes_its_site():
    with pytest.raises(AttributeError, match="foo") as told:
        tap.swap(model, {"w": lambda z: z.foo})(W, n.X)
    assert "raised in the replacement <lambda> at w" in told.value.__notes__


def _wrapped(f):
    @functools.wraps(f)
    def of_two(pre, post):
        return f(pre) + 0 * post

    return of_two


@pytest.mark.parametrize(
    "given",
    [_wrapped(jnp.tanh), lambda *args: args[0], partial(lambda a, pre, post: post, 1), jnp.add,
     jax.jit(lambda pre, post: post), lambda pre, post, scale=1: post, np.add, max],
)  # fmt: skip
def test_what_can_be_called_is_accepted(given):
    callbacks.check(given, "", "pre", "post")


@pytest.mark.parametrize(
    "act",
    [jnp.tanh, nn.relu, nn.gelu, np.tanh, jax.jit(nn.silu), jax.custom_jvp(lambda z: z), abs,
     partial(nn.leaky_relu, negative_slope=0.1), nn.softplus, lambda z, scale=2: z * scale],
)  # fmt: skip
def test_activations_are_functions_of_one_array(act):
    callbacks.check(act, "", "z")
