"""Is a site judged by what its own function does?"""

import pytest

from relu_jax.diagnosis import findings_units
from tests.diagnosis import made

pytestmark = pytest.mark.leaks_unchecked("it retraces every primitive; test_diagnose.py has it")


def judged(*reports, **changes):
    return findings_units.judge(made.facts(reports, **changes))


@pytest.mark.parametrize(
    ("dead", "severity"),
    [(32, "critical"), (31, "critical"), (30, "warning"), (16, "warning"), (4, "info")],
)
def test_dead_units_by_their_share(dead, severity):
    (found,) = judged(made.report(dead=dead))
    assert (found.kind, found.severity) == ("dead_units", severity)
    assert found.evidence["dead"] == dead


def test_a_few_dead_units_are_normal():
    assert judged(made.report(dead=3)) == []


def test_few_examples_prove_no_dead_unit():
    (found,) = judged(made.report(dead=20, n=8))
    assert found.severity == "info"
    (found,) = judged(made.report(dead=32, n=8))  # but 32 units, all silent, do
    assert found.severity == "critical"


def test_what_follows_a_dead_site_is_told_with_it():
    (found,) = judged(made.report("a"), made.report("b", dead=32), made.report("c", dead=32))
    assert found.site == "b"
    assert "c after it see a constant" in found.what


@pytest.mark.parametrize(
    ("kind", "saturated", "severity"),
    [
        ("tanh", 0.95, "critical"),
        ("tanh", 0.6, "warning"),
        ("tanh", 0.45, None),
        ("sigmoid", 0.52, "warning"),
        ("hard_tanh", 0.55, None),  # standard normal arguments saturate a third of it
        ("hard_tanh", 0.7, "warning"),
        ("elu", 0.8, None),  # one side passes everything
        ("elu", 0.95, "warning"),
        ("relu", 0.99, None),
        ("unknown", 0.99, None),
    ],
)
def test_saturation_by_kind(kind, saturated, severity):
    found = judged(made.report(kind=kind, saturated=saturated))
    assert [one.severity for one in found] == ([severity] if severity else [])
    assert all(one.kind == "saturated" for one in found)


def test_in_half_precision_rounding_is_the_cause():
    (found,) = judged(
        made.report(kind="tanh", dtype="bfloat16", saturated=0.95, underflow=0.9, dead=20)
    )
    assert (found.kind, found.severity) == ("underflow", "critical")


def test_in_single_precision_the_size_of_the_arguments_is_the_cause():
    (found,) = judged(made.report(kind="tanh", saturated=0.95, underflow=0.9, dead=20))
    assert found.kind == "saturated"
    assert judged(made.report(kind="elu", saturated=0.3, underflow=0.2)) == []
    assert judged(made.report(kind="gelu", underflow=0.4)) == []


@pytest.mark.parametrize(
    ("kind", "underflow", "severity"),
    [
        ("tanh", 0.9, "critical"),
        ("tanh", 0.1, "warning"),
        ("gelu", 0.9, "warning"),
        ("gelu", 0.1, "info"),
        ("elu", 0.1, "info"),
    ],
)
def test_rounding_weighs_less_where_one_side_passes_everything(kind, underflow, severity):
    (found,) = judged(made.report(kind=kind, dtype="bfloat16", underflow=underflow))
    assert (found.kind, found.severity) == ("underflow", severity)


@pytest.mark.parametrize(("alike", "found"), [(32, True), (29, True), (28, False), (1, False)])
def test_units_that_are_all_the_same(alike, found):
    told = judged(made.report(alike=alike))
    assert [(one.kind, one.severity) for one in told] == [("symmetric_units", "critical")] * found
    assert all(f"width of {33 - alike} units" in one.what or alike == 32 for one in told)


@pytest.mark.parametrize("units", [1, 2, 3])
def test_a_few_units_may_be_the_same(units):
    assert judged(made.report(units=units, alike=units)) == []
    assert judged(made.report(alike=None)) == []


def test_symmetry_is_told_before_what_else_is_wrong_and_once_for_all_sites():
    (found,) = judged(
        made.report("a", "tanh", alike=32, saturated=0.99), made.report("b", alike=32, dead=4)
    )
    assert (found.kind, found.site) == ("symmetric_units", "a")
    assert found.what.endswith("To some degree also at b.")


def test_judging_stops_where_nan_begins():
    assert judged(made.report("a", nonfinite_forward=1), made.report("b", dead=32)) == []


def test_a_few_sites_are_told_one_by_one_and_many_together():
    few = [made.report(f"s{i}", "tanh", saturated=0.6) for i in range(3)]
    many = [made.report(f"s{i}", "tanh", saturated=0.6) for i in range(9)]
    assert [one.site for one in judged(*few)] == ["s0", "s1", "s2"]
    (found,) = judged(*many)
    assert found.site == "s0"
    assert found.evidence["sites"] == 9
    assert found.what.endswith("To some degree also at s1, s2, s3, ….")


def test_mild_findings_are_one_under_the_worst():
    (found,) = judged(made.report("a", dead=4), made.report("b", dead=9), made.report("c", dead=5))
    assert (found.site, found.severity) == ("b", "info")


def test_blamed_sites_are_those_that_lose_the_gradient():
    reports = [made.report("a", dead=4), made.report("b", "tanh", saturated=0.7)]
    assert findings_units.blamed(made.facts(reports)) == ["b"]


@pytest.mark.parametrize(("n", "severity"), [(6, "info"), (7, "warning")])
def test_a_share_of_a_handful_of_values_is_no_warning(n, severity):
    (found,) = judged(made.report(kind="tanh", saturated=0.6, n=n))
    assert found.severity == severity
    (found,) = judged(made.report(kind="tanh", dtype="float16", underflow=0.1, n=n))
    assert found.severity == severity
