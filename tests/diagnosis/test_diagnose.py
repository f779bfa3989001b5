"""Does the verb measure what NumPy measures, on any batches, and refuse what it cannot do?"""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import relu_jax as rj
from relu_jax.core.errors import DataError
from relu_jax.core.numerics import tolerance
from tests.diagnosis import networks, oracle
from tests.diagnosis.networks import counts, gaussian, mlp_loss, start

pytestmark = pytest.mark.leaks_unchecked(
    "it retraces every primitive, 7 times the time; one test below turns it on"
)
SIZES = [64, 24, 20, 16, 10]
ACTS = {"relu": jax.nn.relu, "tanh": jnp.tanh, "sigmoid": jax.nn.sigmoid}
TOLERANCE = tolerance("float32", n=64)


@pytest.mark.parametrize("kind", ACTS)
def test_the_numbers_are_numpy_s(kind):
    params, batches = start(SIZES), gaussian(40, 2)
    params = networks.replaced(params, 1, "b", jnp.linspace(-3.0, 1.0, 20))
    d = rj.diagnose(mlp_loss(ACTS[kind]), params, batches)
    runs = [oracle.run(params, batch, kind) for batch in batches]
    assert d.loss == pytest.approx(np.mean([run.loss for run in runs]), rel=TOLERANCE)
    for i, report in enumerate(d.sites.values()):
        for name in ("pre", "post", "d_pre", "d_post"):
            expected = oracle.rms(*(getattr(run, name)[i] for run in runs))
            assert getattr(report, f"rms_{name}") == pytest.approx(expected, rel=TOLERANCE)
        pre = np.concatenate([run.pre[i] for run in runs])
        slope = np.abs(oracle.ACTS[kind][1](pre))
        assert report.dead == int((slope == 0).all(axis=0).sum())
        assert list(report.alive) == (slope != 0).sum(axis=0).tolist()
        limit = 0.1 * {"sigmoid": 0.25}.get(kind, 1.0)
        assert report.saturated == pytest.approx(np.mean(slope < limit), abs=1 / pre.size)
    for i, leaf in enumerate(d.parameters):
        layer, name = divmod(i, 2)
        mean = np.mean([run.grads[layer]["bw"[name]] for run in runs], axis=0)
        assert leaf.path == f"params/{layer}/{'bw'[name]}"
        assert leaf.rms_grad == pytest.approx(oracle.rms(mean), rel=10 * TOLERANCE)


def test_no_tracer_outlives_its_trace():
    params, batches = start(SIZES), gaussian(20, 2)
    with jax.checking_leaks():
        assert rj.diagnose(mlp_loss(jax.nn.relu), params, batches).n_batches == 2


def test_many_small_batches_count_like_one_large():
    (large,) = gaussian(60, 1)
    params = networks.replaced(start(SIZES), 1, "b", jnp.linspace(-4.0, 1.0, 20))
    cuts = [slice(0, 20), slice(20, 40), slice(40, 60)]
    small = [(large[0][cut], large[1][cut]) for cut in cuts]
    loss = mlp_loss(jax.nn.relu)
    one, many = rj.diagnose(loss, params, [large]), rj.diagnose(loss, params, iter(small))
    assert counts(one) == counts(many)
    assert (many.n_batches, many.n_examples) == (3, 60)
    assert many.loss == pytest.approx(one.loss, rel=TOLERANCE)
    for a, b in zip(one.parameters, many.parameters, strict=True):
        assert b.rms_grad == pytest.approx(a.rms_grad, rel=TOLERANCE)


def test_batches_of_unequal_size_are_weighted_by_examples():
    (large,) = gaussian(50, 1)
    parts = [(large[0][:40], large[1][:40]), (large[0][40:], large[1][40:])]
    params, loss = start(SIZES), mlp_loss(jnp.tanh)
    one, two = rj.diagnose(loss, params, [large]), rj.diagnose(loss, params, parts)
    assert counts(one) == counts(two)
    assert two.loss == pytest.approx(one.loss, rel=TOLERANCE)
    assert two.parameters[1].rms_grad == pytest.approx(one.parameters[1].rms_grad, rel=TOLERANCE)


