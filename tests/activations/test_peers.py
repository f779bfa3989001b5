"""Does the catalogue equal jax.nn and PyTorch, or come nearer to the truth where it says so?"""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import nn

from relu_jax.activations import get
from tests.activations.peers import BESIDE_KINKS, CANCELS, JAX, TORCH

pytestmark = pytest.mark.leaks_unchecked(
    "the check retraces every primitive, 7 times the time; test_activation.py runs under it"
)
EPS, TINY, TOP = (float(getattr(np.finfo(np.float32), name)) for name in ("eps", "tiny", "max"))
SPECIAL = [0.0, 1e-30, TINY, 1e-3, 20.0, 60.0, 90.0, 1e4, 1e30, TOP, np.inf]
POINTS = np.concatenate([
    np.random.default_rng(7).normal(scale=4.0, size=10_000), SPECIAL, -np.array(SPECIAL), [np.nan],
]).astype(np.float32)  # fmt: skip
HALVES = np.arange(65536, dtype=np.uint16)  # every number there is


@pytest.fixture(autouse=True)
def _nan_and_overflow_are_no_news():
    with np.errstate(all="ignore"):
        yield


def apart(got, want):
    """Count the floats from one number to another of the same sign; equal, or both NaN, is 0."""
    got, want = np.float32(got), np.float32(want)
    step = np.maximum(np.spacing(np.abs(want)), np.float32(TINY))
    distance = np.abs(np.float64(got) - np.float64(want)) / step
    return np.where((got == want) | (np.isnan(got) & np.isnan(want)), 0.0, distance)


def error(got, exact, bend):
    """Measure in roundings, of the number itself and of x as they come through (bend is x f')."""
    size = np.abs(exact) + np.abs(np.nan_to_num(bend))
    distance = np.abs(np.float64(got) - exact) / np.maximum(EPS * size, TINY)
    return np.where(np.float32(exact) == got, 0.0, distance)


def tower(f, x):
    """Value and derivative."""
    return jax.jvp(f, (x,), (jnp.ones_like(x),))


def bend(f, x):
    """Second derivative."""
    return tower(lambda x: tower(f, x)[1], x)[1]


def label(peer):
    return "-".join([peer.name, *(f"{k}={v:g}" for k, v in peer.params.items())])


LABELLED = {label(peer): peer for peer in JAX}
every = pytest.mark.parametrize("row", LABELLED)


@cache
def numbers(row):
    """Ours and theirs in one program, and the exact numbers: each value and slope."""
    peer = LABELLED[row]
    act = get(peer.name, **peer.params)
    ours, theirs = jax.jit(lambda x: (tower(act, x), tower(peer.fn, x)))(POINTS)
    return [*map(np.asarray, ours)], [*map(np.asarray, theirs)], exact(act, POINTS)


def exact(act, x):
    """Take ours in float64, which the battery holds to 40 digits: value, slope, bend."""
    with jax.enable_x64(True):
        run = jax.jit(lambda x: (*tower(act, x), bend(act, x)))
        return [np.asarray(y) for y in run(jnp.asarray(x, "float64"))]


@every
@pytest.mark.parametrize("order", [0, 1])
def test_jax_nn_is_equalled_wherever_it_is_finite_and_right(row, order):
    """Values bit for bit, slopes within two floats; at least as near to the truth if excepted."""
    peer, (ours, theirs, true) = LABELLED[row], numbers(row)
    finite = np.isfinite(true[order]) & (np.abs(true[order]) < TOP)
    wrong = error(theirs[order], true[order], POINTS * true[order + 1])
    if (peer.value, peer.slope)[order]:
        mine = error(ours[order], true[order], POINTS * true[order + 1])
        assert mine[finite].max() <= max(4, wrong[np.isfinite(wrong)].max())
    else:
        right = np.isfinite(theirs[order]) & (wrong <= 8)
        assert right.sum() > 4900
        assert apart(ours[order], theirs[order])[right].max() <= (0, 2)[order]


@pytest.mark.thorough("second derivatives of jax.nn take long to compile")
@every
def test_second_derivatives_are_no_farther_from_the_truth_than_jax_nn_s(row):
    peer = LABELLED[row]
    act = get(peer.name, **peer.params)
    x = POINTS[:10_000]
    ours, theirs = map(np.asarray, jax.jit(lambda x: (bend(act, x), bend(peer.fn, x)))(x))
    true = exact(act, x)[2]
    mine, wrong = (np.abs(y - true) / (1 + np.abs(true)) for y in (ours, theirs))
    assert mine.max() <= max(4 * EPS, wrong[np.isfinite(wrong)].max())


@pytest.mark.parametrize("row", [row for row, peer in LABELLED.items() if peer.value])
def test_a_value_with_another_bit_is_no_farther_from_the_truth_than_jax_nn_s(row):
    ours, theirs, true = numbers(row)
    finite = np.isfinite(theirs[0]) & np.isfinite(true[0])
    assert apart(ours[0], true[0])[finite].max() <= apart(theirs[0], true[0])[finite].max()


def test_the_reasons_hold_where_they_are_given():
    """A peer that is equal has no reason to be excepted."""
    for row, peer in LABELLED.items():
        ours, theirs, _ = numbers(row)
        near = [apart(a, b)[:10_000].max() for a, b in zip(ours, theirs, strict=True)]
        assert bool(peer.value) == (near[0] > 0), peer
        mended = peer.slope == CANCELS and jax.__version_info__ >= (0, 11)  # by jax.nn itself
        assert bool(peer.slope) == (near[1] > 2) or mended, peer


