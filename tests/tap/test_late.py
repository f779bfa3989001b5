"""Is what a product keeps of a result kept once, and read late?"""

from functools import reduce

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import export, lax, nn

import relu_jax as rj
from relu_jax.tap import late, program
from tests.sampling import some
from tests.tap.backward_memory import beyond, held, off
from tests.tap.oracles import near

pytestmark = [
    pytest.mark.skipif(jax.default_backend() != "cpu", reason="the copies are those of a CPU"),
    pytest.mark.leaks_unchecked("it collects garbage at every trace: test_lean.py has it"),
]

IMAGES = ("NHWC", "HWIO", "NHWC")
# Per form of a convolution: its dimension numbers, the shapes of y and the weights, the settings.
FORMS = {
    "channels last": (IMAGES, (8, 6, 6, 16), (3, 3, 16, 16), {}),
    "1x1": (IMAGES, (8, 6, 6, 16), (1, 1, 16, 16), {}),
    "dilated": (IMAGES, (8, 6, 6, 16), (3, 3, 16, 16), {"rhs_dilation": (2, 2)}),
    "depthwise": (IMAGES, (8, 6, 6, 16), (3, 3, 1, 16), {"feature_group_count": 16}),
    "channels first": (("NCHW", "OIHW", "NCHW"), (8, 16, 6, 6), (16, 16, 3, 3), {}),
    "one place": (("NWC", "WIO", "NWC"), (8, 36, 16), (3, 16, 16), {}),
    "three places": (
        ("NDHWC", "DHWIO", "NDHWC"), (8, 4, 4, 4, 16), (3, 3, 3, 16, 16), {},
    ),
    "one example": (IMAGES, (1, 20, 20, 16), (3, 3, 16, 16), {}),
    "groups": (IMAGES, (8, 6, 6, 16), (3, 3, 4, 16), {"feature_group_count": 4}),
}  # fmt: skip


def stack(act, numbers, **settings):
    """Build a loss of four convolutions with an activation between."""

    def loss(weights, x):
        strides = (1,) * (x.ndim - 2)
        for i, w in enumerate(weights):
            x = act(x) if i else x
            x = lax.conv_general_dilated(
                x, w, strides, "SAME", dimension_numbers=numbers, **settings
            )
        return jnp.mean(jnp.square(x.astype(jnp.float32)))

    return loss


def drawn(image, kernel, dtype=np.float32):
    draw = np.random.default_rng(0).normal
    weights = [jnp.asarray(draw(scale=0.2, size=kernel), dtype) for _ in range(4)]
    return weights, jnp.asarray(draw(size=image), dtype)


def late_ones(f, *args):
    return len(late.products(program.opened(f, args, {})[1]))


@pytest.mark.parametrize("form", some(FORMS, 3))
def test_a_convolution_keeps_its_image_once(form):
    numbers, image, kernel, settings = FORMS[form]
    args = drawn(image, kernel)
    assert late_ones(stack(nn.silu, numbers, **settings), *args) == 4
    linear = held(stack(lambda z: z, numbers, **settings), *args)
    for act in (jnp.tanh, nn.relu, nn.silu):
        loss = stack(act, numbers, **settings)
        assert held(loss, *args) > 1.1 * linear  # what is to be saved
        # Of tanh no bit is kept beside y; of the others there is a byte for a row of six.
        assert held(rj.lean(loss), *args) <= (1.0 if act is jnp.tanh else 1.1) * linear


@pytest.mark.parametrize("act", [jnp.tanh, nn.gelu, nn.relu], ids=["tanh", "gelu_tanh", "relu"])
def test_a_network_of_equinox_is_seen_through_its_vmap(act):
    key = jax.random.key(0)
    layers = [eqx.nn.Conv2d(8, 8, 3, padding=1, key=key) for _ in range(4)]
    arrays, rest = eqx.partition(layers, eqx.is_array)

    def loss_of(act):
        def one(arrays, x):
            first, *others = eqx.combine(arrays, rest)
            x = first(x)
            for layer in others:
                x = layer(act(x))
            return x

        return lambda arrays, x: jnp.mean(jnp.square(jax.vmap(one, (None, 0))(arrays, x)))

    args = arrays, jax.random.normal(key, (8, 8, 16, 16))
    plain, lean = beyond(loss_of, act, args[1].nbytes, *args)
    assert lean <= 0.5 < 2.5 <= plain
    near(*(jax.jit(jax.grad(f))(*args) for f in (rj.lean(loss_of(act)), loss_of(act))))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_the_gradient_is_that_of_the_plain_network(dtype):
    args = drawn((4, 6, 6, 8), (3, 3, 8, 8), dtype)
    loss = stack(nn.silu, IMAGES)
    got, want = (jax.jit(jax.grad(f))(*args) for f in (rj.lean(loss), loss))
    assert [g.dtype for g in got] == [w.dtype for w in want]
    assert off(got, want) <= (1e-5 if dtype == "float32" else 0.02)


