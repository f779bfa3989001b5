"""Do lean activations keep little, and give the value and the gradient that they replace?"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import nn

import relu_jax as rj
from relu_jax.activations import CATALOGUE
from tests.sampling import some
from tests.tap import contexts as c
from tests.tap import networks as n
from tests.tap.oracles import near, weighted

pytestmark = pytest.mark.leaks_unchecked(
    "it collects garbage at every trace: test_no_tracer_is_left_behind has it"
)

Z = np.concatenate([
    np.random.default_rng(0).normal(scale=3, size=2000), np.linspace(-6, 6, 481), [0.0, -0.0],
]).astype(np.float32)  # fmt: skip

STEPS = {
    "relu": nn.relu, "leaky_relu": nn.leaky_relu, "relu6": nn.relu6, "hard_tanh": nn.hard_tanh,
    "maximum": lambda z: jnp.maximum(z, 0), "absolute": jnp.abs,
}  # fmt: skip
SMOOTH = {
    "tanh": jnp.tanh, "sigmoid": nn.sigmoid, "elu": nn.elu, "selu": nn.selu,
    "softplus": nn.softplus, "gelu": lambda z: nn.gelu(z, approximate=False), "gelu_tanh": nn.gelu,
    "silu": nn.silu, "mish": nn.mish, "hard_silu": nn.hard_silu,
    "unknown": lambda z: z * nn.sigmoid(1.3 * z + 0.2),
}  # fmt: skip


def _pullback(f, z, ct):
    y, back = jax.vjp(f, z)
    return y, back(ct)[0]


@pytest.mark.parametrize("f", STEPS.values(), ids=STEPS)
def test_the_gradient_of_what_is_piecewise_linear_is_the_same_to_the_bit(f):
    ct = np.cos(np.arange(Z.size, dtype=np.float32))
    got, want = jax.jit(lambda: (_pullback(rj.lean(f), Z, ct), _pullback(f, Z, ct)))()
    jax.tree.map(np.testing.assert_array_equal, got, want)


@pytest.mark.parametrize("f", SMOOTH.values(), ids=SMOOTH)
def test_the_gradient_of_what_is_smooth_is_off_by_less_than_a_hundred_thousandth(f):
    ct = np.cos(np.arange(Z.size, dtype=np.float32))
    (y, got), (x, want) = jax.jit(lambda: (_pullback(rj.lean(f), Z, ct), _pullback(f, Z, ct)))()
    np.testing.assert_array_equal(y, x)
    assert np.linalg.norm(got - want) <= 5e-6 * np.linalg.norm(want)
    (kept,) = rj.memory(f, Z)
    assert kept.lean < kept.plain or kept.lean == kept.plain == 0


# More than four monotone pieces, or a slope that no short sum over y gives.
LEFT = {
    "hard_elish", "clipped_gelu", "phish", "gcu", "sinlu", "snake", "bent_identity", "sine",
    "cosine", "sinc", "lif_rate", "lif_rate_smooth",
}  # fmt: skip
NEAR_EXTREMA = {"star_relu": 2e-4}  # y hardly tells z there


@pytest.mark.thorough("it differentiates the whole catalogue")
def test_the_catalogue_is_lean_but_for_what_is_named_here():
    left, ct = set(), np.cos(np.arange(Z.size, dtype=np.float32))
    for act in CATALOGUE:
        told = rj.memory(act, Z)
        if not told or told[0].how.startswith("left"):
            left.update(kept.kind for kept in told)
            continue
        got, want = (_pullback(f, Z, ct)[1] for f in (rj.lean(act), act))
        off = np.linalg.norm(got - want) / max(np.linalg.norm(want), 1e-30)
        assert off <= NEAR_EXTREMA.get(act.name, 1e-5), act.name
    assert left == LEFT


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize("name", ["relu", "gelu", "silu", "elu"])
def test_in_half_precision_the_slope_is_as_good_as_y(dtype, name):
    f = {**STEPS, **SMOOTH}[name]
    z = jnp.asarray(Z, dtype)
    ct = jnp.ones_like(z)
    got, want = jax.jit(lambda: (_pullback(rj.lean(f), z, ct)[1], _pullback(f, z, ct)[1]))()
    assert got.dtype == z.dtype
    got, want = (np.asarray(x, np.float64) for x in (got, want))
    assert np.linalg.norm(got - want) <= 0.02 * np.linalg.norm(want)


@pytest.mark.parametrize("name", ["relu", "elu", "softplus", "gelu", "gelu_tanh", "silu", "mish"])
def test_the_compiled_gradient_keeps_what_a_linear_network_keeps(name):
    f, width = {**STEPS, **SMOOTH}[name], 64

    def kept(act):
        def loss(weights, x):
            for w in weights:
                x = act(x @ w)
            return jnp.mean(x * x)

        shapes = [jax.ShapeDtypeStruct((width, width), "float32")] * 8
        x = jax.ShapeDtypeStruct((16 * width, width), "float32")
        compiled = jax.jit(jax.grad(rj.lean(loss))).lower(shapes, x).compile()
        sizes = compiled.memory_analysis()
        return sizes.temp_size_in_bytes + sizes.output_size_in_bytes

    assert kept(f) <= 1.03 * kept(lambda z: z)


@pytest.mark.parametrize("shape", [(), (0, 3), (3, 1), (2, 3, 9), (8,), (5, 17)])
def test_any_shape_goes(shape):
    def slopes(z):
        pairs = [(rj.lean(f), f) for f in (nn.relu, nn.silu)]
        return [[jax.grad(lambda z, g=g: jnp.sum(g(z)))(z) for g in pair] for pair in pairs]

    for got, want in jax.jit(slopes)(jnp.asarray(np.resize(Z, shape))):
        np.testing.assert_allclose(got, want, rtol=0, atol=1e-5)


PROGRAMS = {
    "cnn": (n.cnn(n.batch_norm), (n.CNN, n.IMAGES)),
    "scan": (n.rnn, (n.RNN, n.TEXT)),
    "remat": (c.rematted, (n.P, n.X, n.Y)),
    "cond": (c.branches, (n.P, n.X)),
    "gate": (n.gated(nn.silu), (n.BLOCK, n.TEXT)),
    "vmap": (jax.vmap(n.mlp(nn.relu, nn.gelu), in_axes=(None, 0)), (n.P, n.X)),
    "own rule": (c.own_vjp, (n.P, n.X)),
}


@pytest.mark.parametrize(("f", "args"), PROGRAMS.values(), ids=PROGRAMS)
def test_networks_have_the_gradients_they_had(f, args):
    def both(first, *rest):
        def of(g):
            return jax.value_and_grad(lambda first: weighted(g(first, *rest)))(first)

        return of(rj.lean(f)), of(f)

    near(*jax.jit(both)(*args))


@pytest.mark.parametrize("act", [jnp.tanh, nn.sigmoid, nn.softplus, nn.elu])
def test_a_second_derivative_goes_backward_through_the_first(act):
    def twice(f):
        return jax.grad(lambda z: jnp.sum(jax.grad(lambda z: jnp.sum(f(z) ** 2))(z) ** 2))

    got, want = jax.jit(lambda z: (twice(rj.lean(act))(z), twice(act)(z)))(Z[:200])
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("act", [nn.softplus, nn.elu, jnp.tanh])
def test_a_second_derivative_in_bfloat16_is_that_of_the_plain_function(act):
    x = jnp.asarray([0.5, -1.0, 0.1], jnp.bfloat16)

    def second(f):
        def first(x):
            return jax.grad(lambda x: jnp.sum(f(x).astype(jnp.float32)))(x)

        return jax.grad(lambda x: jnp.sum(first(x).astype(jnp.float32)))(x)

    got, want = (np.asarray(second(f), np.float64) for f in (rj.lean(act), act))
    np.testing.assert_allclose(got, want, rtol=0.02, atol=0.004)


def test_no_tracer_is_left_behind():
    with jax.checking_leaks():
        jax.jit(jax.grad(lambda p, x: rj.lean(c.branches)(p, x).sum()))(n.P, n.X)


def test_without_sites_the_program_is_the_original():
    def f(x):
        return x @ x.T

    assert str(jax.make_jaxpr(rj.lean(f))(n.X)) == str(jax.make_jaxpr(f)(n.X))


@pytest.mark.parametrize("f", [nn.relu, nn.silu])
@pytest.mark.parametrize(("low", "high"), [("bfloat16", "float32"), ("float32", "bfloat16")])
def test_where_a_site_converts_its_argument_has_the_gradient_s_dtype(f, low, high):
    def wide(z):
        return f(z.astype(high))

    z = jnp.asarray(Z, low)
    got, want = (jax.grad(lambda z, g=g: jnp.sum(g(z)))(z) for g in (rj.lean(wide), wide))
    assert got.dtype == want.dtype == z.dtype
    got, want = (np.asarray(x, np.float64) for x in (got, want))
    assert np.linalg.norm(got - want) <= 0.02 * np.linalg.norm(want)


def test_a_rule_for_reverse_mode_alone_is_kept():
    @jax.custom_vjp
    def clipped(z):
        return jnp.maximum(z, 0)

    clipped.defvjp(lambda z: (clipped(z), z), lambda z, ct: (jnp.where(z >= 0, ct, 0),))

    def loss(z):
        return jnp.sum(jnp.square(clipped(z) + 1))

    np.testing.assert_array_equal(jax.grad(rj.lean(loss))(Z), jax.grad(loss)(Z))


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize("kind", some(["gelu", "silu", "mish", "tanh", "elu"], 3))
def test_half_precision_is_lean_in_jax_nn_and_here(kind, dtype):
    theirs = {"gelu": lambda z: nn.gelu(z, approximate=False), "tanh": jnp.tanh}
    z = jnp.linspace(-6, 6, 512, dtype=dtype)
    for act in (theirs.get(kind) or getattr(nn, kind), rj.activations.get(kind)):
        (kept,) = rj.memory(act, z)
        assert kept.how.startswith("of y")

        def loss(z, act=act):
            return jnp.sum(act(z).astype(jnp.float32))

        told, right = jax.grad(rj.lean(loss))(z), jax.grad(loss)(z)
        # At an extremum y hardly tells z: to the root of its last digit.
        rough = float(jnp.sqrt(jnp.finfo(dtype).eps)) / 2
        assert float(jnp.abs(told - right).astype(jnp.float32).max()) < rough
        assert float(jnp.abs(told - right).astype(jnp.float32).mean()) < jnp.finfo(dtype).eps


@pytest.mark.parametrize("bits", [None, 3])
@pytest.mark.parametrize(
    "twice",
    [
        jax.hessian,
        lambda f: jax.grad(lambda z: jnp.sum(jax.jit(jax.grad(f))(z))),
        lambda f: jax.grad(lambda z: jnp.sum(jax.grad(jax.checkpoint(f))(z))),
    ],
    ids=["hessian", "jit", "remat"],
)
def test_a_second_derivative_is_refused(bits, twice):
    lean = rj.lean(lambda z: jnp.sum(nn.gelu(z)), bits=bits)
    with pytest.raises(ValueError, match="is differentiated once; got a second derivative"):
        twice(lean)(jnp.ones(4))


def test_a_piecewise_linear_function_has_its_second_derivative():
    def loss(z):
        return jnp.sum(jnp.cos(nn.relu(z) @ jnp.eye(4)))

    z = jnp.array([-1.0, 0.5, 1.0, 2.0])
    got, want = jax.jit(lambda z: (jax.hessian(rj.lean(loss))(z), jax.hessian(loss)(z)))(z)
    np.testing.assert_allclose(got, want, rtol=1e-5)


@pytest.mark.parametrize("bits", [None, 3])
def test_what_is_lean_already_says_so(bits):
    lean = rj.lean(lambda z: jnp.sum(nn.gelu(z) @ jnp.ones((4, 1))), bits=bits)
    (kept,) = rj.memory(lean, jnp.ones((3, 4)))
    assert kept.how.startswith("left: lean already")
    np.testing.assert_array_equal(jax.grad(rj.lean(lean))(jnp.ones((3, 4))),
                                  jax.grad(lean)(jnp.ones((3, 4))))  # fmt: skip


def test_nan_stays_nan():
    assert jnp.isnan(jax.grad(rj.lean(nn.hard_swish))(jnp.nan))


@pytest.mark.parametrize("act", [jnp.tanh, nn.sigmoid, jnp.exp, rj.activations.get("tanh")])
def test_what_reads_its_result_alone_is_left_with_its_own_rule(act):
    (kept,) = rj.memory(act, Z)
    assert (kept.plain, kept.lean, kept.how) == (0, 0, "of y, by its own rule")
    args = (jnp.ones((8, 8)), jnp.ones((4, 8)))

    def loss(w, x):
        return jnp.sum(act(x @ w))

    assert str(jax.make_jaxpr(rj.lean(loss))(*args)) == str(jax.make_jaxpr(loss)(*args))


@pytest.mark.parametrize("act", [nn.hard_tanh, nn.elu, nn.relu6, nn.selu])
def test_no_array_of_constants_is_written_into_the_program(act):
    gradient = jax.grad(rj.lean(lambda w, x: jnp.sum(act(x @ w) @ w)))
    closed = jax.make_jaxpr(gradient)(jnp.ones((8, 8)), jnp.ones((4, 8)))
    assert [c for c in closed.consts if np.size(c) > 1] == []


@pytest.mark.parametrize("slope", [0.1, 0.4])
def test_a_user_s_rule_around_a_function_of_jax_is_its_own(slope):
    ruled, forward = jax.custom_vjp(nn.relu), jax.custom_jvp(nn.relu)
    ruled.defvjp(lambda z: (nn.relu(z), z), lambda z, ct: (jnp.where(z > 0, ct, slope * ct),))
    forward.defjvps(lambda t, _ans, z: jnp.where(z > 0, t, slope * t))
    for f in (ruled, forward):
        told = jax.grad(rj.lean(lambda z, f=f: f(z).sum()))(Z)
        np.testing.assert_array_equal(told, jax.grad(lambda z, f=f: f(z).sum())(Z))
        assert rj.tap.sites(f, Z)[0].slope_at_kinks == pytest.approx((slope,))
