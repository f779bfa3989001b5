"""The convolutional network against loops."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from relu_jax.core.errors import DataError
from relu_jax.models import convnet
from relu_jax.models.convnet import average_pool, convolve


def convolved(x, kernel, bias, stride):
    """Convolve by loops, zeros beyond the edge split as evenly as SAME does."""
    n, height, width, _ = x.shape
    rows, columns = -(-height // stride), -(-width // stride)
    above, left = (
        max((r - 1) * stride + 3 - s, 0) // 2 for r, s in ((rows, height), (columns, width))
    )
    padded = np.pad(x, ((0, 0), (above, 3), (left, 3), (0, 0)))
    out = np.zeros((n, rows, columns, kernel.shape[-1]))
    for i in range(rows):
        for j in range(columns):
            window = padded[:, i * stride : i * stride + 3, j * stride : j * stride + 3]
            out[:, i, j] = np.einsum("bhwi,hwio->bo", window, kernel)
    return out + bias


@pytest.mark.parametrize("stride", [1, 2])
def test_convolution_equals_the_loops(stride):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 5, 6, 3)).astype(np.float32)
    params = {"kernel": rng.normal(size=(3, 3, 3, 4)), "bias": rng.normal(size=4)}
    single = {name: jnp.asarray(p, jnp.float32) for name, p in params.items()}
    expected = convolved(x, params["kernel"], params["bias"], stride)
    np.testing.assert_allclose(convolve(single, jnp.asarray(x), stride), expected, atol=1e-5)


def test_pooling_averages_whole_squares_and_cuts_the_rest():
    x = jnp.arange(30.0).reshape(1, 5, 6, 1)
    assert average_pool(x, 2)[0, :, :, 0].tolist() == [[3.5, 5.5, 7.5], [15.5, 17.5, 19.5]]
    assert average_pool(x, 1) is x


@pytest.mark.parametrize(
    ("options", "kernel"),
    [({}, (2 * 2 * 8, 10)), ({"pool": 1}, (8 * 8 * 8, 10)), ({"pool": 1, "stride": 2}, (32, 10))],
)
def test_last_layer_takes_what_the_convolutions_leave(options, kernel):
    model = convnet((8, 8, 1), [4, 8], 10, **options)
    params = model.init(jax.random.key(0))
    shapes = [layer["kernel"].shape for layer in params["layers"]]
    assert shapes == [(3, 3, 1, 4), (3, 3, 4, 8), kernel]
    assert model.apply(params, jnp.ones((2, 8, 8, 1))).shape == (2, 10)


def test_activation_stands_between_convolution_and_pooling():
    model = convnet((4, 4, 1), [2], 3, activation=lambda z: jnp.full_like(z, 2.0))
    params = model.init(jax.random.key(0))
    expected = 2 * params["layers"][-1]["kernel"].sum(axis=0)
    np.testing.assert_allclose(model.apply(params, jnp.ones((1, 4, 4, 1)))[0], expected, rtol=1e-5)


def test_too_many_layers_are_refused():
    with pytest.raises(ValueError, match=r"a pixel is left .*; got 8 pixels, 4 layers, stride 1"):
        convnet((8, 8, 1), [4] * 4, 10)


@pytest.mark.parametrize("image", [(8, 8), (8, 0, 1)])
def test_image_that_is_none_is_refused(image):
    with pytest.raises(ValueError, match=r"image sides and channels are 3 or more integers"):
        convnet(image, [4], 10)


@pytest.mark.parametrize("shape", [(8, 8, 1), (2, 8, 7, 1), (2, 64)])
def test_images_of_another_shape_are_refused(shape):
    model = convnet((8, 8, 1), [4], 10)
    params = model.init(jax.random.key(0))
    with pytest.raises(DataError, match=r"the model takes .*; got float32 array of shape"):
        model.apply(params, np.ones(shape, np.float32))


def test_parameters_of_another_network_are_refused():
    params = convnet((8, 8, 1), [4, 4], 10).init(jax.random.key(0))
    words = r"kernels of shape \(3, 3, 1, 4\), \(64, 10\); got \(3, 3, 1, 4\), \(3, 3, 4, 4\), \(16"
    with pytest.raises(DataError, match=words):
        convnet((8, 8, 1), [4], 10).apply(params, np.ones((2, 8, 8, 1), np.float32))
