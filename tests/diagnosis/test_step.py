"""Does one compiled step give loss, sums and summaries of a batch, and no more?"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from relu_jax.diagnosis import step
from relu_jax.tap import arguments

X = jnp.asarray(np.random.default_rng(0).standard_normal((6, 3)), jnp.float32)
W = {"a": jnp.ones((3, 4)) * 0.3, "b": jnp.ones((4, 2))}


def loss(params, batch):
    return jnp.mean(jnp.tanh(batch @ params["a"]) @ params["b"])


def built(f=loss, **changes):
    call = arguments.part(f, (W, X), {})
    given = {"only": None, "has_aux": False} | changes
    return step.build(f, call, {"a": 1.0}, **given)


def run(program, sums=None, x=X):
    own = [W["a"], W["b"]]
    packed, added = program(own, [x], sums or step.empty_sums(own), np.float32(6))
    return program.read(packed), added


def test_value_and_gradient_are_those_of_the_loss():
    seen, sums = run(built())
    value, grads = jax.jit(jax.value_and_grad(loss))(W, X)
    assert seen.loss == value
    assert np.array_equal(sums[0], 6 * np.asarray(grads["a"]))
    assert np.array_equal(sums[1], 6 * np.asarray(grads["b"]))
    assert seen.steepest[0] == jnp.max(jnp.abs(grads["a"]))


def test_what_was_seen_is_a_few_arrays_and_comes_apart_again():
    own = [W["a"], W["b"]]
    program = built()
    packed, _ = program(own, [X], step.empty_sums(own), np.float32(6))
    assert {kind: array.ndim for kind, array in packed.items()} == {"float32": 1, "int32": 1}
    seen = program.read(packed)
    z = np.asarray(X) @ np.full((3, 4), np.float32(0.3))
    ahead = seen.forward["a"]
    assert (ahead.samples, ahead.samples.dtype, ahead.zeros.dtype) == (6, np.int32, np.float32)
    np.testing.assert_allclose(ahead.squares_pre[0], (z**2).sum(axis=0), rtol=1e-5)
    np.testing.assert_allclose(ahead.squares_post[0], (np.tanh(z) ** 2).sum(axis=0), rtol=1e-5)


def test_gradients_add_up_over_batches():
    program = built()
    _, once = run(program)
    once = [np.asarray(s) for s in once]
    _, twice = run(program, [jnp.asarray(s) for s in once])
    assert np.array_equal(twice[0], 2 * once[0])


def test_only_one_end_has_a_histogram():
    seen, _ = run(built())
    assert seen.backward["a"].pre.at_least.size > 0
    assert seen.backward["a"].post.at_least.size == 0


def test_aux_is_passed_over():
    seen, _ = run(built(lambda p, x: (loss(p, x), {"any": x}), has_aux=True))
    assert seen.loss == jax.jit(loss)(W, X)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_non_finite_data_are_counted(bad):
    seen, _ = run(built(), x=X.at[1, 2].set(bad))
    assert [int(n) for n in seen.strange_data] == [1]
    assert bool(np.isnan(seen.steepest[0])) or bool(np.isinf(seen.steepest[0])) or bad == np.inf


def test_a_loss_of_half_precision_is_widened():
    seen, sums = run(built(lambda p, x: loss(p, x).astype(jnp.bfloat16)))
    assert seen.loss.dtype == jnp.float32
    assert sums[0].dtype == jnp.float32


def test_sums_begin_as_zeros_of_enough_precision():
    zeros = step.empty_sums([jnp.ones(2, jnp.bfloat16), np.ones(2)])
    assert [z.dtype for z in zeros] == [np.float32, np.float64]


def test_the_step_is_compiled_once_for_all_batches():
    program = built()
    first = run(program)
    run(program, first[1], X + 1.0)
    assert program._run._cache_size() <= 2  # zeros come from the host, sums from the device


def test_integers_in_the_data_are_finite():
    seen, _ = run(built(lambda p, x: loss(p, x.astype(jnp.float32))), x=jnp.ones((6, 3), jnp.int32))
    assert [int(n) for n in seen.strange_data] == [0]
