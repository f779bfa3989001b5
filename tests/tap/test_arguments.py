"""Are arrays parted from settings, named by their path, and put back where they were?"""

import dataclasses
import inspect
from collections import namedtuple
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import relu_jax as rj
from relu_jax import tap
from relu_jax.tap import arguments

W = np.ones((2, 3), np.float32)
Pair = namedtuple("Pair", ["w", "b"])


@partial(jax.tree_util.register_dataclass, data_fields=["kernel", "note"], meta_fields=["width"])
@dataclasses.dataclass
class Layer:
    kernel: object
    note: object = None
    width: int = 3


def network(params, x, *rest, rate=0.5, train=True):
    del params, x, rest, rate, train


def _paths(f, *args, **kwargs):
    return [(leaf.path, leaf.arg) for leaf in arguments.part(f, args, kwargs).leaves]


@pytest.mark.parametrize(
    ("args", "kwargs", "leaves"),
    [
        ((W, W), {}, [("params", 0), ("x", 1)]),
        (([{"w": W}, {"w": W}], 3), {}, [("params/0/w", 0), ("params/1/w", 0)]),
        ((Pair(W, (W, 1)),), {}, [("params/w", 0), ("params/b/0", 0)]),
        ((Layer(W, "text"),), {}, [("params/kernel", 0)]),
        ((1, 2, {"a": W}, 3, W), {}, [("args/2/a", 2), ("args/4", 4)]),
        ((W,), {"x": W, "rate": 0.1}, [("params", 0), ("rate", 2), ("x", 1)]),
        ((), {"params": {"w": W}}, [("params/w", 0)]),
        (({"a/b": W},), {}, [("params/a/b", 0)]),
        ((), {}, []),
    ],
)
def test_arrays_are_named_by_the_path_the_user_sees(args, kwargs, leaves):
    assert _paths(network, *args, **kwargs) == leaves


def test_leaves_that_read_alike_are_numbered():
    params = {"a": {"b": W}, "a/b": W, "c": [W], "c/0": W}
    assert [path for path, _ in _paths(network, params)] == [
        "params/a/b", "params/a/b#2", "params/c/0", "params/c/0#2",
    ]  # fmt: skip


def test_a_function_without_a_signature_numbers_its_arguments():
    assert _paths(max, W, W) == [("args/0", 0), ("args/1", 1)]
    assert _paths(partial(network, W), W) == [("x", 0)]
    assert _paths(print, W) == [("args/0", 0)]


@pytest.mark.parametrize(
    "value",
    [W, jnp.ones(2), np.float32(1), 0.5, 1j, jax.ShapeDtypeStruct((2,), "int32"), np.arange(3)],
    ids=lambda value: type(value).__name__,
)
def test_arrays_and_floats_are_traced(value):
    assert arguments.is_array(value)


@pytest.mark.parametrize(
    "value",
    [3, True, "relu", jnp.tanh, None, np.float32, ...],
    ids=["int", "bool", "text", "function", "none", "type", "ellipsis"],  # repr: differs by process
)
def test_ints_flags_texts_and_functions_are_settings(value):
    assert not arguments.is_array(value)


def test_a_float_stays_weakly_typed():
    x = np.ones(2, jnp.bfloat16)
    call = arguments.part(lambda x, rate: x * rate, (x, 0.5), {})
    assert call.arrays[1].weak_type
    assert call.call(lambda x, rate: x * rate)(*call.arrays).dtype == jnp.bfloat16


def test_arrays_are_put_back_into_their_places():
    args, kwargs = (Pair([W, "text"], 7), jnp.tanh), {"train": False, "rate": 0.25}
    call = arguments.part(network, args, kwargs)
    (pair, f), settings = call.filled(["first", "second"])
    assert pair == Pair(["first", "text"], 7)
    assert f is jnp.tanh
    assert settings == {"train": False, "rate": "second"}


def test_too_few_arrays_are_refused():
    with pytest.raises(ValueError, match="shorter"):
        arguments.part(network, (W, W), {}).filled([W])


def test_settings_steer_the_program_and_arrays_may_be_shapes():
    def model(w, x, depth, act, *, twice=False):
        for _ in range(depth):
            x = act(x @ w)
        return act(x) if twice else x

    w = jax.ShapeDtypeStruct((3, 3), "float32")
    sites = tap.sites(model, w, x=jax.ShapeDtypeStruct((5, 3), "float32"), depth=2, act=jnp.tanh)
    assert [(site.kind, site.path) for site in sites] == [("tanh", "w")] * 2


def test_a_new_function_names_its_arguments_as_the_old_one_does():
    class Model:
        weights = "of its own"

        def __call__(self, params, x, *, rate=1.0):
            return x

    for f in (Model(), Model().__call__, jax.jit(lambda params, x: x)):
        named = arguments.named_like(f)(lambda *args, **kwargs: None)
        assert list(inspect.signature(named).parameters)[:2] == ["params", "x"]
        assert not hasattr(named, "weights")


def test_an_infinity_is_a_setting():
    """A pooling of Equinox holds the -inf it starts from; traced, it would be no maximum."""
    pool = eqx.nn.MaxPool2d(2, 2)

    def loss(pool, x):
        return jnp.mean(pool(jax.nn.relu(x)))

    x = jax.random.normal(jax.random.key(0), (1, 4, 4))
    want = jax.grad(loss, argnums=1)(pool, x)
    for f in (rj.lean(loss), rj.tap.swap(loss, {"relu": "relu"})):
        np.testing.assert_array_equal(jax.grad(f, argnums=1)(pool, x), want)
    assert set(rj.tap.cotangents(loss)(pool, x)[1]) == {"site#1"}
