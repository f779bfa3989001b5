"""Does the best come first, and are its intervals those of the seeds?"""

import math
from collections.abc import Sequence

import numpy as np
import pytest
from scipy import stats

from relu_jax.core import strict_json
from relu_jax.diagnosis import comparison
from relu_jax.diagnosis.comparison import AS_IS, Trial, compared
from relu_jax.diagnosis.expected import Expected
from relu_jax.diagnosis.result import Diagnosis
from relu_jax.diagnosis.types import Finding, Flow
from relu_jax.tap import Coverage

NOTHING = Expected(None, None)


def diagnosed(
    loss: float = 1.0,
    forward: float | None = 1.0,
    backward: float | None = 1.0,
    findings: Sequence[tuple[str, str]] = (),
) -> Diagnosis:
    """Make a diagnosis by hand."""
    told = tuple(Finding(kind, severity, "", "", {}, "", "") for kind, severity in findings)
    return Diagnosis(
        findings=told, sites={}, parameters=(), flow=Flow(None, None, forward, backward),
        coverage=Coverage(0, 0, 0, {}, ()), linear=(), loss=loss, n_batches=1, n_examples=4,
        provenance={},
    )  # fmt: skip


def trials(*ends):
    return [Trial(seed, diagnosed(), end, (2.0, 1.0)) for seed, end in enumerate(ends)]


def starts(*befores):
    return [Trial(seed, before, None, ()) for seed, before in enumerate(befores)]


def test_the_lowest_mean_loss_comes_first():
    found = compared(
        [
            (AS_IS, trials(diagnosed(2.0), diagnosed(4.0)), NOTHING),
            ("worse", trials(diagnosed(5.0), diagnosed(3.0)), NOTHING),
            ("better", trials(diagnosed(1.0), diagnosed(1.0)), NOTHING),
        ],
        steps=2,
    )
    assert [variant.name for variant in found.variants] == ["better", AS_IS, "worse"]
    assert [variant.score for variant in found.variants] == [1.0, 3.0, 4.0]
    assert found.best.name == "better"
    assert found.as_is.gain.value == 0.0


def test_the_interval_is_that_of_student_for_paired_differences():
    base, other = [2.0, 2.5, 4.0], [1.0, 1.4, 3.2]
    found = compared(
        [
            (AS_IS, trials(*map(diagnosed, base)), NOTHING),
            ("b", trials(*map(diagnosed, other)), NOTHING),
        ],
        steps=1,
    )["b"]
    wanted = stats.ttest_rel(base, other).confidence_interval(0.95)
    assert found.gain.value == pytest.approx(np.mean(base) - np.mean(other))
    assert (found.gain.low, found.gain.high) == pytest.approx((wanted.low, wanted.high))


def test_one_seed_has_no_interval():
    found = compared(
        [(AS_IS, trials(diagnosed(2.0)), NOTHING), ("b", trials(diagnosed(1.0)), NOTHING)], steps=1
    )
    assert found["b"].gain == (1.0, None, None)


def test_what_draws_nothing_stands_beside_every_seed_of_what_does():
    found = compared(
        [
            (AS_IS, starts(diagnosed(backward=1e-3)), NOTHING),
            ("drawn", starts(diagnosed(backward=1e-1), diagnosed(backward=1e-2)), NOTHING),
        ],
        steps=0,
    )["drawn"]
    assert found.gain.value == pytest.approx(1.5)
    assert found.gain.low == pytest.approx(1.5 - stats.t.ppf(0.975, 1) * 0.5)


