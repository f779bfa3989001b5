"""Are these the steps that a loop by hand makes?"""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from relu_jax.diagnosis import inputs
from relu_jax.diagnosis.descent import descend

BATCHES = list(inputs.stream([np.full((4, 3), v, np.float32) for v in (1.0, 2.0)]))
PARAMS = {"w": jnp.full((3, 2), 0.1), "scale": jnp.float32(2.0)}


def loss(params, batch):
    return jnp.mean(params["scale"] * jnp.tanh(batch @ params["w"]) ** 2)


def by_hand(order, optimizer):
    params, state, seen = PARAMS, optimizer.init(PARAMS), []
    for i in order:
        value, gradient = jax.value_and_grad(loss)(params, BATCHES[i].tree)
        with jax.numpy_dtype_promotion("standard"):
            updates, state = optimizer.update(gradient, state, params)
        params = optax.apply_updates(params, updates)
        seen.append(float(value))
    return params, seen


@pytest.mark.parametrize(
    "optimizer",
    [
        optax.sgd(0.1),
        optax.adamw(0.01, mask=lambda tree: {"w": True, "scale": False}),  # by the user's tree
    ],
)
def test_the_steps_are_those_of_a_loop_by_hand(optimizer):
    order = [0, 1, 1, 0]
    params, seen = descend(loss, PARAMS, BATCHES, order, optimizer, {})
    wanted, losses = by_hand(order, optimizer)
    assert seen == pytest.approx(losses, rel=1e-5)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5), params, wanted)


def test_the_parameters_given_are_not_given_away():
    descend(loss, PARAMS, BATCHES, [0, 1], optax.sgd(0.1), {})
    assert float(PARAMS["w"][0, 0]) == pytest.approx(0.1)


def test_what_is_no_array_stays_and_aux_is_dropped():
    def paired(params, batch):
        return jnp.mean(batch @ params["w"]) * (2.0 if params["twice"] else 1.0), batch

    params = {"w": jnp.ones((3, 2)), "twice": True}
    new, seen = descend(paired, params, BATCHES, [0], optax.sgd(0.5), {})
    assert new["twice"] is True
    assert seen.tolist() == [6.0]
    assert np.allclose(new["w"], 0.5)


def test_a_step_is_compiled_once_for_each_shape():
    traced, compiled = [], {}

    def counted(params, batch):
        traced.append(batch.shape)
        return loss(params, batch)

    shapes = list(inputs.stream([np.ones((n, 3), np.float32) for n in (4, 2, 4)]))
    for _ in range(2):
        descend(counted, PARAMS, shapes, [0, 1, 2, 1], optax.sgd(0.1), compiled)
    assert len(compiled) == 2
    assert traced == [(4, 3), (2, 3)]


def test_a_loss_that_is_not_finite_goes_on():
    _, seen = descend(
        lambda w, x: jnp.sum(x) * jnp.sum(w * jnp.inf), jnp.ones(2), BATCHES, [0, 1],
        optax.sgd(0.1), {},
    )  # fmt: skip
    assert len(seen) == 2
    assert not np.isfinite(seen).any()
