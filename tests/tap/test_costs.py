"""Does a tap that is off cost nothing, and does looking often leave nothing behind?"""

import gc

import jax
import jax.numpy as jnp
import pytest
from jax import nn

import relu_jax as rj
from relu_jax import tap
from tests.tap import contexts as c
from tests.tap import networks as n

pytestmark = pytest.mark.leaks_unchecked(
    "it collects garbage at every trace: test_observe.py has it"
)
NETWORKS = {"mlp": (n.mlp(nn.relu, nn.gelu), (n.P, n.X)), "scan": (n.rnn, (n.RNN, n.TEXT)),
            "cond": (c.branches, (n.P, n.X))}  # fmt: skip


def _linear(x):
    return jnp.sum(x @ x.T)


OFF = {
    "swap": lambda f: tap.swap(f, {}),
    "patch": lambda f: tap.patch(f, {}),
}
NOTHING_THERE = {
    "record": lambda f: lambda *args: tap.record(f)(*args)[0],
    "cotangents": lambda f: lambda *args: tap.cotangents(f)(*args)[0],
    "lean": rj.lean,
}


def _text(f, *args):
    def program(*args):
        return f(*args)

    return jax.jit(program).lower(*args).as_text()


@pytest.mark.parametrize("verb", OFF)
@pytest.mark.parametrize("name", NETWORKS)
def test_with_no_site_chosen_the_lowered_program_is_the_original_s(name, verb):
    f, args = NETWORKS[name]
    assert _text(OFF[verb](f), *args) == _text(f, *args)


@pytest.mark.parametrize("verb", NOTHING_THERE)
def test_so_it_is_where_there_is_no_site(verb):
    assert _text(NOTHING_THERE[verb](_linear), n.X) == _text(_linear, n.X)


@pytest.mark.thorough("two hundred times every verb")
def test_two_hundred_analyses_leave_no_buffer_behind():
    f, args = NETWORKS["mlp"]

    def loss(*args):
        return jnp.sum(f(*args))

    def look():
        tap.sites(f, *args)
        tap.record(f)(*args)
        tap.cotangents(loss)(*args)
        tap.swap(f, {"relu": "silu"})(*args)
        rj.memory(f, *args)
        jax.grad(rj.lean(loss))(*args)

    def alive():
        gc.collect()
        return len(jax.live_arrays())

    look()
    before = alive()
    for _ in range(200):
        look()
    assert alive() == before
