"""Is what happens in a run found, from the first step to the file, and by name?"""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import relu_jax as rj
from relu_jax.diagnosis import monitor
from tests.diagnosis import networks

LOSS = networks.mlp_loss(jax.nn.relu)
(BATCH,) = networks.gaussian(64, 1, 24)


def test_every_word_is_there():
    assert rj.monitor is monitor
    assert all(hasattr(monitor, name) for name in monitor.__all__)


def trained(path, change, steps=30):
    """Train, with something done to the parameters before each step."""
    optimizer = optax.sgd(0.01)
    watch = monitor.value_and_grad(LOSS)

    @jax.jit
    def step(params, state):
        (_, stats), grads = watch(params, BATCH)
        updates, state = optimizer.update(grads, state, params)
        return optax.apply_updates(params, updates), state, stats

    params = networks.start([24, 16, 16, 10])
    state = optimizer.init(params)
    with monitor.Log(path) as log:
        for i in range(steps):
            params, state, stats = step(change(i, params), state)
            log.write(i, stats)
    return monitor.read(path)


def shifted(params, units, by):
    """Move some biases of the second layer."""
    return networks.replaced(params, 1, "b", params[1]["b"].at[jnp.asarray(units)].add(by))


def test_units_that_are_killed_and_brought_back_are_told(tmp_path):
    def change(i, params):
        return shifted(params, [2, 5], {7: -100.0, 20: 100.0}[i]) if i in (7, 20) else params

    run = trained(tmp_path / "run.jsonl", change)
    told = [(e.kind, e.step, e.name, e.units) for e in run.events()]
    assert told == [
        ("died", 7, "params/1", (2, 5)), ("recovered", 20, "params/1", (2, 5))
    ]  # fmt: skip
    assert run.sites["params/1"].silent[[6, 7, 19, 20]].tolist() == [0, 2, 2, 0]
    assert run.loss[-1] < run.loss[0]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_the_first_tensor_that_breaks_is_told(tmp_path, bad):
    def change(i, params):
        return networks.scaled(params, 2, bad) if i == 12 else params

    run = trained(tmp_path / "run.jsonl", change, steps=15)
    (event,) = (e for e in run.events() if e.kind == "nonfinite")
    assert (event.step, event.name, event.what) == (12, "params/2/w", "the parameter")
