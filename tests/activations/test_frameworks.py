"""Does each framework's name get that framework's function, parameters and slopes at the kinks?"""

from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from relu_jax.activations import get, names
from relu_jax.activations.frameworks import FRAMEWORKS
from tests.activations import peers
from tests.activations.cases import CASES
from tests.activations.peers import JAX, TORCH, Peer

pytestmark = pytest.mark.leaks_unchecked(
    "the check retraces every primitive, 7 times the time; test_activation.py runs under it"
)
POINTS = np.random.default_rng(7).normal(scale=4.0, size=10_000).astype(np.float32)
EPS, TINY = float(np.finfo(np.float32).eps), float(np.finfo(np.float32).tiny)


def ulps(got, want, bend):
    """Distance in roundings: of `want` itself, or of x as they come through (bend is x f')."""
    got, want, bend = (np.asarray(v, np.float64) for v in (got, want, bend))
    size = np.abs(want) + np.abs(np.nan_to_num(bend))
    with np.errstate(all="ignore"):
        distance = np.abs(got - want) / np.maximum(EPS * size, TINY)
    return np.where((got == want) | (np.isnan(got) & np.isnan(want)), 0.0, distance)


@pytest.mark.parametrize("peer", JAX, ids=lambda peer: peer.name)
def test_values_equal_jax_nn_bit_for_bit_and_slopes_within_two_ulp(peer):
    act = get(peer.name, **peer.params)
    x = jnp.asarray(POINTS)
    both = jax.jit(lambda x: (act(x), peer.fn(x), *tower(act, x), _slope(peer.fn, x)))
    ours, theirs, slope, bend, slope_there = map(np.asarray, both(x))
    held = peer.held(POINTS)
    assert np.mean(held) > 0.15
    assert (
        ulps(ours, theirs, 0 * slope if not peer.ulps[0] else x * slope)[held].max() <= peer.ulps[0]
    )
    assert ulps(slope, slope_there, x * bend)[held].max() <= peer.ulps[1]


@pytest.mark.parametrize("peer", JAX, ids=lambda peer: peer.name)
def test_slopes_at_the_kinks_are_those_of_jax_nn(peer):
    act = get(peer.name, **peer.params)
    kinks = np.float32(act.kinks)
    np.testing.assert_array_equal(act.derivative(kinks), _slope(peer.fn, jnp.asarray(kinks)))


def tower(act, x):
    """First and second derivative."""
    return act.derivative(x), act.derivative(x, 2)


def _slope(f, x):
    return jax.jvp(f, (x,), (jnp.ones_like(x),))[1]


@pytest.mark.torch
@pytest.mark.parametrize("peer", TORCH, ids=lambda peer: peer.name)
def test_values_and_slopes_are_pytorch_s_within_four_ulp(peer):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: make torch")
    act = get(peer.name, framework="torch", **peer.params)
    kinks = np.float32(act.kinks)
    x = torch.tensor(np.concatenate([POINTS, kinks]), requires_grad=True)
    y = peer.fn(torch)(x)
    (slope_there,) = torch.autograd.grad(y.sum(), x)
    inputs = x.detach().numpy()
    held = peer.held(inputs)
    assert np.mean(held) > 0.15
    slopes, bends = map(np.asarray, jax.jit(lambda x: tower(act, x))(inputs))
    values = y.detach().numpy()
    assert ulps(act(inputs), values, inputs * slopes)[held].max() <= peer.ulps[0]
    assert ulps(slopes, slope_there.numpy(), inputs * bends)[held].max() <= peer.ulps[1]
    np.testing.assert_array_equal(slopes[len(POINTS) :], slope_there.numpy()[len(POINTS) :])


def test_every_meaning_is_one_of_the_catalogue():
    for framework, meanings in FRAMEWORKS.items():
        for name, meaning in meanings.items():
            act = get(name, framework=framework)
            assert act.name == meaning.name
            assert len(act.slope_at_kinks) == len(act.kinks)
            if meaning.slopes is not None:
                given = tuple(map(float, act.derivative(np.float32(act.kinks))))
                assert given == pytest.approx(act.slope_at_kinks)


def test_an_unknown_framework_is_refused():
    with pytest.raises(
        ValueError, match=r"a framework is one of jax, torch, keras; got str 'mxnet'"
    ):
        get("relu", framework="mxnet")


def test_a_framework_s_default_gives_way_to_a_parameter():
    assert get("leaky_relu", framework="keras").params == {"slope": 0.2}
    assert get("leaky_relu", framework="keras", slope=0.3).params == {"slope": 0.3}
    torch_like = get("leaky_relu", framework="torch", slope=0.3)
    assert torch_like.slope_at_kinks == (0.3,)
    assert float(torch_like.derivative(0.0)) == pytest.approx(0.3)


def test_peers_name_their_exceptions():
    for peer in (*JAX, *TORCH):
        assert isinstance(peer, Peer)
        assert bool(peer.why) == (peer.ulps not in ((0, 2), (4, 4)) or peer.where is not None)


