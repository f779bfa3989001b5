"""Is what happens from turn to turn of a recurrent network judged, and forgetting allowed?"""

import pytest

from relu_jax.diagnosis import findings_time, thresholds
from tests.diagnosis import made


def loop(name="h", *, ahead=1.0, back=1.0, turns=16, **changes):
    """Build a site in a loop whose signal and gradient change by a factor per turn."""
    facts = {
        "loop": "steps", "loops": (turns,),
        "turns_post": tuple(0.7 * ahead**t for t in range(turns)),
        "turns_d_pre": tuple(1e-3 * back ** (turns - 1 - t) for t in range(turns)),
    }  # fmt: skip
    return made.report(name, "tanh", **(facts | changes))


def judged(*reports):
    return findings_time.judge(made.facts(reports))


def kinds(*reports):
    return [(one.kind, one.severity) for one in judged(*reports)]


def test_a_loop_that_keeps_its_size_gives_nothing():
    assert judged(loop(ahead=1.1, back=0.9)) == []


@pytest.mark.parametrize(
    ("back", "kind", "severity"),
    [
        (0.2, "vanishing_gradient", "warning"),  # 3e10, and still no more: it may be meant
        (0.62, "vanishing_gradient", "warning"),
        (0.7, "vanishing_gradient", "info"),
        (1.4, "exploding_gradient", "warning"),
        (1.7, "exploding_gradient", "critical"),
    ],
)
def test_gradients_that_change_at_every_turn(back, kind, severity):
    (found,) = judged(loop(back=back))
    assert (found.kind, found.severity, found.site) == (kind, severity, "h")
    assert found.evidence["rate per turn"] == pytest.approx(back)
    assert found.evidence["total"] == pytest.approx(back**15)
    assert found.remedy == thresholds.THROUGH_TIME[kind]
    assert "16 turns of the loop at h" in found.what


@pytest.mark.parametrize(
    ("ahead", "kind", "severity"),
    [
        (0.2, "vanishing_signal", "warning"),
        (0.7, "vanishing_signal", "info"),
        (1.4, "exploding_signal", "warning"),
        (1.7, "exploding_signal", "critical"),
    ],
)
def test_signals_that_change_at_every_turn(ahead, kind, severity):
    assert kinds(loop(ahead=ahead)) == [(kind, severity)]


@pytest.mark.parametrize(("back", "severity"), [(0.55, "info"), (0.4, "info"), (0.3, "warning")])
def test_gates_that_start_half_open_may_forget(back, severity):
    gated = loop("gate", back=back, gates=True)
    assert kinds(gated, loop(back=back)) == [("vanishing_gradient", severity)]


def test_few_turns_have_no_trend():
    assert judged(loop(back=1e-3, turns=3)) == []
    assert len(judged(loop(back=1e-3, turns=4))) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"turns_post": (1e-4, *[0.7] * 15)},  # a start-up
        {"turns_post": tuple(1e-3 * (t + 1) for t in range(16))},  # levels off
        {"turns_d_pre": (*[1e-3] * 15, 1e-9)},  # one exceptional turn
        {"turns_d_pre": tuple(1e-3 * 100.0 ** (t % 2) for t in range(16))},  # no trend
        {"turns_d_pre": None},
        {"turns_d_pre": (0.0,) * 16},
        {"turns_post": None, "turns_d_pre": None},
        {"nonfinite_forward": 1, "turns_d_pre": (1e9, *[1e-3] * 15)},
    ],
)
def test_what_is_no_trend_is_no_finding(changes):
    assert judged(loop(**changes)) == []


def test_turns_without_a_gradient_do_not_count():
    """Padding at the end of sequences, which the loss leaves out."""
    fading = tuple(0.7 if t < 6 else 0.7 * 0.1 ** (t - 6) for t in range(16))
    reached = tuple(1e-3 if t < 6 else 0.0 for t in range(16))
    assert judged(loop(turns_post=fading, turns_d_pre=reached)) == []
    assert kinds(loop(turns_post=fading)) == [("vanishing_signal", "warning")]


def test_a_loop_is_told_once_by_the_site_that_loses_least():
    (found,) = judged(loop("a", back=0.2), loop("b", back=0.4), loop("c", back=0.3))
    assert found.site == "b"
    assert judged(loop("a", back=0.2), loop("b")) == []
    assert len(judged(loop("a", back=0.2), loop("b", back=0.2, turns=12))) == 2


def test_extreme_factors_are_told():
    ends = tuple(10.0**power for power in range(-300, 301, 40))
    (found,) = judged(loop(turns_post=ends))
    assert (found.kind, found.severity) == ("exploding_signal", "critical")


def test_many_turns_are_judged_in_time():
    assert kinds(loop(back=0.99, turns=4000)) == [("vanishing_gradient", "warning")]
