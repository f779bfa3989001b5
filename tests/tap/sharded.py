"""Networks inside `shard_map`, in all its forms; importing it takes eight devices."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import P, lax, nn

DRAW = np.random.default_rng(0)
X = jnp.asarray(DRAW.normal(size=(16, 6)), jnp.float32)
PARAMS = {
    "w1": jnp.asarray(DRAW.normal(size=(6, 8)), jnp.float32),
    "w2": jnp.asarray(DRAW.normal(size=(8, 4)), jnp.float32),
}
EIGHT = jax.make_mesh((8,), ("data",), axis_types=(jax.sharding.AxisType.Auto,))
GRID = jax.make_mesh((2, 4), ("data", "model"), axis_types=(jax.sharding.AxisType.Auto,) * 2)


def plain(params, x):
    return nn.softplus(nn.relu(x @ params["w1"]) @ params["w2"])


def split(mesh, in_specs, out_specs, **kwargs):
    return partial(jax.shard_map, mesh=mesh, in_specs=in_specs, out_specs=out_specs, **kwargs)


def over_data(check=True):
    return split(EIGHT, (P(), P("data")), P("data"), check_vma=check)(plain)


@split(GRID, ({"w1": P(None, "model"), "w2": P("model", None)}, P("data")), P("data"))
def over_both(params, x):
    return nn.softplus(lax.psum(nn.relu(x @ params["w1"]) @ params["w2"], "model"))


@split(EIGHT, (P(), P("data")), P("data"))
def with_loops(params, x):
    """Every kind of frame inside the shards, where carries have to say that they vary."""

    def turn(h, _):
        return jax.checkpoint(lambda h: nn.tanh(h @ params["w1"] @ params["w2"] @ fold))(h), None

    fold = jnp.eye(4, 6)
    h, _ = lax.scan(turn, x, None, length=3)
    h = lax.cond(h.sum() > 0, lambda h: nn.silu(h @ params["w1"]), lambda h: h @ params["w1"], h)
    h = lax.fori_loop(0, 2, lambda _, h: nn.elu(h @ params["w2"] @ params["w2"].T), h)
    return nn.sigmoid(h @ params["w2"])


@split(EIGHT, (P(), P("data")), P("data"))
def with_a_while(params, x):
    """A while loop of another number of turns on each device."""

    def turn(state):
        i, h = state
        return i + 1, nn.elu(h @ params["w1"] @ params["w1"].T)

    start = lax.axis_index("data") % 3, x
    return lax.while_loop(lambda state: state[0] < 2, turn, start)[1]


def in_a_scan(params, x):
    """Shards inside a loop."""
    layer = split(EIGHT, (P(), P("data")), P("data"))(lambda w, h: nn.gelu(h @ w @ w.T))
    return lax.scan(lambda h, _: (layer(params["w1"], h), None), x, None, length=3)[0]


@split(EIGHT, (P(), P("data")), P("data"))
def in_a_ring(params, x):
    """Values handed on to the next device."""
    h = nn.relu(x @ params["w1"])
    h = lax.ppermute(h, "data", [(i, (i + 1) % 8) for i in range(8)])
    return nn.softplus(h @ params["w2"])


@split(GRID, (P(), P("data")), P("data"), axis_names={"data"})
def over_one_axis(params, x):
    """The other axis of the mesh is left to the compiler."""
    return plain(params, x)


PROGRAMS = {
    "data": over_data(),
    "unchecked": over_data(check=False),
    "data and model": over_both,
    "loops": with_loops,
    "in a while": with_a_while,
    "in a scan": in_a_scan,
    "in a ring": in_a_ring,
    "one axis": over_one_axis,
}
