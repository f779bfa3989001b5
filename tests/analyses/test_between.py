"""Is a part of a network what is written by hand, and do parts multiply up to the whole?"""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import relu_jax as rj
from relu_jax.analyses.between import between, once
from tests.analyses.networks import AS_USERS_WRITE

pytestmark = AS_USERS_WRITE
WS = [jax.random.normal(jax.random.key(i), (6, 6)) / 2 for i in range(4)]
X = jax.random.normal(jax.random.key(9), (5, 6))


def net(x):
    for w in WS[:3]:
        x = jnp.tanh(x @ w)
    return x @ WS[3]


def residual(x):
    h = jnp.tanh(x @ WS[0])
    return jax.nn.relu(h @ WS[1] + x) @ WS[2]


def slopes(x, n):
    """Give the slopes and the result of the n-th layer, by hand."""
    for w in WS[: n + 1]:
        x = np.tanh(np.asarray(x, np.float64) @ np.asarray(w, np.float64))
    return 1 - x**2


def test_a_layer_is_its_slopes_and_its_weights():
    got = rj.analyses.jacobian(between(net, "site#1", "site#2"), X)
    want = slopes(X, 1)[:, :, None] * np.asarray(WS[1]).T[None]
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)


def test_parts_multiply_up_to_the_whole():
    places = [None, "site#1", "site#2", "site#3", None]
    parts = [
        np.asarray(rj.analyses.jacobian(between(net, a, b), X), np.float64)
        for a, b in itertools.pairwise(places)
    ]
    product = parts[0]
    for part in parts[1:]:
        product = part @ product
    np.testing.assert_allclose(product, rj.analyses.jacobian(net, X), rtol=1e-4, atol=1e-6)


def test_neither_end_is_the_function_itself():
    whole = between(net)
    np.testing.assert_array_equal(whole(X), net(X))
    np.testing.assert_array_equal(rj.analyses.jacobian(whole, X), rj.analyses.jacobian(net, X))


def test_what_goes_around_the_beginning_is_held():
    got = rj.analyses.jacobian(between(residual, "tanh", "relu"), X)
    x = np.asarray(X, np.float64)
    h = np.tanh(x @ np.asarray(WS[0], np.float64)) @ np.asarray(WS[1], np.float64) + x
    np.testing.assert_allclose(
        got, (h > 0)[:, :, None] * np.asarray(WS[1]).T[None], rtol=1e-6, atol=1e-7
    )


@pytest.mark.parametrize("k", [None, 2])
def test_singular_values_are_those_of_the_matrices(k):
    part = between(residual, "tanh", "relu")
    got = rj.analyses.singular_values(part, X, k=k)
    want = np.linalg.svd(np.asarray(rj.analyses.jacobian(part, X), np.float64), compute_uv=False)
    assert (got.n_out, got.n_in) == (6, 6)
    np.testing.assert_allclose(got.values, want[:, : got.values.shape[1]], rtol=1e-4, atol=1e-5)


def test_examples_are_taken_a_few_at_a_time():
    part = between(residual, "tanh", "relu")
    few = rj.analyses.singular_values(part, X, max_bytes=2 * 6 * 6 * 4)
    many = rj.analyses.singular_values(part, X)
    np.testing.assert_allclose(few.values, many.values, rtol=1e-5)


def test_named_sites_and_pictures_are_taken_too():
    params = {"conv": jax.random.normal(jax.random.key(0), (3, 3, 1, 2)), "w": jnp.ones((32, 3))}

    def model(params, x):
        h = jax.lax.conv_general_dilated(
            x, params["conv"], (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
        )
        return jnp.tanh(jax.nn.relu(h).reshape(len(x), -1) @ params["w"])

    def f(x):
        return model(params, x)

    images = jax.random.normal(jax.random.key(1), (2, 4, 4, 1))
    got = rj.analyses.jacobian(between(f, "relu", "tanh"), images)
    assert got.shape == (2, 3, 32)
    where, result = once(between(f, "relu", "tanh")).shaped(images)
    assert (where.shape, result.shape) == ((2, 4, 4, 2), (2, 3))


def test_it_may_be_jitted_and_called():
    part = between(net, "site#1", "site#3")
    want = jnp.tanh(jnp.tanh(jnp.tanh(X @ WS[0]) @ WS[1]) @ WS[2])
    np.testing.assert_allclose(jax.jit(part)(X), want, rtol=1e-6)
    onward, start = once(part).opened(X)
    np.testing.assert_allclose(onward(0 * start), 0 * X)


def scanned(x):
    return jax.lax.scan(lambda h, w: (jnp.tanh(h @ w), None), x, jnp.stack(WS))[0]


def across(x):
    return jnp.tanh(x.T) @ x


WRONG = {
    "none": (net, "gelu", None, "means 0 of 3"),
    "several": (net, "tanh", None, "means 3 of 3.* pass an id: site#1, site#2, site#3"),
    "backwards": (net, "site#2", "site#1", "ends after it begins; got from site#2 to site#1"),
    "the same": (net, "site#2", "site#2", "ends after it begins"),
    "a loop": (scanned, "tanh", None, "in a loop; write the loop out"),
    "other examples": (across, "tanh", None, r"of \(6, 5\) for x of \(5, 6\)"),
}


@pytest.mark.parametrize(("f", "first", "last", "words"), WRONG.values(), ids=WRONG)
def test_what_is_no_part_is_refused(f, first, last, words):
    with pytest.raises(ValueError, match=words):
        rj.analyses.jacobian(between(f, first, last), X)


def test_what_is_no_function_is_refused():
    with pytest.raises(TypeError, match="f is a function of a batch; got"):
        between(3)


def test_a_function_is_read_once_for_each_shape():
    reads = []

    def f(x):
        reads.append(x.shape)
        return net(x)

    part = once(f)
    for x in (X, 2 * X, X[:2], X):
        onward, start = part.opened(x)
        np.testing.assert_allclose(onward(start), net(x), rtol=1e-6)
        assert part.shaped(x)[1].shape == x.shape
    assert reads == [(5, 6), (2, 6)]
    assert once(part) is part
    rj.analyses.singular_values(f, X)
    assert len(reads) == 3


def test_what_f_looks_up_elsewhere_is_read_again_in_every_call():
    scale = [1.0]

    def f(x):
        return scale[0] * x

    for scale[0] in (1.0, 3.0):
        assert rj.analyses.singular_values(f, X[:1]).values[0, 0] == pytest.approx(scale[0])
        assert rj.analyses.jacobian(f, X[:1])[0, 0, 0] == scale[0]


def test_an_input_that_is_no_array_is_refused():
    with pytest.raises(TypeError, match="takes one array; got dict"):
        between(lambda d: net(d["x"]), "site#1")({"x": X})


def test_examples_that_meet_are_refused():
    def f(x):
        h = jnp.tanh(x)
        return jax.nn.relu(h - h.mean(axis=0, keepdims=True))

    with pytest.raises(ValueError, match="examples do not meet in f"):
        rj.analyses.jacobian(between(f, "tanh", "relu"), X)
