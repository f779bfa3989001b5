"""Does the table of what is kept say what is kept?"""

import jax
import jax.numpy as jnp
from jax import lax, nn

import relu_jax as rj


def test_the_table_adds_up():
    table = rj.memory(lambda z: (nn.relu(z), nn.silu(z), jnp.tanh(z)), jnp.ones((5, 9)))
    relu, silu, tanh = table
    assert (relu.plain, silu.plain, tanh.plain) == (180, 180, 0)
    assert (relu.lean, silu.lean, tanh.lean) == (5 * 2, 5 * 2, 0)  # nine bits are two bytes
    assert str(table).splitlines()[-1].split() == ["total", "360", "20"]


def test_what_nothing_else_keeps_is_counted():
    def f(w, x):
        added = x + nn.silu(x @ w)
        return jnp.sum(nn.relu(added @ w) + added) + jnp.sum(nn.silu(added) @ w)

    first, relu, last = rj.memory(f, jnp.ones((8, 8)), jnp.ones((4, 8)))
    assert (first.plain, first.lean) == (128, 128 + 4)
    assert first.how == "of y, on 2 pieces; nothing else keeps y"
    assert (relu.plain, relu.lean) == (128, 4)
    assert (last.lean, last.how) == (4, "of y, on 2 pieces")


def test_a_number_and_an_empty_array_have_a_line_each():
    table = rj.memory(lambda a, b: (nn.relu(a), nn.relu(b)), jnp.float32(1), jnp.ones((0, 3)))
    assert [(one.plain, one.lean) for one in table] == [(4, 1), (0, 0)]


def test_a_loop_stacks_what_tanh_makes_of_its_result():
    def f(ws, x):
        return jnp.sum(lax.scan(lambda h, w: (jnp.tanh(h @ w), None), x, ws)[0] ** 2)

    args = (jnp.ones((12, 64, 64)), jnp.ones((256, 64)))
    sizes = [
        jax.jit(jax.grad(g)).lower(*args).compile().memory_analysis().temp_size_in_bytes
        for g in (f, rj.lean(f))
    ]
    (kept,) = rj.memory(f, *args)
    assert kept.how == "of y"
    assert kept.plain == 12 * 256 * 64 * 4
    newer = jax.__version_info__ >= (0, 12)  # there it is made anew
    assert sizes[0] - sizes[1] == (0 if newer else kept.plain)