def test_a_convolution_counts_channels():
    def loss(params, batch):
        x = batch[0].reshape(-1, 8, 8, 1)
        x = jax.lax.conv_general_dilated(
            x, params["k"], (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
        )
        return jnp.mean(jax.nn.relu(x))

    params = {"k": jax.random.normal(jax.random.key(0), (3, 3, 1, 5))}
    (report,) = rj.diagnose(loss, params, gaussian(20, 1)).sites.values()
    assert (report.units, report.n) == (5, 20 * 64)


def test_aux_is_found_and_only_selects():
    def loss(params, batch):
        return mlp_loss(jnp.tanh)(params, batch), {"any": batch[0]}

    d = rj.diagnose(loss, start(SIZES), gaussian(20, 1), only="params/1")
    assert list(d.sites) == ["params/1"]
    assert d.coverage.recognised == 3


def test_updates_are_measured():
    loss, params, batches = mlp_loss(jnp.tanh), start(SIZES), gaussian(20, 1)
    plain = rj.diagnose(loss, params, batches, learning_rate=0.1)
    leaf = plain.parameters[1]
    assert leaf.update_ratio == pytest.approx(0.1 * leaf.ratio, rel=TOLERANCE)


@pytest.mark.standard_promotion("optax.adam mixes int32 and float in its bias correction")
def test_the_updates_of_an_optimiser_are_measured():
    loss, params, batches = mlp_loss(jnp.tanh), start(SIZES), gaussian(20, 1)
    adam = rj.diagnose(loss, params, batches, optimizer=optax.adam(1e-3)).parameters[1]
    assert adam.update_ratio == pytest.approx(1e-3 / adam.rms, rel=0.1)


def test_half_precision_is_measured_in_single():
    params = jax.tree.map(lambda leaf: leaf.astype(jnp.bfloat16), start(SIZES))
    d = rj.diagnose(mlp_loss(jnp.tanh), params, gaussian(40, 1))
    report = d.sites["params/0"]
    assert report.site.dtype == "bfloat16"
    assert report.rms_pre == pytest.approx(2**0.5, rel=0.1)


def test_a_network_without_sites_is_diagnosed_too():
    d = rj.diagnose(lambda w, x: jnp.mean((x @ w) ** 2), jnp.ones((3, 2)), [jnp.ones((4, 3))])
    assert dict(d.sites) == {}
    assert d.flow == (None, None, None, None)
    assert [one.kind for one in d.findings] == ["no_activation"]
    assert "No" in str(d)


@pytest.mark.parametrize(
    ("loss", "params", "batches", "kind", "message"),
    [
        (mlp_loss(jnp.tanh), start(SIZES), [], DataError, "no batches"),
        (
            mlp_loss(jnp.tanh),
            start([32, 8, 10]),
            gaussian(20, 1),
            DataError,
            "works on every batch",
        ),
        (
            lambda p, b: b[0] @ p,
            jnp.ones((64, 2)),
            gaussian(20, 1),
            ValueError,
            "one floating number",
        ),
        (lambda _, b: b, jnp.ones(3, jnp.int32), [1.0], DataError, "hold floating numbers"),
        (lambda p: 0.0, start(SIZES), gaussian(20, 1), TypeError, "too many positional"),
        (mlp_loss(jnp.tanh), {1: 1.0, "a": 1.0}, gaussian(20, 1), DataError, "params is a tree"),
    ],
)
def test_wrong_input_is_refused(loss, params, batches, kind, message):
    with pytest.raises(kind, match=message):
        rj.diagnose(loss, params, batches)


def test_a_plain_float_is_a_parameter_only_where_it_is_used():
    def loss(params, batch):
        return jnp.mean(jnp.tanh(batch @ params["w"])) * params["scale"]

    params = {"w": jnp.ones((3, 2)), "scale": 2.0, "rate": 0.5}
    d = rj.diagnose(loss, params, [jnp.ones((4, 3)) * 0.1])
    assert [p.path for p in d.parameters] == ["params/scale", "params/w"]
    assert d.findings == ()


def test_a_trained_slope_is_measured():
    def loss(params, batch):
        z = batch @ params["w"]
        return jnp.mean(jnp.where(z > 0, z, params["slope"] * z))

    params = {"w": jnp.ones((3, 2)), "slope": jnp.float32(0.02)}
    batch = np.random.default_rng(0).standard_normal((200, 3)).astype(np.float32)
    (report,) = rj.diagnose(loss, params, [batch]).sites.values()
    assert report.site.kind == "leaky_relu"
    assert report.saturated == pytest.approx(0.5, abs=0.1)
    assert report.dead == 0


def test_a_mask_of_minus_infinity_is_mild():
    def loss(params, batch):
        x, mask = batch
        return jnp.mean(jnp.tanh(x @ params) * jnp.exp(mask))

    mask = np.where(np.arange(4) < 2, 0.0, -np.inf).astype(np.float32)[:, None] * np.ones((1, 2))
    d = rj.diagnose(
        loss, jnp.ones((3, 2)) * 0.1, [(np.ones((4, 3), np.float32), mask.astype(np.float32))]
    )
    assert [(one.kind, one.severity, one.site) for one in d.findings] == [
        ("non_finite", "info", "batch/1")
    ]


@pytest.mark.parametrize("key", [jax.random.key(1), jax.random.PRNGKey(1)], ids=["key", "raw"])
def test_a_key_in_the_batch_is_no_example(key):
    def loss(params, batch):
        x, labels, key = batch
        return mlp_loss(jax.nn.relu)(params, (x + 0.1 * jax.random.normal(key, x.shape), labels))

    params = networks.replaced(start(SIZES), 0, "b", jnp.full(24, -50.0))
    d = rj.diagnose(loss, params, [(*batch, key) for batch in gaussian(40, 2)])
    assert d.n_examples == d.sites["params/0"].n == d.findings[0].evidence["examples"] == 80


@pytest.mark.parametrize("flag", [jax.debug_nans, jax.debug_infs], ids=["nans", "infs"])
def test_jax_s_own_search_for_nan_does_not_stop_ours(flag):
    params, batches = start(SIZES), gaussian(20, 1)
    broken = networks.replaced(params, 1, "w", params[1]["w"].at[0, 0].set(jnp.nan))
    with flag(True):
        d = rj.diagnose(mlp_loss(jax.nn.relu), broken, batches, learning_rate=0.1)
        born = rj.diagnose(mlp_loss(jnp.log), params, batches)
    assert [(one.kind, one.site) for one in d.findings] == [("non_finite", "params/1/w")]
    assert [(one.kind, one.site) for one in born.findings] == [("non_finite", "params/0")]


def test_leaves_that_read_alike_are_told_apart():
    def loss(params, batch):
        return jnp.mean(jnp.tanh(batch @ params["a"]["b"]) @ params["a/b"])

    params = {"a": {"b": jnp.ones((3, 2))}, "a/b": jnp.full((2, 2), jnp.nan)}
    d = rj.diagnose(loss, params, [jnp.ones((4, 3))])
    assert [(one.kind, one.site) for one in d.findings] == [("non_finite", "params/a/b#2")]


def test_nan_is_no_error():
    bad = [(np.full((4, 64), np.nan, np.float32), np.zeros(4, np.int32))]
    d = rj.diagnose(mlp_loss(jnp.tanh), start(SIZES), bad)
    assert np.isnan(d.loss)
    assert [one.kind for one in d.findings] == ["non_finite"]
    assert d.sites["params/0"].nonfinite_forward == 2 * 4 * 24


def test_no_finding_repeats_another():
    """In a network broken in many ways each site has one finding, and every finding a place."""
    params = networks.scaled(start([64, *[20] * 6, 10]), 1, 1e3)
    d = rj.diagnose(mlp_loss(jnp.tanh), params, gaussian(40, 1), learning_rate=100.0)
    places = [(one.kind, one.site) for one in d.findings]
    assert len(set(places)) == len(places)
    kinds = {one.kind for one in d.findings}
    assert not {"vanishing_gradient", "exploding_gradient"} <= kinds


def test_a_derivative_that_overflows_is_told_with_what_made_it():
    """A sigmoid written by hand: finite forward, inf / inf in its derivative far below 0."""

    def loss(params, batch):
        return jnp.mean(1 / (1 + jnp.exp(-(batch @ params["w"]))))

    wide = np.random.default_rng(0).normal(size=(64, 8)).astype(np.float32)
    d = rj.diagnose(loss, {"w": jnp.asarray(200 * wide[:8])}, [wide])
    assert [(one.kind, one.site) for one in d.findings] == [
        ("non_finite", "w"),
        ("saturated", "w"),
    ]
    assert "jax.nn.sigmoid" in d.findings[0].remedy


def test_double_precision_is_diagnosed():
    with jax.enable_x64(True):
        x = np.random.default_rng(0).standard_normal((20, 3))
        d = rj.diagnose(lambda w, x: jnp.mean(jax.nn.relu(x @ w)), jnp.eye(3), [x])
    (site,) = d.sites.values()
    assert site.rms_pre == pytest.approx(np.sqrt(np.mean(x**2)), rel=1e-12)
    assert site.zeros == np.mean(x <= 0)
