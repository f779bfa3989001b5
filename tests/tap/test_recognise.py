"""Is a function known by what it does, with its parameters and its own slope at the kinks?"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import nn

from relu_jax import activations, tap
from relu_jax.tap import recognise, regions
from relu_jax.tap.recognise import AFFINE, Recogniser
from tests.tap import networks as n
from tests.tap.reading import regions_of
from tests.tap.spellings import ALL

pytestmark = pytest.mark.leaks_unchecked(
    "it collects garbage at every trace: test_observe.py has it"
)


def _match(f, *args, catalogue=activations.CATALOGUE, plain=True):
    flow = regions_of(f, *args)
    (y,) = regions.exits(flow, lambda v: True, flow.frame.outs)
    return Recogniser(flow.graph, catalogue, plain=plain)(regions.piece(flow, flow.root[y], y))


@pytest.mark.parametrize(
    "f",
    [
        jnp.sinh, jnp.cbrt, lambda x: jnp.round(x), lambda x: x * jnp.cos(2 * x),
        lambda x: nn.relu(x) + 1e-3 * x**2, lambda x: jnp.where(jnp.abs(x) > 0.5, x, 0.1),
        lambda x: nn.gelu(x) + 0.01, lambda x: nn.relu(x) ** 2 + nn.relu(-x),
        lambda x: jnp.where(x > 0.5, x, -1e9), lambda x: jnp.tanh(x) ** 3,
    ],
    ids=[
        "sinh", "cube root", "round", "x cos 2x", "nearly relu", "hardshrink, lifted",
        "shifted gelu", "two sides", "mask", "tanh³",
    ],
)  # fmt: skip
def test_what_the_catalogue_does_not_hold_is_not_named(f):
    assert _match(f, n.X) is None


def test_the_two_gelus_are_told_apart():
    assert _match(nn.gelu, n.X).kind == "gelu_tanh"
    assert _match(lambda x: nn.gelu(x, approximate=False), n.X).kind == "gelu"
    assert _match(lambda x: x * nn.sigmoid(1.702 * x), n.X).kind == "quick_gelu"


def test_of_two_that_fit_the_one_with_fewer_parameters_is_named():
    assert _match(lambda x: jnp.where(x >= 0, x, 0.0 * x), n.X).kind == "relu"
    assert _match(lambda x: jnp.clip(x, 0, 6), n.X).kind == "relu6"
    assert _match(lambda x: jnp.clip(x, 0, 5), n.X).kind == "relu_n"
    assert _match(lambda x: jnp.clip(x, -5, 5), n.X).kind == "hard_tanh"


@pytest.mark.parametrize("slope", [0.01, 0.3, -0.5, 1e-3, 5.5])
def test_a_parameter_is_solved_for(slope):
    match = _match(lambda x: jnp.where(x >= 0, x, slope * x), n.X)
    assert match.kind == "leaky_relu"
    assert match.params == {"slope": slope}
    assert match.slope_at_kinks == (1.0,)


def test_a_parameter_that_is_an_array_is_not_a_number():
    match = _match(lambda x, a: jnp.where(x > 0, x, a * (jnp.exp(x) - 1)), n.X, jnp.float32(2))
    assert match.kind == "elu"
    assert np.isnan(match.params["alpha"])


def test_an_array_that_changes_more_than_a_parameter_is_not_named():
    assert _match(lambda x, a: jnp.tanh(x + a[None] * x**2), n.X, n.X[0]) is None


def test_a_straight_line_is_affine():
    assert _match(lambda x: (x + x) / 2 + 3, n.X) is AFFINE
    assert _match(lambda x: jnp.where(x > 0, x + 1, x + 1), n.X) is AFFINE


def test_a_smaller_catalogue_knows_less():
    few = tuple(act for act in activations.CATALOGUE if act.name in ("relu", "tanh"))
    assert _match(nn.relu, n.X, catalogue=few).kind == "relu"
    assert _match(nn.silu, n.X, catalogue=few) is None


def test_the_slope_at_a_kink_is_that_of_the_user_s_rule():
    @jax.custom_jvp
    def odd(x):
        return jnp.maximum(x, 0)

    odd.defjvps(lambda t, _ans, x: jnp.where(x > 0, t, 0.125 * t))
    assert _match(odd, n.X).slope_at_kinks == (0.125,)


def test_two_functions_with_one_body_and_different_rules_are_told_apart():
    def ruled(slope):
        @jax.custom_jvp
        def f(x):
            return jnp.maximum(x, 0)

        f.defjvps(lambda t, _ans, x: jnp.where(x > 0, t, slope * t))
        return f

    sites = tap.sites(n.mlp(ruled(0.25), ruled(0.75), nn.relu), n.mlp_params(3), n.X)
    assert [s.slope_at_kinks for s in sites] == [(0.25,), (0.75,), (0.0,)]


def test_the_same_function_is_matched_once(monkeypatch):
    seen = []
    matched = Recogniser._match
    monkeypatch.setattr(
        Recogniser,
        "_match",
        lambda self, piece, *rest: seen.append(1) or matched(self, piece, *rest),
    )
    tap.sites(n.mlp(*[nn.silu] * 6), n.mlp_params(6), n.X)
    seen.clear()  # what lasts from one program to the next may have been matched before, or not
    tap.sites(n.mlp(*[nn.silu] * 6), n.mlp_params(6), n.X)
    once = len(seen)
    tap.sites(n.mlp(*[nn.silu] * 12), n.mlp_params(12), n.X)
    assert len(seen) == 2 * once


@pytest.mark.standard_promotion("the spellings are as users write them")
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_every_spelling_is_known_in_every_float_dtype(dtype):
    rows = [row for row in ALL if row.kind != "identity" and row.words != "normal cdf"]
    eps = 4 * float(jnp.finfo(dtype).eps)
    for row in rows:
        (site,) = tap.sites(row.f, jax.ShapeDtypeStruct((5, 3), dtype))
        assert site.kind == row.kind, row.label
        assert site.dtype == dtype
        np.testing.assert_allclose(site.slope_at_kinks, row.slopes, rtol=eps, err_msg=row.label)
        assert site.params == pytest.approx(row.params, rel=eps), row.label


def test_the_grid_sees_where_catalogued_functions_bend():
    kinks = {kink for act in activations.CATALOGUE for kink in act.kinks}
    for kink in kinks:
        assert np.any(kink > recognise._GRID)
        assert np.any(kink < recognise._GRID)


def _masked(f):
    return lambda params, x, mask: f(x @ params["w"], mask) @ params["out"]


MASKED = {
    "to minus infinity": (lambda h, m: jnp.where(m[:, None], -jnp.inf, jnp.tanh(h)), ["tanh"]),
    "to 0": (lambda h, m: jnp.where(m[:, None], nn.relu(h), 0), ["relu"]),
    "before": (lambda h, m: nn.relu(jnp.where(m[:, None], h, -1e9)), ["relu"]),
    "by a float": (
        lambda h, m: jnp.where(m.astype(h.dtype)[:, None] > 0.5, nn.relu(h), 0), ["relu"],
    ),
    "drop path": (lambda h, m: jnp.where(m[:, None], nn.relu(h) / 0.8, 0), ["relu"]),
    "two functions": (lambda h, m: jnp.where(m[:, None], nn.relu(h), jnp.tanh(h)), ["unknown"]),
    "by the unit": (
        lambda h, m: jnp.where(jnp.arange(4)[None] < 2, nn.relu(h), jnp.tanh(h)), ["unknown"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("row", MASKED.values(), ids=MASKED)
def test_a_mask_is_no_part_of_a_function_and_swallows_none(row):
    f, kinds = row
    mask = np.array([0, 1, 0, 1, 1], bool)
    params = {"w": n.leaf(3, 4), "out": n.leaf(4, 2)}
    model = _masked(f)
    sites = tap.sites(model, params, n.X, mask)
    assert [site.kind for site in sites] == kinds
    if kinds == ["tanh"]:
        _, seen = tap.record(model)(params, n.X, mask)
        np.testing.assert_allclose(seen["w"].post, np.tanh(n.X @ params["w"]), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("step", [3, 30])
def test_a_function_that_is_chosen_by_a_number_is_none_of_its_choices(step):
    def f(params, x, step):
        h = x @ params["w"]
        return jax.lax.select_n(step > 10, nn.relu(h), nn.gelu(h))

    assert [s.kind for s in tap.sites(f, {"w": n.leaf(3, 4)}, n.X, jnp.int32(step))] == ["unknown"]


def test_in_half_precision_a_scaled_sigmoid_is_recorded_as_its_name_says():
    w, x = (jnp.asarray(a, jnp.bfloat16) for a in (n.leaf(3, 4), n.X))
    _, seen = tap.record(lambda w, x: 0.98 * nn.sigmoid(x @ w) + 0.01)(w, x)
    (ends,) = seen.values()
    np.testing.assert_array_equal(ends.post, nn.sigmoid(ends.pre))


def test_nothing_is_said_of_functions_that_are_not_finite(recwarn):
    tap.sites(
        lambda w, x: jnp.log1p(jnp.square(x @ w)) + jnp.where(x @ w > 0, jnp.inf, 1),
        n.leaf(3, 4),
        n.X,
    )
    assert not recwarn.list


def test_other_names_of_the_same_function_are_given():
    (relu,) = tap.sites(nn.relu, n.X)
    assert relu.also[:2] == ("leaky_relu(slope=0)", "elu(alpha=0)")
    (unknown,) = tap.sites(lambda x: x * jnp.cos(2 * x), n.X)
    assert (unknown.kind, unknown.also) == ("unknown", ())


def test_an_entry_that_is_not_finite_on_the_grid_is_near_nothing():
    broken = activations.Activation("broken", lambda x: x * jnp.inf, "x * inf", "none")
    catalogue = (broken, *activations.CATALOGUE)
    assert _match(nn.leaky_relu, n.X, catalogue=catalogue).kind == "leaky_relu"


def test_a_match_is_kept_for_other_programs_unless_it_holds_a_rule_of_the_user_s():
    @jax.custom_jvp
    def own(x):
        return jnp.maximum(x, 0)

    own.defjvps(lambda t, _ans, x: jnp.where(x > 0, t, 0.25 * t))
    kept = {}
    for f, names in ((nn.silu, ["silu"]), (own, ["silu"]), (nn.silu, ["silu"])):
        flow = regions_of(f, n.X)
        (y,) = flow.frame.outs
        match = Recogniser(flow.graph, activations.CATALOGUE, plain=True, kept=kept)
        assert match(regions.piece(flow, flow.root[y], y)).kind in ("silu", "relu")
        assert [found.kind for found in kept.values()] == names
