"""Is a chain of operations cut into the functions along it, however long, far or scaled?"""

import jax.numpy as jnp
import pytest
from jax import nn

from relu_jax import tap
from relu_jax.tap import chains, regions
from tests.tap import networks as n
from tests.tap.reading import regions_of

pytestmark = pytest.mark.leaks_unchecked(
    "it collects garbage at every trace: test_observe.py has it"
)


def _kinds(f, *args):
    return [site.kind for site in tap.sites(f, *args)]


def test_waypoints_are_what_every_path_passes():
    flow = regions_of(lambda x: jnp.tanh(x * nn.sigmoid(x)) + 1, n.X)
    (y,) = regions.exits(flow, lambda v: True, flow.frame.outs)
    names = [flow.maker[v].name for v in chains.waypoints(flow, y, set())[1:]]
    assert names == ["mul", "tanh", "add"]  # not the sigmoid: x goes around it


@pytest.mark.parametrize(
    ("f", "kinds"),
    [
        (lambda x: jnp.tanh(nn.relu(x)), ["rectified_tanh"]),
        (lambda x: nn.relu(jnp.tanh(x)), ["rectified_tanh"]),
        (lambda x: nn.relu(nn.relu(x)), ["relu"]),
        (lambda x: 1.7 * jnp.tanh(2 * x / 3), ["tanh"]),
        (lambda x: nn.relu(2 * x + 1), ["relu"]),
        (lambda x: jnp.sin(3 * x), ["sine"]),
        (lambda x: jnp.sin(jnp.cos(x)), ["unknown"]),
        (lambda x: jnp.sin(nn.silu(x)), ["silu", "sine"]),
        (lambda x: nn.silu(jnp.sin(x)), ["sine", "silu"]),
        (lambda x: jnp.square(nn.relu(x)), ["squared_relu"]),
        (lambda x: (nn.relu(x), nn.relu(-x)), ["relu", "relu"]),
        (lambda x: 2 * x + 1, []),
        (lambda x: nn.relu(x - 100), ["relu"]),
        (lambda x: nn.sigmoid(x - 273.15), ["sigmoid"]),
        (lambda x: jnp.tanh(x * 1e-4), ["tanh"]),
        (lambda x: jnp.clip(x, -100, 100), ["hard_tanh"]),
        (lambda x: jnp.clip(x, -65000, 65000), []),
        (lambda x: jnp.where(jnp.isfinite(x), x, 0), []),
        (lambda x: nn.leaky_relu(x[None]), ["leaky_relu"]),
        (lambda x: nn.silu(jnp.expand_dims(x, 1)), ["silu"]),
    ],
)
def test_a_chain_is_cut_into_the_functions_along_it(f, kinds):
    assert _kinds(lambda w, x: f(x @ w), n.leaf(3, 4), n.X) == kinds


def test_a_constant_added_after_an_activation_does_not_double_it():
    def f(w, x):
        p = nn.sigmoid(x @ w)
        return jnp.log(p + 1e-6), jnp.log(1 - p + 1e-6)

    sites = tap.sites(f, n.leaf(3, 4), n.X)
    assert [s.kind for s in sites].count("sigmoid") == 1


def test_a_scaled_activation_is_recorded_whole_or_bare_but_right():
    y, seen = tap.record(lambda w, x: 1.7 * jnp.tanh(x @ w))(n.leaf(3, 4), n.X)
    (ends,) = seen.values()
    bare, whole = jnp.tanh(ends.pre), 1.7 * jnp.tanh(ends.pre)
    assert bool(jnp.allclose(ends.post, bare)) or bool(jnp.allclose(ends.post, whole))
    assert bool(jnp.allclose(y, whole))


def test_a_long_chain_is_told_to_its_end():
    def f(w, x):
        h = x @ w
        for _ in range(60):
            h = jnp.tanh(1.1 * h + 0.1)
        return h

    assert _kinds(f, n.leaf(3, 4), n.X) == ["tanh"] * 60


def test_what_is_multiplied_by_zero_is_a_function_all_the_same():
    (site,) = tap.sites(lambda x: nn.sigmoid(x) * jnp.zeros(n.X.shape), n.X)
    assert site.kind == "sigmoid"
