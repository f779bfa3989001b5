"""Does the table of memory count what a backward pass holds?"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax, nn

import relu_jax as rj
from tests.tap import networks as n
from tests.tap.oracles import near

pytestmark = pytest.mark.leaks_unchecked("it collects garbage at every trace: test_lean.py has it")

W = n.leaf(7, 3, 3)
Z_BYTES, BITS_BYTES = 5 * 3 * 4, 5 * 1


def layer(h, w):
    return nn.relu(h @ w), None


def layers(w, x):
    return lax.scan(layer, x, w)[0]


def rematted_layers(w, x):
    return lax.scan(jax.checkpoint(layer), x, w)[0]


def rematted_stack(w, x):
    return jax.checkpoint(layers)(w, x)


def stacks(w, x):
    return lax.scan(lambda h, _: (rematted_stack(w, h), None), x, length=4)[0]


@pytest.mark.parametrize(
    ("f", "turns"), [(layers, 7), (rematted_layers, 1), (rematted_stack, 7), (stacks, 7)]
)
def test_turns_of_loops_inside_a_checkpoint_are_held_at_once(f, turns):
    (kept,) = rj.memory(f, W, n.X)
    assert (kept.plain, kept.lean) == (turns * Z_BYTES, turns * BITS_BYTES)


@pytest.mark.parametrize("remat", [False, True])
def test_xla_saves_what_is_told(remat):
    def f(w, x):
        def turn(h, w):
            return nn.silu(h @ w), None

        return lax.scan(jax.checkpoint(turn) if remat else turn, x, w)[0].sum()

    def temporary(g):
        return jax.jit(jax.grad(g)).lower(*args).compile().memory_analysis().temp_size_in_bytes

    args = n.leaf(20, 64, 64), n.leaf(512, 64)
    (kept,) = rj.memory(f, *args)
    saved, told = temporary(f) - temporary(rj.lean(f)), kept.plain - kept.lean
    if remat:
        assert abs(saved) < told < 512 * 64 * 4
    else:
        assert saved > told > 19 * 512 * 64 * 4


def test_what_stays_as_it_is_says_why():
    def model(p, x):
        h = jnp.where(x @ p["w"] > 0, x @ p["w"], p["slope"] * (x @ p["w"]))
        h = jnp.sin(h @ p["v"])
        return lax.while_loop(lambda h: h.sum() > 9, lambda h: jnp.tanh(h) * 0.5, h @ p["v"])

    params = {"w": n.leaf(3, 4), "v": n.leaf(4, 4), "slope": np.float32(0.1)}
    told = [row.how for row in rj.memory(model, params, n.X)]
    assert told == [
        "left: a parameter is an array",
        "left: no short law of y",
        "left: no gradient in a while loop",
    ]
    assert [row.lean for row in rj.memory(model, params, n.X)] == [80, 80, 80]
    (left,) = rj.memory(jax.grad(lambda x: nn.relu(x).sum()), n.X)
    assert left.how.startswith("left: the program takes a derivative")
    assert "total" in str(rj.memory(model, params, n.X))
    near(rj.lean(model)(params, n.X), model(params, n.X))