@every
def test_slopes_at_the_kinks_are_those_of_jax_nn(row):
    peer = LABELLED[row]
    act = get(peer.name, **peer.params)
    theirs = tower(peer.fn, jnp.asarray(act.kinks, "float32"))[1]
    for dtype in ("float32", "bfloat16", "float16"):
        ours = act.derivative(jnp.asarray(act.kinks, dtype))
        np.testing.assert_array_equal(ours, theirs.astype(dtype))


every_half = pytest.mark.parametrize(
    ("peer", "dtype"),
    [
        pytest.param(
            peer,
            dtype,
            id=f"{label(peer)}-{dtype}",
            marks=()
            if peer.name in ("gelu", "softplus")
            else pytest.mark.thorough("a minute; the two that are computed otherwise stay"),
        )
        for peer in JAX
        for dtype in ("float16", "bfloat16")
    ],
)


@every_half
def test_half_precision_is_rounded_once(peer, dtype):
    """Every number there is: within 0.8 floats, and the slope within 1.2."""
    act = get(peer.name, **peer.params)
    x = jax.lax.bitcast_convert_type(jnp.asarray(HALVES), jnp.dtype(dtype))
    ours = jax.jit(lambda x: (act(x), act.derivative(x)))(x)
    there = jax.eval_shape(lambda x: (peer.fn(x), jax.jvp(peer.fn, (x,), (x,))[1]), x)
    assert [y.dtype for y in ours] == [y.dtype for y in there]
    true = exact(act, np.float64(x))
    top, least = (float(getattr(jnp.finfo(dtype), name)) for name in ("max", "tiny"))
    # Subnormal numbers of float32, and so of bfloat16, are taken for 0.
    held = np.isfinite(np.float64(x)) & ~(np.abs(np.float64(x)) < TINY)
    # The slopes of these two end there in float64, in half precision they do not.
    known = np.abs(np.float64(x)) < (15 if peer.name in ("tanh", "sigmoid") else np.inf)
    for y, want, bent, most, sure in zip(
        ours, true[:2], true[1:], (0.8, 1.2), (held, held & known), strict=True
    ):
        step = float(jnp.finfo(dtype).eps) * 2.0 ** np.floor(np.log2(np.abs(want)))
        # bfloat16 ends about where float32 is flushed; float16 has its subnormal numbers.
        end = 16 * (1 + np.abs(np.float64(x))) * least if dtype == "bfloat16" else least * 2.0**-10
        step = np.maximum(step, end)
        within = 4 * EPS * (np.abs(want) + np.abs(np.float64(x) * bent))  # that of float32
        far = np.abs(np.clip(np.float64(y), -top, top) - np.clip(want, -top, top))
        wrong = sure & ~(far <= most * step + within)
        assert not wrong.any(), (np.float64(x)[wrong], far[wrong] / step[wrong])


@pytest.mark.torch
@pytest.mark.parametrize("peer", TORCH, ids=label)
def test_values_and_slopes_are_pytorch_s_within_four_floats(peer):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: make torch")
    act = get(peer.name, framework="torch", **peer.params)
    kinks = np.float32(act.kinks)
    x = np.concatenate([POINTS[:10_000], kinks])
    tensor = torch.tensor(x, requires_grad=True)
    y = peer.fn(torch)(tensor)
    theirs = [y.detach().numpy(), torch.autograd.grad(y.sum(), tensor)[0].numpy()]
    ours = jax.jit(lambda x: (act(x), act.derivative(x)))(x)
    true = exact(act, x)
    for order, why in enumerate((peer.value, peer.slope)):
        if why:
            worst = error(theirs[order], true[order], x * true[order + 1]).max()
            mine = error(ours[order], true[order], x * true[order + 1]).max()
            # A tanh of its own: its 1 - f² rounds to 0 a little earlier.
            assert mine <= max(4, 1.25 * worst)
            assert apart(ours[order], theirs[order]).max() > 4, "no reason to be excepted"
        else:
            assert apart(ours[order], theirs[order]).max() <= 4
    np.testing.assert_array_equal(ours[1][len(x) - len(kinks) :], theirs[1][len(x) - len(kinks) :])


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize(("name", "fn", "sides"), BESIDE_KINKS)
def test_slopes_beside_a_kink_are_right_where_jax_nn_rounds_to_the_kink(name, fn, sides, dtype):
    act = get(name)
    kinks = jnp.asarray(act.kinks, dtype)
    beside = jnp.stack([jnp.nextafter(kinks, jnp.full_like(kinks, end)) for end in (-99, 99)])
    ours, theirs = (np.float64(tower(f, beside)[1]) for f in (act, fn))
    differ = abs(ours - theirs) > 2 * float(jnp.finfo(dtype).eps)
    found = {(k, side) for row, side in zip(differ, (-1, 1), strict=True)
             for k, is_off in zip(act.kinks, row, strict=True) if is_off}  # fmt: skip
    assert found == {(k, side) for k, places in sides.items() for side in places}
    np.testing.assert_allclose(
        ours, exact(act, np.float64(beside))[1], rtol=float(jnp.finfo(dtype).eps)
    )


def test_squareplus_is_right_in_its_tail_and_above_where_jax_nn_is_not():
    act, x = get("squareplus"), jnp.float32([-1e4, -1e3])
    slope = 1 / np.float64(x) ** 2  # b / (4 x²), to 1e-5 of it
    np.testing.assert_allclose(act.derivative(x), slope, rtol=1e-5)
    assert (abs(tower(nn.squareplus, x)[1] / slope - 1) > 0.01).all()
    assert float(act(jnp.float32(1e20))) == float(jnp.float32(1e20))
    assert nn.squareplus(jnp.float32(1e20)) == np.inf
