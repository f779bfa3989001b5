"""Is what full depth tells what the analyses tell of the first batch?"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import relu_jax as rj
from relu_jax.analyses.saturation import smallest
from relu_jax.core.strict_json import from_json, to_json
from relu_jax.diagnosis import depth as in_depth
from relu_jax.diagnosis.plain import plain
from tests.diagnosis.networks import gaussian, mlp_loss, start

pytestmark = pytest.mark.leaks_unchecked(
    "it retraces every primitive; tests/analyses runs what is joined here under it"
)
SIZES = [64, 24, 20, 10]


@pytest.fixture(scope="module")
def found():
    """Give a loss, parameters, batches and their diagnosis."""
    loss, params, batches = mlp_loss(jax.nn.relu), start(SIZES), gaussian(40, 2)
    batches[0][0][:3] = 0.0  # three examples that lie on the kinks of every unit
    return loss, params, batches, rj.diagnose(loss, params, batches, depth="full")


def test_gains_and_kinks_are_those_of_the_analyses(found):
    loss, params, batches, d = found
    told = d.depth
    assert told.examples == 40
    assert to_json(told.flow._asdict()) == to_json(
        rj.analyses.gradient_flow(loss, params, batches[0])._asdict()
    )
    assert told.kinks == tuple(rj.analyses.kinks(loss, params, batches[0]))
    assert sum(told.kinks[0].hits) == 3 * 24


def test_codes_are_those_of_numpy(found):
    loss, params, batches, d = found
    _, seen = rj.tap.cotangents(loss)(params, batches[0])
    assert [one.site for one in d.depth.codes] == list(d.sites)
    for one in d.depth.codes:
        post, d_pre = (
            np.asarray(getattr(seen[one.site], name), np.float64) for name in ("post", "d_pre")
        )
        assert (one.n, one.units) == post.shape
        assert one.zeros == pytest.approx(np.mean(post == 0))
        assert one.active_mean == pytest.approx(np.mean(np.sum(post != 0, axis=1)))
        assert one.never == int(np.sum(~(post != 0).any(axis=0)))
        assert one.patterns == len(np.unique(post != 0, axis=0))
        half = {lost.dtype: (lost.lost, lost.of) for lost in one.lost}
        gone = (d_pre != 0) & (np.abs(d_pre) <= smallest("float16") / 2)
        assert half["float16"] == (gone.sum(), np.count_nonzero(d_pre))


def test_a_gradient_that_hangs_on_a_convention_is_a_finding(found):
    kinked = [one for one in found[-1].findings if one.kind == "kink"]
    assert [(one.severity, one.site) for one in kinked] == [("info", one.site) for one in kinked]
    assert kinked
    assert "60 of 800 arguments lie exactly on a kink" in kinked[0].what


def test_it_comes_back_through_json(found, tmp_path):
    d = found[-1]
    d.save(tmp_path / "d.json")
    back = rj.diagnosis.load(tmp_path / "d.json")
    assert isinstance(back.depth, in_depth.Depth)
    assert repr(back.depth) == repr(d.depth)  # NaN is not equal to itself
    assert to_json(plain(back.depth)) == to_json(plain(d.depth))
    assert from_json(to_json(plain(d.depth)))


def test_it_is_printed_and_drawn(found, tmp_path):
    d = found[-1]
    text = str(d)
    for words in ("in depth, on the 40 examples", "theory", "on a kink", "Hoyer", "float16"):
        assert words in text
    d.report(tmp_path / "d.html")
    page = (tmp_path / "d.html").read_text()
    assert "In depth" in page
    assert "Arguments on a kink" in page


def test_fast_has_none_and_costs_nothing():
    loss, params, batches = mlp_loss(jax.nn.relu), start(SIZES), gaussian(40, 1)
    d = rj.diagnose(loss, params, batches)
    assert d.depth is None
    assert "depth" not in d.to_dict()


def test_sites_that_are_not_asked_for_are_left_out():
    loss, params, batches = mlp_loss(jax.nn.relu), start(SIZES), gaussian(40, 1)
    d = rj.diagnose(loss, params, batches, depth="full", only=r"params/1")
    names = list(d.sites)
    assert len(names) == 1
    assert [one.site for one in d.depth.flow.sites] == names
    assert [one.site for one in d.depth.kinks] == names
    assert [one.site for one in d.depth.codes] == names


def test_a_loss_with_more_than_its_value_and_a_loop_over_layers():
    def loss(params, x):
        def layer(h, w):
            return jnp.tanh(h @ w), None

        h, _ = jax.lax.scan(layer, x, params["layers"])
        return jnp.mean(h**2), {"beside": h}

    params = {"layers": jnp.stack([jnp.eye(6), 2 * jnp.eye(6), jnp.eye(6)])}
    x = jnp.linspace(-1, 1, 30).reshape(5, 6)
    d = rj.diagnose(loss, params, [x], depth="full")
    assert [one.site for one in d.depth.flow.sites] == list(d.sites)
    assert [(one.site, one.n, one.units) for one in d.depth.codes] == [
        (name, 5, 6) for name in d.sites
    ]
    assert d.depth.kinks == ()


def test_a_network_without_activations_has_nothing_in_depth():
    d = rj.diagnose(lambda w, x: jnp.mean(x @ w), jnp.eye(3), [jnp.ones((4, 3))], depth="full")
    assert (d.depth.flow.sites, d.depth.kinks, d.depth.codes) == ((), (), ())
    assert "in depth" in str(d)


def test_values_that_are_not_finite_are_told_and_no_error():
    loss, params, batches = mlp_loss(jax.nn.relu), start(SIZES), gaussian(40, 1)
    batches[0][0][0, 0] = np.nan
    d = rj.diagnose(loss, params, batches, depth="full")
    assert d.findings[0].kind == "non_finite"
    assert d.depth.codes[0].never == 0


@pytest.mark.parametrize("depth", ["deep", None, True])
def test_another_depth_is_refused(depth):
    with pytest.raises(ValueError, match='depth is "fast" or "full"'):
        in_depth.check(depth)


def branching(params, x):
    def step(h, turn):
        i, w = turn
        z = h @ w
        return jax.lax.cond(i % 2 == 0, jax.nn.relu, lambda z: 0.5 * z, z), None

    return jnp.mean(jax.lax.scan(step, x, (jnp.arange(4), params))[0] ** 2)


def test_turns_that_did_not_run_are_left_out():
    params = jax.random.normal(jax.random.key(0), (4, 5, 5))
    x = jax.random.normal(jax.random.key(1), (8, 5))
    d = rj.diagnose(branching, params, [x], depth="full")
    (kink,) = d.depth.kinks
    assert kink.n == 80
    h, seen = np.asarray(x, np.float64), []
    for i, w in enumerate(np.asarray(params, np.float64)):
        h = h @ w
        h = np.maximum(h, 0) if i % 2 == 0 else 0.5 * h
        seen += [h] if i % 2 == 0 else []
    assert [code.site for code in d.depth.codes] == list(d.sites)
    for code, rows in zip(d.depth.codes, seen, strict=True):
        assert code.n == 8
        assert code.zeros == pytest.approx(np.mean(rows == 0))
        assert code.active_mean == pytest.approx(np.mean(np.sum(rows != 0, axis=1)))
        assert code.patterns == len(np.unique(rows != 0, axis=0))
        assert not np.isnan(code.hoyer)


def test_a_branch_that_no_batch_takes_has_no_row():
    def loss(w, x):
        return jnp.mean(jax.lax.cond(False, jax.nn.relu, lambda h: h, x @ w))

    d = rj.diagnose(loss, jnp.eye(3), [jnp.ones((4, 3))], depth="full")
    assert (d.depth.codes, d.depth.kinks) == ((), ())


def test_values_that_are_not_finite_are_counted():
    x = jnp.ones((8, 3)).at[:4].set(jnp.nan)
    d = rj.diagnose(lambda w, x: jnp.mean(jax.nn.relu(x @ w)), jnp.eye(3), [x], depth="full")
    assert d.depth.codes[0].nonfinite == 12
    assert "NaN/inf" in str(d.depth)


def test_a_loss_that_takes_a_derivative_is_measured_wherever_its_arguments_lie():
    def penalty(w, x):
        return jnp.sum(jax.grad(lambda w: jnp.mean(jax.nn.relu(x @ w) ** 2))(w) ** 2)

    x = jnp.ones((4, 3)).at[0].set(0.0)
    d = rj.diagnose(penalty, jnp.eye(3), [x], depth="full")
    (kink,) = d.depth.kinks
    assert kink.hits == (3,)
    assert np.isnan([kink.below, kink.above]).all()
