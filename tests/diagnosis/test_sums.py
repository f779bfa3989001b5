"""Do sums come back from a file as they were?"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import relu_jax as rj
from relu_jax.core.strict_json import from_json, to_json
from relu_jax.diagnosis import sums
from tests.diagnosis.networks import gaussian, mlp_loss, start

pytestmark = pytest.mark.leaks_unchecked(
    "it retraces every primitive; tests/diagnosis/test_diagnose.py runs under it"
)


def equal(one, other):
    assert jax.tree.structure(one) == jax.tree.structure(other)
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        assert np.array_equal(a, b)
        assert np.asarray(a).dtype == np.asarray(b).dtype


def again(kept):
    return sums.built(from_json(to_json(sums.told(kept))), sums.arrays(kept))


def test_a_network_comes_back():
    d = rj.diagnose(mlp_loss(jax.nn.relu), start([64, 24, 10]), gaussian(20, 2), mergeable=True)
    equal(again(d.sums), d.sums)


def test_loops_branches_and_hostile_names_come_back():
    def loss(params, batch):
        x, deep = batch

        def step(h, x):
            h = jnp.tanh(x + h @ params["a/b"])
            return h, h

        h, _ = jax.lax.scan(step, jnp.zeros((5, 3)), x)
        return jnp.mean(jax.lax.cond(deep, lambda h: jax.nn.relu(h @ params["é\n/"]), jnp.sin, h))

    params = {"a/b": jnp.eye(3), "é\n/": jnp.eye(3)}
    batch = (jnp.linspace(-1, 1, 60).reshape(4, 5, 3), jnp.asarray(True))
    d = rj.diagnose(loss, params, [batch], mergeable=True)
    kept = d.sums
    assert kept.total.turns
    assert kept.total.ran
    equal(again(kept), kept)


def test_what_broke_comes_back():
    batches = gaussian(20, 1)
    batches[0][0][0, 0] = np.inf
    d = rj.diagnose(mlp_loss(jax.nn.relu), start([64, 24, 10]), batches, mergeable=True)
    assert again(d.sums).origins == d.sums.origins != ((),)
