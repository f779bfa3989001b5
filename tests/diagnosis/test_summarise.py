"""Do sums become the right numbers, in the right order?"""

import jax
import numpy as np
import pytest

from relu_jax.diagnosis import summarise
from relu_jax.diagnosis.statistics import Backward, Forward
from relu_jax.diagnosis.totals import Totals, Turns
from relu_jax.tap import Cotangent
from tests.diagnosis import made


def totals(names, turns=1, backward=True, examples=20):
    """Sums of sites whose n-th turn has mean squares (n + 1)²: 3 units, 10 samples each."""
    growth = (np.arange(turns) + 1.0) ** 2
    squares = np.ones((turns, 3)) * 10 * growth[:, None]
    counts = [np.tile(one, (turns, 1)) for one in ([0, 0, 0], [5, 0, 4], [10, 0, 4], [3, 0, 4])]
    marks = np.tile(np.arange(98)[::-1], (turns, 1))
    ahead = Forward(np.full((turns, 1), 10), squares, squares * 4, counts[0], *counts, marks)
    back = Backward(squares / 100, counts[0], np.tile(np.arange(99)[::-1], (turns, 1)))
    ends = {name: Cotangent(back, back) for name in names} if backward else {}
    return Totals(1.0, examples, 2, dict.fromkeys(names, ahead), ends, np.zeros(0), {}, {})


def test_numbers_of_one_site():
    found = summarise.site_reports([made.site("a")], totals(["a"]))["a"]
    assert (found.units, found.n, found.dead) == (3, 10, 1)
    assert (found.rms_pre, found.rms_post) == (1.0, 2.0)
    assert found.rms_d_pre == pytest.approx(0.1)
    assert found.norm_d_pre == pytest.approx((30 / 100 / 20) ** 0.5)  # per example
    assert found.zeros == 9 / 30
    assert found.saturated == 7 / 30
    assert found.underflow is None  # relu has a flat side
    assert found.activity_upper == pytest.approx(1 - 0.05**0.1)


def test_underflow_is_told_of_smooth_functions():
    found = summarise.site_reports([made.site("a", "tanh")], totals(["a"]))["a"]
    assert found.underflow == 1 - 14 / 30


def test_histograms_have_one_count_less_than_edges():
    found = summarise.site_reports([made.site("a")], totals(["a"]))["a"]
    for histogram in (found.hist_pre, found.hist_d_pre):
        assert len(histogram.edges) == len(histogram.counts) + 1
        assert all(count == 1 for count in histogram.counts)
    assert (found.hist_pre.below, found.hist_pre.above, found.hist_pre.zeros) == (1, 0, None)
    assert (found.hist_d_pre.below, found.hist_d_pre.zeros) == (1, 1)


def test_gains_compare_neighbours():
    found = summarise.site_reports(
        [made.site("a", loop="layers", loops=(3,))], totals(["a"], turns=3)
    )
    assert [r.gain_forward for r in found.values()] == [None, 2.0, 1.5]
    assert [r.gain_backward for r in found.values()] == [
        pytest.approx(1 / 2), pytest.approx(2 / 3), None,
    ]  # fmt: skip


def test_loops_over_layers_are_told_turn_by_turn_in_the_order_they_run():
    looped = {"loop": "layers", "loops": (2,)}
    sites = [made.site("a"), made.site("b", **looped), made.site("c", **looped), made.site("d")]
    sums = totals("ad")
    both = totals("bc", turns=2)
    sums = sums._replace(
        forward=sums.forward | both.forward, backward=sums.backward | both.backward
    )
    found = summarise.site_reports(sites, sums)
    assert list(found) == ["a", "b[0]", "c[0]", "b[1]", "c[1]", "d"]
    assert found["b[1]"].rms_pre == 2.0
    assert found["b[1]"].site.id == "b"


def test_a_reversed_loop_over_layers_is_told_in_the_order_it_runs():
    looped = made.site("a", loop="layers", loops=(3,), order=(-1,))
    found = summarise.site_reports([looped], totals(["a"], turns=3))
    assert [(name, r.rms_pre) for name, r in found.items()] == [
        ("a[2]", 3.0), ("a[1]", 2.0), ("a[0]", 1.0),
    ]  # fmt: skip


def test_turns_of_a_loop_over_steps_become_sizes():
    looped = made.site("a", loop="steps", loops=(2,))
    turns = Turns(np.array([40.0, 90.0]), np.array([10.0, 0.0]), np.array([10, 10]))
    found = summarise.site_reports([looped], totals("a")._replace(turns={"a": turns}))["a"]
    assert (found.turns_post, found.turns_d_pre) == ((2.0, 3.0), (1.0, 0.0))
    some = turns._replace(elements=np.array([10, 0]))
    found = summarise.site_reports([looped], totals("a")._replace(turns={"a": some}))["a"]
    assert found.turns_post[0] == 2.0
    assert np.isnan(found.turns_post[1])
    turns = turns._replace(d_pre=None)
    found = summarise.site_reports([looped], totals("a")._replace(turns={"a": turns}))["a"]
    assert found.turns_d_pre is None


def test_units_alike_are_counted_turn_by_turn():
    looped = made.site("a", loop="layers", loops=(2,))
    sums = totals("a", turns=2)
    sums.forward["a"].squares_pre[1, 0] *= 2
    found = summarise.site_reports([looped], sums)
    assert [report.alike for report in found.values()] == [3, 2]


def test_a_site_that_was_not_observed_is_left_out():
    assert list(summarise.site_reports([made.site("a"), made.site("b")], totals("b"))) == ["b"]


def test_a_site_without_cotangents_has_none():
    found = summarise.site_reports([made.site("a")], totals("a", backward=False))["a"]
    assert found.rms_d_pre is None
    assert found.norm_d_post is None
    assert found.hist_d_pre is None
    assert found.alike is None
    assert found.nonfinite_backward == 0


def test_the_rates_of_an_exact_exponential_are_found():
    flow = summarise.flow(made.chain(7, ahead=0.9, back=0.25))
    assert flow.forward_rate == pytest.approx(0.9)
    assert flow.backward_rate == pytest.approx(0.25)
    assert flow.forward_total == pytest.approx(0.9**6)
    assert flow.backward_total == pytest.approx(0.25**6)


def test_zeros_and_nan_are_left_out_of_a_rate():
    chain = made.chain(5, back=0.5)
    chain[0] = chain[0]._replace(norm_d_pre=0.0, rms_post=float("nan"))
    flow = summarise.flow(chain)
    assert flow.backward_rate == pytest.approx(0.5)
    assert flow.forward_rate == pytest.approx(1.0)


@pytest.mark.parametrize("n", [0, 1])
def test_one_site_has_no_rate(n):
    assert summarise.flow(made.chain(n)) == (None, None, None, None)


def test_everything_is_plain_data():
    found = summarise.site_reports([made.site("a")], totals(["a"]))["a"]
    leaves = jax.tree.leaves(found._replace(site=0))
    assert {type(leaf) for leaf in leaves} <= {int, float, str}
