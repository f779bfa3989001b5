"""Gumbel samples follow the softmax, and their hard form has the soft gradient."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from relu_jax.activations.gumbel import gumbel_softmax

pytestmark = pytest.mark.thorough("with its neighbours it takes minutes; the examples run anyway")

LOGITS = np.float32([0.5, -1.0, 2.0, 0.0])
P = np.exp(np.float64(LOGITS)) / np.exp(np.float64(LOGITS)).sum()
N = 400_000  # with bfloat16 noise the counts are 10 standard errors off


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_the_largest_weight_falls_on_a_category_as_often_as_its_softmax_says(dtype):
    rows = jnp.broadcast_to(jnp.asarray(LOGITS, dtype), (N, 4))
    counts = np.float64(gumbel_softmax(jax.random.key(0), rows, hard=True)).sum(0)
    assert counts.sum() == N
    assert (np.abs(counts - N * P) < 5 * np.sqrt(N * P * (1 - P))).all()


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_hard_samples_are_exactly_one_hot_at_the_largest_soft_weight(dtype):
    x = jnp.asarray(np.tile(LOGITS, (50, 1)), dtype)
    key = jax.random.key(2)
    hard = gumbel_softmax(key, x, hard=True, temperature=0.7)
    soft = gumbel_softmax(key, x, temperature=0.7)
    assert hard.dtype == soft.dtype == x.dtype
    assert set(np.float32(hard).ravel()) == {0.0, 1.0}
    np.testing.assert_array_equal(hard.argmax(-1), soft.argmax(-1))
    np.testing.assert_allclose(np.float32(soft).sum(-1), 1, atol=4 * float(jnp.finfo(dtype).eps))


def test_hard_samples_have_the_gradient_of_soft_ones():
    def loss(x, hard):
        return (gumbel_softmax(jax.random.key(1), x, hard=hard) * jnp.arange(4.0)).sum()

    slope = jax.jit(jax.grad(loss), static_argnums=1)
    np.testing.assert_array_equal(slope(LOGITS, True), slope(LOGITS, False))
    assert np.abs(slope(LOGITS, True)).max() > 0.05


def test_temperature_moves_samples_between_uniform_and_one_hot():
    x = jnp.broadcast_to(LOGITS, (200, 4))
    cold = gumbel_softmax(jax.random.key(3), x, temperature=1e-3)
    warm = gumbel_softmax(jax.random.key(3), x, temperature=1e3)
    assert float(cold.max(-1).mean()) > 0.99
    np.testing.assert_allclose(warm, 0.25, atol=0.01)


@pytest.mark.parametrize("hard", [False, True])
def test_what_is_masked_is_never_drawn(hard):
    mask = np.array([[True, False, True, True], [False] * 4])
    x = jnp.broadcast_to(LOGITS, (2, 4))
    y = np.asarray(gumbel_softmax(jax.random.key(0), x, where=mask, hard=hard))
    np.testing.assert_array_equal(y[~mask], 0)
    np.testing.assert_allclose(y.sum(-1), [1, 0], rtol=1e-6)


def test_another_axis_is_taken():
    x = np.float32(np.tile(LOGITS[:, None], (1, 3)))
    y = gumbel_softmax(jax.random.key(0), x, axis=0, hard=True)
    np.testing.assert_array_equal(y.sum(0), [1, 1, 1])


def test_bad_input_is_refused():
    for temperature in (0.0, -1.0, float("nan")):
        with pytest.raises(
            ValueError, match=r"needs temperature > 0; got temperature=.*; pass temp"
        ):
            gumbel_softmax(jax.random.key(0), LOGITS, temperature=temperature)
    with pytest.raises(ValueError, match=r"axis is one of the 1 axes"):
        gumbel_softmax(jax.random.key(0), LOGITS, axis=1)
    with pytest.raises(TypeError, match=r"where is a mask of booleans"):
        gumbel_softmax(jax.random.key(0), LOGITS, where=np.ones(4, np.float32))


def test_hard_samples_of_half_precision_do_not_favour_low_indices_at_high_temperature():
    keys = jax.random.split(jax.random.key(0), 4096)
    draw = partial(gumbel_softmax, temperature=100.0, hard=True)
    drawn = jax.vmap(draw, in_axes=(0, None))(keys, jnp.zeros(2, jnp.bfloat16))
    assert abs(float(drawn[:, 0].astype(jnp.float32).mean()) - 0.5) < 5 * 0.5 / 64
