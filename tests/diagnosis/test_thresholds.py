"""Is every number in the table usable and reasoned?"""

import pytest

from relu_jax.diagnosis import thresholds


def test_names_are_unique():
    names = [kind.name for kind in thresholds.KINDS]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("kind", thresholds.KINDS, ids=lambda kind: kind.name)
def test_a_kind_is_complete(kind):
    assert all((kind.meaning, kind.remedy.endswith("."), kind.source, kind.limits))
    ranks = [thresholds.SEVERITIES.index(limit.severity) for limit in kind.limits]
    values = [limit.value for limit in kind.limits]
    assert ranks == sorted(ranks)
    assert values == sorted(values, reverse=True)
    assert all(len(limit.reason) > 20 for limit in kind.limits)


def test_the_worst_limit_reached_is_given():
    assert thresholds.severity("dead_units", 1.0) == "critical"
    assert thresholds.severity("dead_units", 0.949) == "warning"
    assert thresholds.severity("dead_units", 0.0) is None
    assert thresholds.severity("dead_units", float("nan")) is None


def test_the_limits_through_time_are_reasoned_and_each_kind_has_its_remedy():
    limits = (*thresholds.FORGETTING, thresholds.HALF_OPEN, thresholds.FEW_TURNS)
    assert all(len(limit.reason) > 20 for limit in limits)
    assert thresholds.FORGETTING[0].value > thresholds.FORGETTING[1].value
    assert set(thresholds.THROUGH_TIME) == {
        f"{way}_{what}" for way in ("exploding", "vanishing") for what in ("signal", "gradient")
    }
    assert all(remedy.endswith(".") for remedy in thresholds.THROUGH_TIME.values())


def test_the_issue_s_kinds_are_there():
    asked = {
        "vanishing_gradient", "exploding_gradient", "vanishing_signal", "exploding_signal",
        "dead_units", "saturated", "non_finite", "frozen_parameter", "linear_stack",
        "no_activation", "underflow", "symmetric_units", "input_scale",
    }  # fmt: skip
    assert asked <= {kind.name for kind in thresholds.KINDS}
