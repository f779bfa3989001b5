"""What is looked at, and where?"""

import jax.numpy as jnp
from jax import lax, nn

from relu_jax.tap import eyes
from tests.tap import networks as n
from tests.tap.reading import program_of


def _f(x):
    return lax.cond(x.sum() > 0, jnp.tanh, lambda x: lax.cond(x.min() > 0, jnp.sin, nn.silu, x), x)


def test_sites_are_found_in_every_frame_within_and_probes_go_where_they_are():
    read = program_of(_f, n.X)
    see = eyes.opened(read.placed, lambda *_: None)
    (cond,) = [node for node in read.graph.frame.nodes if node.kind == "cond"]
    assert eyes.sites_in([read.graph.frame], see) == {"site#1", "site#2", "site#3"}
    inner, tanh = (eyes.sites_in([frame], see) for frame in cond.frames)
    assert (len(inner), len(tanh)) == (2, 1)
    probes = {"site#1": {}, "site#3": {}, "elsewhere": {}}
    assert list(eyes.probes_in(cond, see, probes)) == ["site#1", "site#3"]
    assert eyes.sites_in([read.graph.frame], eyes.CLOSED) == set()


def test_what_an_activation_computes_inside_is_not_where_another_ends():
    (silu,) = program_of(nn.silu, n.X).placed
    see = eyes.opened([silu], lambda *_: None)
    assert set(see.at) == {silu.piece.z, silu.piece.y}
    assert see.joined == {silu.piece.z, silu.piece.y}
