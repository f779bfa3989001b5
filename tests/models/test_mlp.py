"""The fully connected network against NumPy."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from relu_jax.activations import get
from relu_jax.core.errors import DataError
from relu_jax.models import convnet, mlp, xavier

SIZES = {mlp: ([4, 2],), convnet: ((8, 8, 1), [4], 10)}


def forward(params, x, f):
    """Run the network in float64."""
    *hidden, last = params["layers"]
    for layer in hidden:
        x = f(x @ np.float64(layer["kernel"]) + np.float64(layer["bias"]))
    return x @ np.float64(last["kernel"]) + np.float64(last["bias"])


def test_logits_equal_the_formula_and_the_last_layer_is_linear():
    model = mlp([5, 7, 6, 3], activation=get("tanh"), init=xavier())
    params = model.init(jax.random.key(0))
    x = np.random.default_rng(0).normal(size=(4, 5)).astype(np.float32)
    np.testing.assert_allclose(model.apply(params, x), forward(params, x, np.tanh), atol=1e-5)


def test_parameters_have_the_documented_names_and_shapes():
    params = mlp([5, 7, 3]).init(jax.random.key(0))
    assert list(params) == ["layers"]
    shapes = [{name: leaf.shape for name, leaf in layer.items()} for layer in params["layers"]]
    assert shapes == [{"kernel": (5, 7), "bias": (7,)}, {"kernel": (7, 3), "bias": (3,)}]


def test_any_callable_is_an_activation():
    model = mlp([2, 3, 1], activation=lambda z: z * 0)
    assert model.apply(model.init(jax.random.key(0)), jnp.ones((4, 2))).tolist() == [[0.0]] * 4


def test_one_key_gives_one_network_and_each_layer_its_own_weights():
    model = mlp([4, 4, 4])
    first, again = (model.init(jax.random.key(0))["layers"] for _ in range(2))
    np.testing.assert_array_equal(first[0]["kernel"], again[0]["kernel"])
    assert (first[0]["kernel"] != first[1]["kernel"]).any()


def test_one_example_equals_a_row_of_the_batch():
    model = mlp([4, 8, 2])
    params, x = model.init(jax.random.key(0)), jnp.ones((3, 4))
    np.testing.assert_allclose(model.apply(params, x[0]), model.apply(params, x)[0], rtol=1e-6)


def test_dtype_of_the_parameters_rules():
    model = mlp([4, 8, 2])
    params = model.init(jax.random.key(0), jnp.bfloat16)
    assert model.apply(params, np.ones((3, 4), np.float32)).dtype == jnp.bfloat16
    assert model.apply(params, np.ones((3, 4), np.int32)).dtype == jnp.bfloat16


def test_wrong_sizes_and_inputs_are_refused():
    with pytest.raises(ValueError, match=r"sizes are 2 or more integers"):
        mlp([64])
    model = mlp([4, 2])
    with pytest.raises(DataError, match=r"last axis is 4; got float32 array of shape \(3, 5\)"):
        model.apply(model.init(jax.random.key(0)), np.ones((3, 5), np.float32))


@pytest.mark.parametrize(
    ("sizes", "got"),
    [
        ([4, 8, 2], r"\(4, 8\), \(8, 2\)"),
        ([4, 8, 8, 8, 2], r"\(4, 8\), \(8, 8\), \(8, 8\), \(8, 2\)"),
        ([4, 8, 7, 2], r"\(4, 8\), \(8, 7\), \(7, 2\)"),
    ],
)
def test_parameters_of_another_network_are_refused(sizes, got):
    params = mlp(sizes).init(jax.random.key(0))
    words = rf"kernels of shape \(4, 8\), \(8, 8\), \(8, 2\); got {got}; draw them with init"
    with pytest.raises(DataError, match=words):
        mlp([4, 8, 8, 2]).apply(params, jnp.ones((3, 4)))


def test_the_name_of_an_activation_is_refused():
    words = (
        r"activation is a function; got str 'relu'; pass .*nn.relu or rj.activations.get\(\"relu"
    )
    for build in (mlp, convnet):
        with pytest.raises(TypeError, match=words):
            # As without pytest, whose checks of annotations would speak first.
            inspect.unwrap(build)(*SIZES[build], activation="relu")
