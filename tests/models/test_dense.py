"""A layer with named parameters, and the checks models share."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from relu_jax.core.errors import DataError
from relu_jax.models.dense import as_input, check_activation, dense, layer, layers_of, widths
from relu_jax.models.initialise import lecun


def test_dense_is_the_affine_map_for_any_leading_axes():
    params = layer(jax.random.key(0), (4, 3), lecun())
    params["bias"] += 0.5
    x = np.random.default_rng(0).normal(size=(2, 5, 4)).astype(np.float32)
    expected = np.einsum("abi,io->abo", x, np.asarray(params["kernel"])) + 0.5
    np.testing.assert_allclose(dense(params, jnp.asarray(x)), expected, rtol=1e-5, atol=1e-6)
    assert dense(params, jnp.ones(4)).shape == (3,)


def test_biases_start_at_zero():
    assert not layer(jax.random.key(0), (4, 3), lecun())["bias"].any()


@pytest.mark.parametrize("values", [[64], [], [64, 0], [64, -1]])
def test_widths_out_of_range_are_refused(values):
    with pytest.raises(ValueError, match=r"sizes are 2 or more integers of at least 1; got \["):
        widths("sizes", values, least=2)


def test_widths_that_are_no_integers_are_refused():
    with pytest.raises(TypeError, match=r"sizes are integers; got \[64, 1.5\]; round them"):
        widths("sizes", [64, 1.5], least=2)


def test_input_of_another_width_is_refused():
    params = {"layers": [layer(jax.random.key(0), (4, 3), lecun())]}
    with pytest.raises(DataError, match=r"last axis is 4; got float32 array of shape \(2, 5\)"):
        as_input(np.ones((2, 5), np.float32), params, 4)
    with pytest.raises(DataError, match=r"got float32 array of shape \(\)"):
        as_input(np.float32(1), params, 4)


LAYER = layer(jax.random.key(0), (4, 3), lecun())


def test_layers_of_the_right_shapes_are_handed_out():
    assert layers_of({"layers": [LAYER]}, [(4, 3)]) == [LAYER]


@pytest.mark.parametrize(
    ("params", "got"),
    [
        ({"layers": [LAYER, LAYER]}, r"\(4, 3\), \(4, 3\)"),
        ({"layers": []}, "no layer"),
        ({"layers": [{"w": 1}]}, "dict of length 1"),
        ({"layers": [{"kernel": 1.0}]}, "dict of length 1"),
        ([LAYER], "list of length 1"),
        (None, "None"),
    ],
)
def test_parameters_of_another_model_are_refused(params, got):
    words = rf"takes parameters with kernels of shape \(4, 3\); got {got}; draw them with init"
    with pytest.raises(DataError, match=words):
        layers_of(params, [(4, 3)])


@pytest.mark.parametrize("activation", ["relu", None, 0.1])
def test_what_is_no_function_is_no_activation(activation):
    with pytest.raises(TypeError, match=r"activation is a function; got .*; pass .*jax.nn.relu or"):
        check_activation(activation)