@pytest.mark.parametrize("lost", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_comes_last(lost):
    found = compared(
        [
            (AS_IS, trials(diagnosed(lost), diagnosed(1.0)), NOTHING),
            ("b", trials(diagnosed(9.0), diagnosed(9.0)), NOTHING),
        ],
        steps=1,
    )
    assert [variant.name for variant in found.variants] == ["b", AS_IS]
    assert found["b"].gain == (math.inf, None, None)


def test_a_start_is_judged_by_its_warnings_first():
    found = compared(
        [
            (AS_IS, starts(diagnosed(findings=[("dead_units", "critical")])), NOTHING),
            ("warned", starts(diagnosed(findings=[("kink", "warning")])), NOTHING),
            ("told", starts(diagnosed(backward=50.0, findings=[("kink", "info")])), NOTHING),
            ("clean", starts(diagnosed(forward=1e-2)), NOTHING),
        ],
        steps=0,
    )
    assert [variant.name for variant in found.variants] == ["told", "clean", "warned", AS_IS]
    assert [variant.score for variant in found.variants[:2]] == pytest.approx([math.log10(50), 2])


@pytest.mark.parametrize("factor", [0.0, math.nan, math.inf])
def test_a_flow_that_ends_is_infinitely_many_decades(factor):
    found = compared([(AS_IS, starts(diagnosed(backward=factor)), NOTHING)], steps=0)
    assert found.best.score == math.inf


def test_a_flow_that_was_not_measured_is_not_the_best():
    none = diagnosed(forward=None, backward=None)
    found = compared(
        [(AS_IS, starts(none), NOTHING), ("b", starts(diagnosed(1e-9)), NOTHING)], steps=0
    )
    assert found.best.name == "b"


def test_what_is_removed_and_added_is_told_over_all_seeds():
    dead, kink = ("dead_units", "critical"), ("kink", "warning")
    found = compared(
        [
            (AS_IS, trials(diagnosed(findings=[dead]), diagnosed(findings=[dead])), NOTHING),
            ("half", trials(diagnosed(), diagnosed(findings=[dead])), NOTHING),
            ("other", trials(diagnosed(findings=[kink]), diagnosed()), NOTHING),
        ],
        steps=1,
    )
    assert (found["half"].removed, found["half"].added) == ((), ())
    assert (found["other"].removed, found["other"].added) == (("dead_units",), ("kink",))
    assert "kink (new)" in str(found)


def test_the_table_shows_every_number():
    swap = [Trial(0, diagnosed(forward=0.5, backward=0.125), diagnosed(1.25), (3.0,))]
    found = compared(
        [(AS_IS, trials(diagnosed(2.0)), NOTHING), ("relu → tanh", swap, Expected(0.4, None))],
        steps=7,
    )
    lines = str(found).splitlines()
    assert lines[0] == "loss after 7 steps, 1 seed; lower is better; factors are from end to end"
    assert lines[2].split() == [
        "relu", "→", "tanh", "1.25", "0.75", "–", "0.5", "0.4", "0.125", "–", "none"
    ]  # fmt: skip


def test_it_is_written_as_plain_data(tmp_path):
    found = compared([(AS_IS, trials(diagnosed(math.nan)), NOTHING)], steps=1)
    found.save(tmp_path / "c.json")
    text = (tmp_path / "c.json").read_text()
    assert comparison.SCHEMA in text
    assert strict_json.to_json(found.to_dict())


def test_a_start_without_a_finite_loss_is_the_worst():
    found = compared(
        [
            (AS_IS, starts(diagnosed(backward=50.0)), NOTHING),
            ("b", starts(diagnosed(math.nan, backward=None)), NOTHING),
        ],
        steps=0,
    )
    assert found.best.name == AS_IS
    assert found["b"].score == math.inf


def test_the_warnings_of_a_start_are_those_of_its_worst_seed():
    critical, warning = [("a", "critical")], [("b", "warning")]
    found = compared(
        [
            (AS_IS, starts(diagnosed(backward=1e-4, findings=critical)), NOTHING),
            ("mixed", starts(diagnosed(backward=1e-3, findings=warning),
                             diagnosed(backward=1e-3, findings=critical)), NOTHING),
        ],
        steps=0,
    )  # fmt: skip
    assert found.best.name == "mixed"


def test_in_a_shell_it_is_one_line():
    found = compared([(AS_IS, trials(diagnosed()), NOTHING)], steps=1)
    assert repr(found) == "Comparison(1 variant, best: 'as it is')"
    assert repr(diagnosed(findings=[("kink", "info")])) == ("Diagnosis(kink; 0 sites, 4 examples)")
