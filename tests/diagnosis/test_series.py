"""Are the events of a run those that were planted in it?"""

import math

import numpy as np
import pytest

from relu_jax.diagnosis.series import Event, stacked


def row(step, *, active=(True, True), loss=1.0, rms=1.0, grad=1.0, data=False, ran=True, **flags):
    """Make what a log holds of one step: two sites, one leaf."""
    one = {
        "rms_pre": 1.0 if ran else math.nan, "rms_post": 1.0, "rms_d_pre": 1.0, "zeros": 0.5,
        "saturated": 0.0, "active": np.asarray(active), "nonfinite": False, "nonfinite_d": False,
    }  # fmt: skip
    sites = {"a": dict(one), "b": {**one, "active": np.ones(2, bool)}}
    for name, value in flags.items():
        site, flag = name.split("_", 1)
        sites[site][flag] = value
    return {
        "step": step, "loss": loss, "sites": sites, "nonfinite_data": data, "numbers": {},
        "parameters": {"w": {"rms": rms, "rms_grad": grad}},
    }  # fmt: skip


def lived(*patterns, patience=3, steps=None, **given):
    """Give the events of units whose activity is written as texts of x and ., a step a letter."""
    rows = [
        row(steps[i] if steps else i, active=[p[i] == "x" for p in patterns], **given)
        for i in range(len(patterns[0]))
    ]
    return [
        (e.kind, e.step, e.units) for e in stacked(rows).events(patience=patience) if e.name == "a"
    ]


def test_a_unit_dies_at_the_first_of_its_silent_steps_and_recovers():
    assert lived("xx...xx", "xxxxxxx") == [("died", 2, (0,)), ("recovered", 5, (0,))]


def test_a_unit_that_misses_a_few_steps_lives():
    assert lived("x..x..x", "xxxxxxx") == []


def test_units_that_die_together_are_one_event():
    assert lived("xx....", "xx....") == [("died", 2, (0, 1))]


def test_a_unit_may_be_dead_from_the_start_to_the_end():
    assert lived("......", "xxxxxx") == [("died", 0, (0,))]


def test_a_unit_may_die_twice():
    assert lived("...x...", "xxxxxxx") == [
        ("died", 0, (0,)), ("recovered", 3, (0,)), ("died", 4, (0,))
    ]  # fmt: skip


def test_steps_are_those_that_were_written():
    assert lived("x...x", "xxxxx", steps=[0, 10, 20, 30, 40]) == [
        ("died", 10, (0,)), ("recovered", 40, (0,))
    ]  # fmt: skip


def test_a_site_that_did_not_run_neither_lives_nor_dies():
    assert lived("......", "......", ran=False) == []


@pytest.mark.parametrize(
    ("given", "name", "what"),
    [
        ({"rms": math.nan, "a_nonfinite": True}, "w", "the parameter"),
        ({"data": True, "a_nonfinite": True}, "", "the data"),
        ({"a_nonfinite": True, "b_nonfinite": True, "loss": math.nan}, "a", "going forward"),
        ({"loss": math.inf, "grad": math.nan}, "", "the loss"),
        ({"a_nonfinite_d": True, "b_nonfinite_d": True, "grad": math.nan}, "b", "going backward"),
        ({"grad": math.inf}, "w", "the gradient"),
    ],
)
def test_the_first_place_of_the_first_step_is_told(given, name, what):
    run = stacked([row(0), row(7, **given), row(8, rms=math.nan, data=True)])
    assert run.events() == (Event(7, "nonfinite", name, (), what),)


def test_events_come_in_order():
    rows = [row(i, active=(i < 2, True), grad=math.nan if i == 1 else 1.0) for i in range(6)]
    assert [e.kind for e in stacked(rows).events(patience=2)] == ["nonfinite", "died"]


def test_silent_units_are_counted():
    run = stacked([row(0, active=(True, False)), row(1, active=(False, False))])
    assert run.sites["a"].silent.tolist() == [1, 2]


def test_a_site_or_a_number_that_is_missing_at_some_steps_is_nan_there():
    rows = [row(0), row(1)]
    del rows[0]["sites"]["b"]
    rows[1]["numbers"]["accuracy"] = 0.5
    run = stacked(rows)
    assert np.isnan(run.sites["b"].rms_pre).tolist() == [True, False]
    assert np.isnan(run.numbers["accuracy"]).tolist() == [True, False]


def test_no_rows_are_an_empty_run():
    run = stacked([])
    assert run.steps.shape == (0,)
    assert run.events() == ()


def test_a_patience_is_at_least_1():
    with pytest.raises(ValueError, match="patience is at least 1"):
        stacked([row(0)]).events(patience=0)


def test_a_layer_may_be_made_wider_on_the_way():
    run = stacked([row(0), row(1, active=(True, False, False))])
    assert run.sites["a"].active.tolist() == [[True, True, True], [True, False, False]]


def test_a_leaf_that_comes_or_goes_is_not_broken():
    rows = [row(i) for i in range(4)]
    rows[0]["parameters"] = {"v": {"rms": 1.0, "rms_grad": 1.0}}
    assert stacked(rows).events() == ()
    rows[2]["parameters"]["w"]["rms_grad"] = math.nan
    (event,) = stacked(rows).events()
    assert (event.step, event.name, event.what) == (2, "w", "the gradient")
