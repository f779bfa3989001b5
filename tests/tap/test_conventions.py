"""Is the slope at a kink that of the rule, where JAX wrote the rule out and forgot it?"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax, nn

from relu_jax import tap
from tests.tap import networks as n

pytestmark = pytest.mark.leaks_unchecked(
    "it collects garbage at every trace: test_observe.py has it"
)

W = n.leaf(4, 4)
X = n.leaf(5, 4)


@jax.custom_jvp
def _quarter(x):
    return jnp.maximum(x, 0)


_quarter.defjvps(lambda t, _ans, x: t * jnp.where(x > 0, 1.0, jnp.where(x < 0, 0.0, 0.25)))
ACTS = {
    "relu": (nn.relu, (0.0,)),
    "maximum": (lambda x: jnp.maximum(x, 0), (0.0,)),
    "at least 0": (lambda x: jnp.where(x >= 0, x, 0.0), (0.0,)),
    "relu6": (nn.relu6, (0.0, 6.0)),
    "hard tanh": (nn.hard_tanh, (-1.0, 1.0)),
    "leaky maximum": (lambda x: jnp.maximum(x, 0.2 * x), (0.0,)),
    "leaky": (lambda x: jnp.where(x > 0, x, 0.2 * x), (0.0,)),
    "masked": (lambda x: x * (x > 0).astype(x.dtype), (0.0,)),
    "a rule of one's own": (_quarter, (0.0,)),
}


def _in_loop(f):
    return lambda w, x: (lax.fori_loop(0, 2, lambda _, h: f(h @ w), x) @ w).sum()


def _in_branch(f):
    return lambda w, x: (lax.cond(x.sum() > 0, lambda x: f(x @ w), lambda x: x, x) @ w).sum()


def _in_remat_in_branch(f):
    again = jax.checkpoint(lambda w, x: f(x @ w) @ w)
    return lambda w, x: (lax.cond(x.sum() > 0, again, lambda w, x: x, w, x) @ w).sum()


def _in_remat_in_loop(f):
    def turn(h, w):
        return jax.checkpoint(lambda w, h: jnp.tanh(f(h @ w) @ w))(w, h), None

    return lambda w, x: (lax.scan(turn, x, jnp.stack([w, w]))[0] @ w).sum()


def _in_loop_in_remat(f):
    return lambda w, x: (jax.checkpoint(_in_loop(f))(w, x) * w).sum()


def _keeping_products(f):
    def turn(h, w):
        keep = jax.checkpoint_policies.dots_saveable
        return jax.checkpoint(lambda w, h: f(h @ w) @ w, policy=keep)(w, h), None

    return lambda w, x: (lax.scan(turn, x, jnp.stack([w, w]))[0] @ w).sum()


def _in_members(f):
    def turn(h, ws):  # a vmap exchanges the axes of masks
        return jax.vmap(lambda w: f(h @ w), out_axes=1)(ws).sum(1), None

    return lambda w, x: (lax.scan(turn, x, jnp.stack([w] * 4).reshape(2, 2, 4, 4))[0] @ w).sum()


def _in_members_moved(f):
    def turn(h, ws):
        return jnp.tensordot(jax.vmap(lambda w: f(h @ w))(ws), ws, ((0, 2), (0, 1))), None

    return lambda w, x: (lax.scan(turn, x, jnp.stack([w] * 4).reshape(2, 2, 4, 4))[0] @ w).sum()


AROUND = [
    _in_loop, _in_branch, _in_remat_in_branch, _in_remat_in_loop, _in_loop_in_remat,
    _keeping_products, _in_members, _in_members_moved,
]  # fmt: skip


@pytest.mark.parametrize("around", AROUND, ids=lambda f: f.__name__[4:])
@pytest.mark.parametrize(("f", "kinks"), ACTS.values(), ids=ACTS)
def test_the_slope_that_is_told_is_the_one_in_use(f, kinks, around):
    loss = around(f)
    slopes = [jax.grad(f)(kink) for kink in kinks]
    for program in (loss, jax.value_and_grad(loss), jax.grad(jax.jit(loss))):
        site, *others = tap.sites(program, W, X)
        assert [other.kind for other in others] == ["tanh"] * (around is _in_remat_in_loop)
        np.testing.assert_allclose(site.slope_at_kinks, slopes)


@jax.custom_jvp
def _straight_through(x):
    return jnp.clip(x, -1, 1)


_straight_through.defjvps(lambda t, _ans, _x: t)


def _residual(f):
    return lambda w, x: (lax.fori_loop(0, 2, lambda _, h: f(h + h @ w), x) @ w).sum()


def _gated(f):
    return lambda w, x: (lax.fori_loop(0, 2, lambda _, h: f(h @ w) * h, x) @ w).sum()


@pytest.mark.parametrize("around", [_in_loop, _residual, _gated])
def test_a_rule_that_left_no_trace_is_not_told(around):
    loss = around(_straight_through)
    (before,), (after,) = tap.sites(loss, W, X), tap.sites(jax.value_and_grad(loss), W, X)
    assert before.slope_at_kinks == (1, 1)
    assert after.kind == "hard_tanh"
    kept = jax.__version_info__ >= (0, 12)  # JAX keeps the rule in a loop
    np.testing.assert_array_equal(after.slope_at_kinks, (1, 1) if kept else (np.nan, np.nan))


def test_what_only_a_while_computes_keeps_its_own_slope():
    def loss(w, x):
        held = lax.stop_gradient((w, x))
        h = lax.while_loop(lambda h: h.sum() < 9, lambda h: nn.relu(h @ held[0]) + 1, held[1])
        return ((x @ w) * h).sum()

    assert tap.sites(jax.value_and_grad(loss), W, X)[0].slope_at_kinks == (0,)


def test_where_no_gradient_passes_a_branch_the_slope_is_its_own():
    def steps(w, x):
        h = jnp.where(x @ w > 0, x @ w, 0.3 * (jnp.exp(x @ w) - 1))
        return jnp.sign(h @ w)

    def loss(w, x):
        return (lax.cond(x.sum() > 0, steps, lambda w, x: jnp.flip(x), w, x) @ w).sum()

    elu, _ = tap.sites(jax.value_and_grad(loss), W, X)
    np.testing.assert_allclose(elu.slope_at_kinks, 0.3, rtol=1e-6)


def test_a_mask_of_another_function_on_the_line_is_not_taken_for_its_own():
    def loss(w, x):
        both = jax.checkpoint(lambda z, u: jnp.where(z < 0, 0.0, z) * (nn.relu(u) @ w))
        return both(x @ w, x @ w.T).sum()

    at_least, relu = tap.sites(jax.value_and_grad(loss), W, X)
    assert (at_least.slope_at_kinks, relu.slope_at_kinks) == ((1,), (0,))


def test_a_mask_of_another_line_of_the_jit_around_is_not_taken_for_its_own():
    def both(w, x):
        u = jnp.square(nn.relu(x @ w))
        z = x @ w.T
        return (u * jnp.maximum(z, 0.2 * z)) @ w

    again = jax.jit(jax.checkpoint(both))
    _, leaky = tap.sites(jax.value_and_grad(lambda w, x: again(w, x).sum()), W, X)
    np.testing.assert_allclose(leaky.slope_at_kinks, 0.6)


def _at_least(z):
    return jnp.where(z >= 0, z, 0.0)


def _masked(z):
    return z * (z > 0).astype(z.dtype)


def _above(z):
    return jnp.where(z > 0, z, 0.0)


def _larger(z):
    return jnp.maximum(z, 0)


def _clamped(z):
    return lax.clamp(0.0, z, 6.0)


def _sized(z):
    return jnp.abs(z)


OF_ONE = [_at_least, _masked, _above, _larger, _clamped, _sized, nn.relu, nn.leaky_relu]


def _beside(f, g):
    def loss(w, x):
        z = x @ w
        return ((f(z) @ w + 0.3 * g(z) @ w) ** 2).sum()

    return loss


def _beside_in_loop(f, g):
    def loss(w, x):
        return lax.scan(lambda h, _: (f(h @ w) @ w + g(h @ w), None), x, length=2)[0].sum()

    return loss


def _beside_what_is_held(f, g):
    def loss(w, x):
        z = x @ w
        return ((f(z) @ w + lax.stop_gradient(g(z)) @ w) ** 2).sum()

    return loss


@pytest.mark.parametrize("beside", [_beside, _beside_in_loop, _beside_what_is_held])
@pytest.mark.parametrize("f", OF_ONE, ids=lambda f: f.__name__.strip("_"))
def test_masks_of_another_function_of_the_argument_are_not_taken_for_its_own(f, beside):
    for g in OF_ONE:
        if g is not f:
            plain = tap.sites(beside(f, g), W, X)
            told = tap.sites(jax.value_and_grad(beside(f, g)), W, X)
            for site, of in zip(told, plain, strict=beside is not _beside_in_loop):
                slopes, known = np.array(site.slope_at_kinks), np.array(of.slope_at_kinks)
                assert site.kind == of.kind
                assert np.all(np.isnan(slopes) | np.isclose(slopes, known)), (g, slopes, known)
                # JAX 0.12 makes masks of a maximum that another function makes as well.
                assert not np.isnan(slopes).any() or beside is not _beside or f is _larger


def test_what_is_handed_its_own_masks_needs_no_others():
    def loss(w, x):
        return ((jnp.clip(x @ w, 0, 6) @ w + jax.checkpoint(_six)(x @ w.T, w)) ** 2).sum()

    clip, six = tap.sites(jax.value_and_grad(loss), W, X)
    assert clip.slope_at_kinks == (0.5, 0.5)
    assert six.slope_at_kinks == (1, 0)


def _six(u, w):
    return jnp.where(u < 0, 0.0, jnp.where(u < 6, u, 6.0)) @ w


def test_masks_of_two_rules_on_one_line_tell_nothing():
    def loss(w, x):
        both = jax.checkpoint(lambda h: jnp.maximum(nn.relu(h @ w) @ w, 0) @ w)
        return lax.scan(lambda h, _: (both(h), None), x, length=2)[0].sum()

    sites = tap.sites(jax.value_and_grad(loss), W, X)
    (first,), (second,) = (site.slope_at_kinks for site in sites)
    kept = jax.__version_info__ >= (0, 12)  # the rule of the first one
    assert first == 0 if kept else np.isnan(first)
    assert np.isnan(second)


def test_what_cannot_be_evaluated_is_no_mask():
    def signed(u):
        return nn.relu(u) + (lax.bitcast_convert_type(u, jnp.uint32) >> 16).astype(jnp.float32)

    def loss(w, x):
        both = jax.checkpoint(lambda h: (signed(h @ w) * jnp.tanh(h)) @ w)
        return lax.scan(lambda h, _: (both(h), None), x, length=2)[0].sum()

    slopes = [s.slope_at_kinks for s in tap.sites(jax.value_and_grad(loss), W, X)]
    assert () in slopes
