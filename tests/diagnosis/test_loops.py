"""Is a network that loops over its layers or its steps told like one that is written out?"""

import jax
import jax.numpy as jnp
import pytest

import relu_jax as rj
from relu_jax.core.numerics import tolerance
from tests.diagnosis import networks
from tests.diagnosis.networks import counts, gaussian

pytestmark = pytest.mark.leaks_unchecked(
    "it retraces every primitive, 7 times the time; test_diagnose.py turns it on"
)
TOLERANCE = tolerance("float32", n=64)


def looped(params, batch):
    x, labels = batch
    x, _ = jax.lax.scan(lambda h, w: (jnp.tanh(h @ w), None), x, params["hidden"])
    return networks.cross_entropy(x @ params["last"], labels)


def unrolled(params, batch):
    x, labels = batch
    for w in params["hidden"]:
        x = jnp.tanh(x @ w)
    return networks.cross_entropy(x @ params["last"], labels)


def test_a_loop_over_layers_is_told_layer_by_layer():
    first, last = jax.random.split(jax.random.key(0))
    stacked = {
        "hidden": jax.random.normal(first, (3, 64, 64)) / 8.0,
        "last": jax.random.normal(last, (64, 10)) / 8.0,
    }
    apart = stacked | {"hidden": list(stacked["hidden"])}
    batches = gaussian(20, 2)
    a, b = rj.diagnose(looped, stacked, batches), rj.diagnose(unrolled, apart, batches)
    assert list(a.sites) == ["hidden[0]", "hidden[1]", "hidden[2]"]
    assert [r[1:] for r in counts(a)] == [r[1:] for r in counts(b)]
    for one, other in zip(a.sites.values(), b.sites.values(), strict=True):
        assert one.rms_pre == pytest.approx(other.rms_pre, rel=TOLERANCE)
        assert one.norm_d_pre == pytest.approx(other.norm_d_pre, rel=TOLERANCE)
    assert a.flow == pytest.approx(b.flow, rel=TOLERANCE)


def test_a_loop_over_steps_is_one_site():
    def loss(params, batch):
        x, labels = batch
        steps = x.reshape(len(x), 8, 8).swapaxes(0, 1)

        def turn(h, x):
            h = jnp.tanh(x @ params["in"] + h @ params["rec"])
            return h, h

        last, _ = jax.lax.scan(turn, jnp.zeros((len(labels), 16)), steps)
        return networks.cross_entropy(last @ params["out"], labels)

    keys = jax.random.split(jax.random.key(0), 3)
    shapes = {"in": (8, 16), "rec": (16, 16), "out": (16, 10)}
    params = {
        name: jax.random.normal(key, shape) / shape[0] ** 0.5
        for key, (name, shape) in zip(keys, shapes.items(), strict=True)
    }
    (report,) = rj.diagnose(loss, params, gaussian(20, 2)).sites.values()
    assert report.n == 20 * 2 * 8
    assert report.units == 16
    assert 0.1 < report.rms_post < 1
