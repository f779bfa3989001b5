"""Does the part on a run of training show the numbers of the record?"""

from relu_jax.report import text
from relu_jax.report.watched import EVENTS, watched
from tests.report import trained


def test_every_site_and_step_of_the_record_is_in_the_maps():
    run = trained.watched(layers=3, steps=12)
    (shown,) = watched({"watched": [run]})
    assert [panel.heading for panel in shown.maps] == [
        "RMS gradient", "RMS activation", "Silent units", "Saturated values",
    ]  # fmt: skip
    for panel, key in zip(shown.maps, ("rms_d_pre", "rms_post"), strict=False):
        for site in run["sites"]:
            assert "|".join(map(text.number, site[key])) in panel.picture
    shares = "|".join(text.number(n / 64) for n in run["sites"][2]["silent"])
    assert shares in shown.maps[2].picture


def test_the_first_events_are_told_and_the_others_counted():
    (shown,) = watched({"watched": [trained.watched()]})
    assert len(shown.events) == EVENTS
    assert shown.left_out == 53 - EVENTS


def test_loss_and_numbers_are_curves():
    (shown,) = watched({"watched": [trained.watched()]})
    assert [panel.heading for panel in shown.curves] == ["Loss", "Accuracy"]


def test_runs_of_no_step_and_broken_ones_are_drawn():
    first, bare, short = watched(trained.broken())
    assert (len(first.maps), len(first.curves)) == (4, 2)
    assert (bare.name, bare.maps, bare.curves, bare.events) == ("run 2", (), (), ())
    assert short.steps == (3,)


def test_a_report_without_runs_of_training_has_none():
    assert watched({}) == ()


def test_a_number_called_loss_does_not_take_the_place_of_the_loss():
    run = trained.watched(layers=1, steps=12)
    run["numbers"] = {"loss": [777.0] * 12}
    (shown,) = watched({"watched": [run]})
    first, second = shown.curves
    assert (first.heading, second.heading) == ("Loss", "Loss")
    assert "777" not in first.picture


def test_numbers_without_a_curve_are_counted():
    run = trained.watched(layers=1, steps=12)
    run["numbers"] = {f"n{i}": [0.5] * 12 for i in range(9)}
    (shown,) = watched({"watched": [run]})
    assert (len(shown.curves), shown.numbers_left_out) == (8, 2)
