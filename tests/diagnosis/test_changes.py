"""Is what two diagnoses tell differently told, and nothing else?"""

import jax
import jax.numpy as jnp
import pytest
from jax import nn

import relu_jax as rj
from relu_jax.diagnosis import compare

KEY = jax.random.key(0)
X = [jax.random.normal(jax.random.key(1), (64, 8))]
WEIGHTS = list(jax.random.normal(KEY, (3, 8, 8)) / 2)


def loss(ws, x, act=nn.relu):
    for w in ws:
        x = act(x @ w)
    return jnp.mean(x**2)


@pytest.fixture(scope="module")
def pair():
    dead = [WEIGHTS[0], -jnp.abs(WEIGHTS[1]), WEIGHTS[2]]
    return rj.diagnose(loss, dead, X), rj.diagnose(loss, WEIGHTS, X)


def test_findings_are_gone_new_or_still_there(pair):
    dead, well = pair
    told = compare(dead, well)
    assert ("dead_units", "ws/1") in [(one.kind, one.site) for one in told.gone]
    assert told.new == ()
    back = compare(well, dead)
    assert back.new == told.gone
    assert back.gone == ()
    same = compare(dead, dead)
    assert (same.gone, same.new) == ((), ())
    assert same.still == tuple((one, one) for one in dead.findings)


def test_sites_are_compared_by_their_ids(pair):
    dead, well = pair
    told = compare(dead, well)
    assert [change.after.id for change in told.sites] == ["ws/0", "ws/1", "ws/2"]
    first, second, _ = told.sites
    assert first.signal == pytest.approx(1)
    assert first.gradient is None  # no gradient came back
    assert (second.before.dead, second.after.dead) == (8, 0)
    assert second.signal is None  # it was 0
    assert compare(well, dead).sites[0].gradient == 0


def test_a_swap_and_other_layers_are_seen(pair):
    _, well = pair
    other = rj.diagnose(lambda ws, x: loss(ws, x, jnp.tanh), WEIGHTS[:2], X)
    told = compare(well, other)
    assert told.only_before == ("ws/2",)
    assert told.only_after == ()
    assert "relu → tanh" in str(told)
    assert "only before: ws/2" in str(told)


def test_it_prints_what_is_different(pair):
    printed = str(compare(*pair))
    assert printed.splitlines()[0].startswith("loss 0 → ")
    assert "gone: critical  dead_units at ws/1" in printed
    assert "8/8 → 0/8" in printed
    assert "No finding, before and after." in str(compare(pair[1], pair[1]))


def test_both_stand_on_one_page(pair, tmp_path):
    file = tmp_path / "both.html"
    compare(*pair).report(file, names=("run A", "run B"), title="Two runs")
    page = file.read_text(encoding="utf-8")
    assert "run A" in page
    assert "run B" in page


def test_two_names_are_asked_for_and_other_programs_have_nothing_in_common(pair, tmp_path):
    with pytest.raises(ValueError, match="two diagnoses have two names"):
        compare(*pair).report(tmp_path / "one.html", names=("a",))
    other = rj.diagnose(lambda w, x: jnp.mean(jnp.tanh(x @ w["other"])), {"other": WEIGHTS[0]}, X)
    told = compare(pair[0], other)
    assert told.sites == ()
    assert "No site in common." in str(told)


def test_what_is_no_diagnosis_is_refused(pair):
    with pytest.raises(TypeError, match="two diagnoses are compared; got"):
        compare(pair[0], {"loss": 1.0})
