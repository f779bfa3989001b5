"""Jacobians against JAX's own, one example at a time, and against ones written by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from relu_jax.analyses import jacobian
from relu_jax.analyses.jacobian import chunks, plan, refuse_meeting, rows

W = jax.random.normal(jax.random.key(0), (6, 4))
X = jax.random.normal(jax.random.key(1), (3, 6))


def narrowing(x):
    return jnp.tanh(x @ W)


def widening(x):
    return jnp.sin(x @ W.T)


def pictures(x):  # (N, 3, 2) -> (N, 2, 2)
    return jnp.square(x[:, :2] * x[:, 1:])


CASES = {
    "narrowing": (narrowing, X),
    "widening": (widening, X[:, :4]),
    "pictures": (pictures, X.reshape(3, 3, 2)),
}


@pytest.mark.parametrize("name", CASES)
def test_each_is_that_of_one_example_alone(name):
    f, x = CASES[name]
    got = jax.jit(lambda x: jacobian(f, x))(x)
    want = jax.vmap(jax.jacfwd(lambda one: f(one[None])[0]))(x)
    np.testing.assert_allclose(got, want.reshape(got.shape), rtol=1e-5, atol=1e-6)


def test_of_a_linear_map_it_is_the_matrix_and_of_a_layer_that_with_its_slopes():
    np.testing.assert_allclose(jacobian(lambda x: x @ W, X), np.broadcast_to(W.T, (3, 4, 6)))
    slopes = 1 - np.tanh(np.asarray(X @ W)) ** 2
    by_hand = slopes[:, :, None] * np.asarray(W.T)[None]
    np.testing.assert_allclose(jacobian(narrowing, X), by_hand, rtol=1e-4, atol=1e-6)


def test_the_plan_is_told_before_anything_runs():
    def never(x):
        assert isinstance(x, jax.core.Tracer)
        return x[:, :2]

    told = plan(never, jax.ShapeDtypeStruct((7, 5), "float32"))
    assert told == (7, 2, 5, 40)
    assert told.backward
    assert str(told) == "7 Jacobians of 2 × 5: 280 B, 40 B each, by 2 backward passes"
    assert not plan(widening, X[:, :4]).backward
    with pytest.raises(ValueError, match=r"max_bytes=279; got 7 Jacobians of 2 × 5: 280 B.* k="):
        jacobian(never, jnp.ones((7, 5)), max_bytes=279)


def test_rows_and_chunks_are_those_of_the_whole():
    whole = rows(narrowing, plan(narrowing, X), X)
    parts = [rows(narrowing, plan(narrowing, X), part) for part in chunks(plan(narrowing, X), X, 2)]
    assert [len(part) for part in parts] == [2, 1]
    np.testing.assert_allclose(np.concatenate(parts), whole, rtol=1e-6)


def test_it_can_be_differentiated_and_takes_a_single_example():
    slope = jax.grad(lambda x: jnp.sum(jacobian(jnp.square, x)))(X)
    np.testing.assert_allclose(slope, np.full(X.shape, 2.0))
    assert jacobian(narrowing, X[:1]).shape == (1, 4, 6)


def test_a_function_whose_examples_meet_is_refused():
    refuse_meeting(narrowing, X)
    with pytest.raises(ValueError, match=r"do not meet in f; got .* \(batch norm\)"):
        jacobian(lambda x: x / x.std(axis=0, keepdims=True), X)


def test_examples_that_meet_behind_dead_units_or_a_layer_norm_are_seen():
    def centred(x):
        return x - x.mean(axis=0, keepdims=True)

    dead_in_the_middle = jnp.array([[1.0, 2.0], [3.0, 1.0], [-1.0, -1.0], [2.0, 2.0]])
    with pytest.raises(ValueError, match="do not meet"):
        refuse_meeting(lambda x: centred(jax.nn.relu(x)), dead_in_the_middle)
    with pytest.raises(ValueError, match="do not meet"):
        refuse_meeting(lambda x: centred(x - x.mean(axis=1, keepdims=True)), X)


def test_bad_input_is_answered():
    with pytest.raises(TypeError, match="f is a function of a batch; got"):
        plan(3, X)
    with pytest.raises(TypeError, match=r"x is an array of real floats; got int32"):
        jacobian(narrowing, jnp.ones((2, 6), "int32"))
    with pytest.raises(TypeError, match=r"f\(x\) is an array of real floats; got complex64"):
        jacobian(jnp.fft.fft, X)
    with pytest.raises(TypeError, match=r"f returns one array; got tuple of length 2"):
        jacobian(lambda x: (x, x), X)
    with pytest.raises(ValueError, match=r"leading axis of examples, .* \(0, 6\); pass x\[None\]"):
        jacobian(narrowing, X[:0])
    with pytest.raises(
        ValueError, match=r"keeps the examples in front; got \(4,\) for x of \(3, 6"
    ):
        jacobian(lambda x: narrowing(x).sum(axis=0), X)


def test_a_rule_for_the_backward_pass_alone_will_do():
    @jax.custom_vjp
    def rule(x):
        return jnp.maximum(x, 0.0)

    rule.defvjp(lambda x: (rule(x), x), lambda x, g: (jnp.where(x > 0, g, jnp.zeros_like(g)),))
    got = jacobian(lambda x: rule(x @ W)[:, :3], X)
    want = jacobian(lambda x: jax.nn.relu(x @ W)[:, :3], X)
    np.testing.assert_allclose(got, want)
    with pytest.raises(ValueError, match="do not meet in f"):
        jacobian(lambda x: rule(x @ W)[:, :3] - x.mean(), X)


@pytest.mark.parametrize("f", [lambda x: x[:, :0], lambda x: x @ jnp.zeros((6, 0))])
def test_a_jacobian_without_rows_is_refused(f):
    with pytest.raises(ValueError, match="a Jacobian has rows and columns; got 3 Jacobians of 0"):
        jacobian(f, X)