def test_half_precision_keeps_no_wide_copy():
    args = drawn((8, 6, 6, 16), (3, 3, 16, 16), jnp.bfloat16)
    linear = held(stack(lambda z: z, IMAGES), *args)
    assert held(stack(nn.silu, IMAGES), *args) > 1.3 * linear
    assert held(rj.lean(stack(nn.silu, IMAGES)), *args) <= 0.9 * linear


def test_a_checkpoint_s_policy_sees_the_products():
    w, x = jnp.ones((2, 8, 8), jnp.bfloat16), jnp.ones((4, 8), jnp.bfloat16)

    def loss(w, x):
        return jnp.mean(nn.gelu(nn.gelu(x @ w[0]) @ w[1]).astype(jnp.float32) ** 2)

    policy = jax.checkpoint_policies.dots_saveable
    counts = [
        str(jax.make_jaxpr(jax.vjp(jax.checkpoint(f, policy=policy), w, x)[1])(jnp.float32(1)))
        .count("dot_general[")
        for f in (loss, rj.lean(loss))
    ]  # fmt: skip
    assert counts[0] == counts[1]


def test_where_nothing_is_lean_the_convolutions_are_the_program_s_own():
    args = drawn((4, 6, 6, 8), (3, 3, 8, 8))
    lean, plain = (f(stack(lambda z: z, IMAGES)) for f in (rj.lean, lambda f: f))
    assert jax.jit(lean).lower(*args).as_text() == jax.jit(plain).lower(*args).as_text()


def test_in_a_jit_of_the_user_s_too():
    args = drawn((8, 6, 6, 16), (3, 3, 16, 16))
    conv = jax.jit(
        lambda x, w: lax.conv_general_dilated(x, w, (1, 1), "SAME", dimension_numbers=IMAGES)
    )

    def loss(weights, x):
        return jnp.mean(jnp.square(reduce(lambda x, w: conv(nn.silu(x), w), weights, x)))

    assert held(rj.lean(loss), *args) <= 0.7 * held(loss, *args)


def test_an_empty_batch_and_whole_numbers_go_through():
    weights, x = drawn((0, 6, 6, 8), (3, 3, 8, 8))
    got = jax.grad(rj.lean(stack(nn.silu, IMAGES)))(weights, x)
    assert not any(map(np.any, got[:-1]))

    def counted(x, w):
        y = lax.conv_general_dilated(x, w, (1, 1), "SAME", dimension_numbers=IMAGES)
        return nn.silu(y.astype(jnp.float32))

    x, w = jnp.ones((2, 4, 4, 3), jnp.int8), jnp.ones((3, 3, 3, 2), jnp.int8)
    np.testing.assert_array_equal(rj.lean(counted)(x, w), counted(x, w))


def over_seeds(f):
    return jax.vmap(jax.grad(f), (0, None))


def over_examples(f):
    return lambda w, x: jax.vmap(jax.grad(f), (None, 0))(w, x[:, None])


def second(f):
    return jax.grad(lambda w, x: jnp.sum(jnp.square(jax.grad(f)(w, x)[0])))


@pytest.mark.parametrize("act", [jnp.tanh, nn.elu], ids=["tanh", "elu"])
@pytest.mark.parametrize("outer", [jax.grad, over_seeds, over_examples, second])
def test_transforms_go_around(outer, act):
    weights, x = drawn((4, 5, 5, 8), (3, 3, 8, 8))
    if outer is over_seeds:
        weights = [jnp.stack([w, 2 * w]) for w in weights]
    loss = stack(act, IMAGES)
    near(jax.jit(outer(rj.lean(loss)))(weights, x), jax.jit(outer(loss))(weights, x))


def test_an_exported_gradient_asks_for_no_order():
    args = drawn((4, 5, 5, 8), (3, 3, 8, 8))
    loss = stack(nn.silu, IMAGES)
    gradient = export.export(jax.jit(jax.grad(rj.lean(loss))))(*args)
    near(gradient.call(*args), jax.jit(jax.grad(loss))(*args))


def test_what_is_lean_shows_its_sites_once():
    args = drawn((4, 5, 5, 8), (3, 3, 8, 8))
    sites = rj.tap.sites(jax.grad(rj.lean(stack(nn.silu, IMAGES))), *args)
    assert [site.kind for site in sites] == ["silu"] * 3
    assert not sites.coverage.opaque
