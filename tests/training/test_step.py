"""One update against the formula, and the refusals of a loss."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from relu_jax.training import State, build_step, norm, start
from relu_jax.training.step import check_optimizer


def loss(params, batch):
    """Half the squared distance."""
    return 0.5 * jnp.sum((params["w"] - batch) ** 2)


def test_update_and_info_equal_the_formula():
    step = jax.jit(build_step(loss, optax.sgd(0.1)))
    state, info = step(start({"w": jnp.array([3.0, 4.0])}, optax.sgd(0.1)), jnp.zeros(2))
    np.testing.assert_allclose(state.params["w"], [2.7, 3.6], rtol=1e-6)
    assert float(info.loss) == 12.5
    assert float(info.grad_norm) == pytest.approx(5)
    assert float(info.update_norm) == pytest.approx(0.5)
    assert (int(info.step), int(state.step)) == (0, 1)
    assert info.aux == ()


@pytest.mark.leaks_unchecked("the check compiles every call anew: what this test counts")
def test_step_compiles_once_although_params_start_as_numpy_or_weak():
    step = jax.jit(build_step(lambda p, x: p["a"] * x + p["b"].sum(), optax.adam(0.1)))
    state = start({"a": 1.0, "b": np.ones(2)}, optax.adam(0.1))
    for _ in range(3):
        state, _ = step(state, np.float32(2))
    assert step._cache_size() == 1


def test_noise_is_a_function_of_key_and_step():
    def noisy(w, batch, key):
        return (w * jax.random.normal(key)).sum() + batch

    step = jax.jit(build_step(noisy, optax.sgd(1.0)))
    begun = start(jnp.ones(()), optax.sgd(1.0), key=jax.random.key(3))
    once, _ = step(begun, 0.0)
    twice, _ = step(once, 0.0)
    drawn = [jax.random.normal(jax.random.fold_in(jax.random.key(3), k)) for k in (0, 1)]
    np.testing.assert_allclose(twice.params, 1 - drawn[0] - drawn[1], rtol=1e-5)


def test_aux_is_reported():
    step = build_step(lambda w, x: (w * x, {"twice": 2 * w}), optax.sgd(0.1), has_aux=True)
    _, info = step(start(jnp.float32(3), optax.sgd(0.1)), jnp.float32(1))
    assert float(info.aux["twice"]) == 6


@pytest.mark.parametrize("params", [{"n": np.arange(3)}, {"n": np.ones(2, bool)}, [1j]])
def test_parameters_that_are_no_floats_are_named(params):
    with pytest.raises(TypeError, match=r"every parameter is a float array; got .* at params\["):
        start(params, optax.sgd(0.1))


@pytest.mark.parametrize(
    ("optimizer", "got"),
    [("adam", "str 'adam'"), (optax.adam, "function adam"), (None, "None"), (0.1, "float 0.1")],
)
def test_what_is_no_optax_transformation_is_refused(optimizer, got):
    with pytest.raises(TypeError, match=rf"optax transformation; got {got}; pass e.g. optax.adam"):
        check_optimizer(optimizer)


def test_chains_and_schedules_are_optax_transformations():
    check_optimizer(optax.chain(optax.clip(1.0), optax.sgd(optax.constant_schedule(0.1))))


def test_no_parameter_is_refused():
    with pytest.raises(ValueError, match=r"at least one parameter; got none; pass a tree"):
        start({}, optax.sgd(0.1))


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        (lambda w: w, ValueError, r"returns a scalar; got float32 array of shape \(2,\); reduce"),
        (lambda w: (w.sum(), w), TypeError, r"returns a scalar; got tuple of length 2; pass has"),
        (lambda w: w.size, TypeError, r"the loss is a float; got int 2; compute"),
    ],
)
def test_loss_that_is_no_scalar_float_is_refused(value, kind, text):
    step = build_step(lambda w, _: value(w), optax.sgd(0.1))
    with pytest.raises(kind, match=text):
        step(start(jnp.ones(2), optax.sgd(0.1)), jnp.ones(2))


def test_loss_without_aux_is_refused_where_aux_was_promised():
    step = build_step(lambda w, _: w.sum(), optax.sgd(0.1), has_aux=True)
    with pytest.raises(TypeError, match=r"with has_aux the loss returns \(scalar, aux\); got"):
        step(start(jnp.ones(2), optax.sgd(0.1)), jnp.ones(2))


def test_norm_neither_overflows_nor_vanishes():
    assert float(norm([jnp.full(3, 1e30), jnp.full((2, 2), 1e30)])) == pytest.approx(7**0.5 * 1e30)
    assert float(norm([jnp.full(4, 1e-30)])) == pytest.approx(2e-30)
    assert float(norm([jnp.full(2**10, 1, jnp.bfloat16)])) == 32
    assert float(norm([])) == 0
    assert jnp.isnan(norm([jnp.array([jnp.nan, 1.0]), jnp.ones(2)]))


def test_state_is_a_pytree_of_arrays():
    state = start({"w": jnp.ones(2)}, optax.adam(0.1), key=jax.random.key(0))
    doubled = jax.tree.map(lambda leaf: leaf, state)
    assert isinstance(doubled, State)


@pytest.mark.parametrize("optimizer", [optax.adam(0.1), optax.sgd(0.1, momentum=0.9)])
def test_dtype_of_the_parameters_is_kept(optimizer):
    begun = start({"w": jnp.ones(2, jnp.bfloat16)}, optimizer)
    state, info = jax.jit(build_step(loss, optimizer))(begun, jnp.zeros(2, jnp.bfloat16))
    assert state.params["w"].dtype == jnp.bfloat16
    assert info.grad_norm.dtype == jnp.float32