def test_every_exception_stands_in_the_conventions_with_its_reason():
    squareplus = {("squareplus", why) for why in (peers.SLOPE_CANCELS, peers.SQUARE_OVERFLOWS)}
    beside = {(name, peers.ROUNDS_TO_THE_KINK) for name, _, _ in peers.BESIDE_KINKS}
    assert exceptions("Not bit for bit jax.nn's") == named(JAX) | squareplus | beside
    assert exceptions("Not PyTorch's within four roundings") == named(TORCH)


def named(rows):
    return {(peer.name, peer.why) for peer in rows if peer.why}


def exceptions(title):
    """Read a table of the conventions: every function in it, with the reason beside it."""
    found, why = set(), ""
    section = conventions().partition(f"## {title}\n")[2].partition("\n## ")[0]
    for line in section.partition("| --- |")[2].splitlines()[1:]:
        functions, told = line.removeprefix("| ").removesuffix(" |").split(" | ")[::2]
        why = why if told == "the same" else told
        found |= {(name, why) for name in functions.split(", ")}
    return found


def test_slopes_that_come_from_the_value_are_named_in_the_conventions():
    by_value = conventions().partition("**Derivatives**")[2].partition("\n\n")[0]
    assert peers.BY_VALUE in by_value
    known = {case.act.name for case in CASES if case.why == peers.BY_VALUE}
    assert known == {word for word in known | set(names()) if f"`{word}`" in by_value}


def conventions():
    """Read what a user is told, without the marks of a table."""
    path = Path(__file__).parents[2] / "docs" / "conventions.md"
    return path.read_text(encoding="utf-8").replace("\\|", "|")


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize(("name", "fn", "sides"), peers.BESIDE_KINKS)
def test_slopes_beside_a_kink_are_right_where_jax_nn_rounds_to_the_kink(name, fn, sides, dtype):
    act = get(name)
    kinks = jnp.asarray(act.kinks, dtype)
    beside = [jnp.nextafter(kinks, jnp.full_like(kinks, end)) for end in (-99, 99)]
    ours, theirs = (np.float64(_slope(f, jnp.stack(beside))) for f in (act, fn))
    differ = abs(ours - theirs) > 2 * float(jnp.finfo(dtype).eps)
    found = {(k, side) for row, side in zip(differ, (-1, 1), strict=True)
             for k, is_off in zip(act.kinks, row, strict=True) if is_off}  # fmt: skip
    assert found == {(k, side) for k, places in sides.items() for side in places}
    with jax.enable_x64(True):
        exact = act.derivative(jnp.stack(beside).astype("float64"))
    np.testing.assert_allclose(ours, exact, rtol=float(jnp.finfo(dtype).eps))


def test_squareplus_is_right_in_its_tail_and_above_where_jax_nn_is_not():
    act, x = get("squareplus"), jnp.float32([-1e4, -1e3])
    exact = 4 / (2 * np.float64(x) ** 2)  # b / (2 x^2), to 1e-5 of it: (1 + x/√(x² + b)) / 2
    np.testing.assert_allclose(act.derivative(x), exact / 2, rtol=1e-5)
    assert (abs(_slope(jax.nn.squareplus, x) / (exact / 2) - 1) > 0.01).all()
    assert float(act(jnp.float32(1e20))) == float(jnp.float32(1e20))
    assert jax.nn.squareplus(jnp.float32(1e20)) == np.inf


HALVES = np.arange(65536, dtype=np.uint16)
only_once = pytest.mark.thorough("a minute; only softplus and log_sigmoid were ever at fault")
by_peer = [
    pytest.param(
        peer,
        dtype,
        id=f"{peer.name}-{dtype}",
        marks=() if dtype == "float16" and peer.name in ("softplus", "log_sigmoid") else only_once,
    )
    for peer in JAX
    for dtype in ("float16", "bfloat16")
]


@pytest.mark.parametrize(("peer", "dtype"), by_peer)
def test_no_half_precision_slope_is_lost_where_jax_nn_has_it(peer, dtype):
    act = get(peer.name, **peer.params)
    x = jax.lax.bitcast_convert_type(jnp.asarray(HALVES), jnp.dtype(dtype))
    ours, theirs = (np.float64(jax.jit(f)(x)) for f in (act.derivative, partial(_slope, peer.fn)))
    with jax.enable_x64(True):
        exact, bend = (np.asarray(y) for y in jax.jit(lambda x: tower(act, x))(x.astype("float64")))
    least = float(
        jnp.finfo(dtype).smallest_subnormal if dtype == "float16" else jnp.finfo(dtype).tiny
    )
    with np.errstate(all="ignore"):
        step = float(jnp.finfo(dtype).eps) * (abs(exact) + abs(np.nan_to_num(np.float64(x) * bend)))
        right = (abs(theirs - exact) <= 4 * (step + least)) & (theirs != 0)
        lost = np.isnan(ours) | ((ours == 0) & (abs(exact) > 4 * (step + least)))
    assert right.sum() > 1000
    assert not (right & lost).any(), np.float64(x)[right & lost]
