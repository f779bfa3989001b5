"""Is what a product keeps of a result kept once, in the order that XLA reads?"""

from functools import reduce

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import export, lax, nn

import relu_jax as rj
from relu_jax.tap import layouts, program
from tests.sampling import some
from tests.tap.oracles import near

pytestmark = [
    pytest.mark.skipif(jax.default_backend() != "cpu", reason="the copies are those of a CPU"),
    pytest.mark.leaks_unchecked("it collects garbage at every trace: test_lean.py has it"),
]

IMAGES = ("NHWC", "HWIO", "NHWC")
# Per form of a convolution: its dimension numbers, the shapes of y and the weights, the settings,
# and the order of the axes of the copy.
FORMS = {
    "channels last": (IMAGES, (8, 6, 6, 16), (3, 3, 16, 16), {}, (3, 1, 2, 0)),
    "1x1": (IMAGES, (8, 6, 6, 16), (1, 1, 16, 16), {}, (3, 1, 2, 0)),
    "dilated": (IMAGES, (8, 6, 6, 16), (3, 3, 16, 16), {"rhs_dilation": (2, 2)}, (3, 1, 2, 0)),
    "depthwise": (IMAGES, (8, 6, 6, 16), (3, 3, 1, 16), {"feature_group_count": 16}, (3, 1, 2, 0)),
    "channels first": (("NCHW", "OIHW", "NCHW"), (8, 16, 6, 6), (16, 16, 3, 3), {}, (1, 2, 3, 0)),
    "one place": (("NWC", "WIO", "NWC"), (8, 36, 16), (3, 16, 16), {}, (2, 1, 0)),
    "three places": (
        ("NDHWC", "DHWIO", "NDHWC"), (8, 4, 4, 4, 16), (3, 3, 3, 16, 16), {}, (4, 1, 2, 3, 0),
    ),
    "one example": (IMAGES, (1, 20, 20, 16), (3, 3, 16, 16), {}, (3, 1, 2, 0)),
    "groups": (IMAGES, (8, 6, 6, 16), (3, 3, 4, 16), {"feature_group_count": 4}, None),
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


def held(loss, *args, changed=jax.grad):
    sizes = jax.jit(changed(loss)).lower(*args).compile().memory_analysis()
    return sizes.temp_size_in_bytes + sizes.output_size_in_bytes


def beyond(loss_of, act, size, *args):
    """Measure how many arrays, of so many bytes, a network keeps that a linear one does not."""
    linear = held(loss_of(lambda z: z), *args)
    return [(held(f(loss_of(act)), *args) - linear) / size for f in (lambda f: f, rj.lean)]


def forms(f, *args):
    read = program.opened(f, args, {})[1]
    return [layouts.form(read, one) for one in read.placed]


@pytest.mark.parametrize("form", some(FORMS, 3))
def test_the_order_is_that_of_the_convolution_s_gradient(form):
    numbers, image, kernel, settings, order = FORMS[form]
    args = drawn(image, kernel)
    assert forms(stack(nn.silu, numbers, **settings), *args) == [order] * 3
    if order is None:
        return
    bytes_of = {act: held(stack(act, numbers, **settings), *args) for act in (jnp.tanh, nn.relu)}
    linear = held(stack(lambda z: z, numbers, **settings), *args)
    assert min(bytes_of.values()) > 1.1 * linear  # what is to be saved
    lean = held(rj.lean(stack(jnp.tanh, numbers, **settings)), *args)
    assert lean <= 1.0 * linear


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
    assert forms(loss_of(act), *args) == [(1, 2, 3, 0)] * 3
    plain, lean = beyond(loss_of, act, args[1].nbytes, *args)
    assert lean <= 1.5 < 2.5 <= plain
    near(*(jax.jit(jax.grad(f))(*args) for f in (rj.lean(loss_of(act)), loss_of(act))))


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
    wide = x.ndim == 2 and dtype == "bfloat16"
    assert forms(loss_of(act), *args) == [layouts.WIDE if wide else layouts.ROWS] * 4
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


def off(got, want):
    """Measure by how much the worst of some arrays is off, in shares of its size."""
    pairs = zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True)
    pairs = [(np.asarray(a, np.float64), np.asarray(b, np.float64)) for a, b in pairs]
    return max(np.linalg.norm(a - b) / np.linalg.norm(b) for a, b in pairs)


def conv(x, w):
    return lax.conv_general_dilated(x, w, (1, 1), "SAME", dimension_numbers=IMAGES)


def looped(w, x):
    return lax.scan(lambda x, w: (conv(nn.silu(x), w), None), x, jnp.stack([w, w]))[0]


READ_ELSEWHERE = {
    "a result": lambda w, x: (conv(y := nn.silu(x), w), y),
    "a result and a number": lambda w, x: (conv(y := nn.silu(x), w), 1.0, y),
    "by another operation": lambda w, x: conv(y := nn.silu(x), w) + y * y,
    "twice, in two orders": lambda w, x: conv(y := nn.silu(x), w) + conv(y.swapaxes(0, 3), w),
    "as the weights": lambda w, x: conv(w, nn.silu(x[:3, :3])),
    "by itself": lambda w, x: conv(y := nn.silu(x), y),
    "reshaped": lambda w, x: conv(nn.silu(x).reshape(16, 4, 8, 8), w),
    "in a loop": looped,
    "of one axis": lambda w, x: nn.silu(x[0, 0, 0]) @ w[0, 0],
    "a number": lambda w, x: nn.silu(x[0, 0, 0, 0]).reshape(1, 1) @ w[0, 0, :1],
    "on the right": lambda w, x: w[0, 0] @ nn.silu(x),
}


@pytest.mark.parametrize("f", READ_ELSEWHERE.values(), ids=READ_ELSEWHERE)
def test_where_something_else_reads_it_it_stays_in_its_order(f):
    w, x = jnp.ones((3, 3, 8, 8)), jnp.ones((8, 8, 8, 8))
    assert set(forms(f, w, x)) == {None}


def test_what_is_added_too_is_read_by_the_convolution_alone():
    def block(w, x):
        y = nn.silu(x)
        return y + conv(jnp.copy(y), w)

    assert forms(block, jnp.ones((3, 3, 8, 8)), jnp.ones((4, 8, 8, 8))) == [(3, 1, 2, 0)]


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_the_gradient_is_that_of_the_plain_network(dtype):
    args = drawn((4, 6, 6, 8), (3, 3, 8, 8), dtype)
    loss = stack(nn.silu, IMAGES)
    got, want = (jax.jit(jax.grad(f))(*args) for f in (rj.lean(loss), loss))
    assert [g.dtype for g in got] == [w.dtype for w in want]
    assert off(got, want) <= (1e-5 if dtype == "float32" else 0.02)


def test_half_precision_keeps_the_copy_alone():
    args = drawn((8, 6, 6, 16), (3, 3, 16, 16), jnp.bfloat16)
    linear = held(stack(lambda z: z, IMAGES), *args)
    assert held(stack(nn.silu, IMAGES), *args) > 1.3 * linear
    assert held(rj.lean(stack(nn.silu, IMAGES)), *args) <= 1.1 * linear


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


def test_a_rule_of_its_own_that_has_no_short_law_is_left_as_it_is():
    @jax.custom_vjp
    def wavy(z):
        return jnp.sin(20 * z)

    wavy.defvjp(lambda z: (wavy(z),) * 2, lambda y, ct: (ct * y,))  # reads y alone
    kept = rj.memory(stack(wavy, IMAGES), *drawn((4, 6, 6, 8), (3, 3, 8, 8)))
    assert {one.how for one in kept} == {"of y, by its own rule"}
