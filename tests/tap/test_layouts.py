"""Is what a matrix product keeps of a result kept once, as rows?"""

from functools import reduce

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax, nn

import relu_jax as rj
from relu_jax.tap import layouts, program
from tests.tap.backward_memory import beyond, held, off

pytestmark = [
    pytest.mark.skipif(jax.default_backend() != "cpu", reason="the copies are those of a CPU"),
    pytest.mark.leaks_unchecked("it collects garbage at every trace: test_lean.py has it"),
]


def in_rows(f, *args):
    read = program.opened(f, args, {})[1]
    return [layouts.in_rows(read, one) for one in read.placed]


@pytest.mark.parametrize("act", [nn.gelu, nn.silu, jnp.tanh], ids=["gelu_tanh", "silu", "tanh"])
@pytest.mark.parametrize(
    ("shape", "dtype"),
    [((16, 64, 32), "float32"), ((1024, 32), "bfloat16"), ((4, 9, 32), "float16")],
)
def test_a_matrix_product_keeps_its_result_alone(act, shape, dtype):
    def loss_of(act):
        def loss(weights, x):
            for up, down in weights:
                x = x + act(x @ up) @ down
            return jnp.mean(jnp.square(x.astype(jnp.float32)))

        return loss

    draw = np.random.default_rng(0).normal
    up, down, x = (
        jnp.asarray(draw(scale=0.1, size=s), dtype) for s in [(32, 128), (128, 32), shape]
    )
    args = [(up, down)] * 4, x
    assert in_rows(loss_of(act), *args) == [True] * 4
    if x.size > 10_000:  # or the weights are most of it
        plain, lean = beyond(loss_of, act, x.size * 4 * 4, *args)  # a CPU computes in float32
        assert lean <= 1.6
        assert plain >= 2.5 or act is jnp.tanh
    got, want = (jax.jit(jax.grad(f))(*args) for f in (rj.lean(loss_of(act)), loss_of(act)))
    assert off(got, want) <= (1e-5 if dtype == "float32" else 0.02)


@pytest.mark.parametrize("act", [nn.selu, nn.log_sigmoid, nn.squareplus])
def test_what_is_computed_in_steps_is_kept_once(act):
    def loss_of(act):
        return lambda weights, x: jnp.mean(jnp.square(reduce(lambda x, w: act(x @ w), weights, x)))

    w, x = (jax.ShapeDtypeStruct((n, 64), "float32") for n in (64, 1024))
    args = [w] * 8, x
    linear = held(loss_of(lambda z: z), *args)
    assert held(loss_of(act), *args) > 1.5 * linear
    assert held(rj.lean(loss_of(act)), *args) <= 1.1 * linear


def looped(w, x):
    return lax.scan(lambda x, w: (nn.silu(x) @ w, None), x, jnp.stack([w, w]))[0]


READ_ELSEWHERE = {
    "a result": lambda w, x: ((y := nn.silu(x)) @ w, y),
    "a result and a number": lambda w, x: ((y := nn.silu(x)) @ w, 1.0, y),
    "by another operation": lambda w, x: (y := nn.silu(x)) @ w + y * y,
    "twice, in two orders": lambda w, x: (y := nn.silu(x)) @ w + y.T @ w,
    "by itself": lambda w, x: (y := nn.silu(x)) @ y,
    "reshaped": lambda w, x: nn.silu(x).reshape(2, 4, 8) @ w,
    "in a loop": looped,
    "of one axis": lambda w, x: nn.silu(x[0]) @ w,
    "a number": lambda w, x: nn.silu(x[0, 0]).reshape(1, 1) @ w[:1],
    "on the right": lambda w, x: w @ nn.silu(x),
    "by nothing": lambda w, x: nn.silu(x),
}


@pytest.mark.parametrize("f", READ_ELSEWHERE.values(), ids=READ_ELSEWHERE)
def test_where_something_else_reads_it_it_stays_in_its_order(f):
    w, x = jnp.ones((8, 8)), jnp.ones((8, 8))
    assert set(in_rows(f, w, x)) == {False}


def test_what_is_added_too_is_read_by_the_product_alone():
    def block(w, x):
        y = nn.silu(x)
        return y + jnp.copy(y) @ w

    assert in_rows(block, jnp.ones((8, 8)), jnp.ones((4, 8))) == [True]
