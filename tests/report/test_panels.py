"""Do stored runs become the charts they should, however few or many there are?"""

from xml.etree import ElementTree

import pytest

from relu_jax.report import panels, text, verdicts
from tests.report import cases

RUNS = verdicts.runs(cases.example())
NONE = verdicts.runs({"runs": [{"name": "bare"}]})


def lines(panel):
    root = ElementTree.fromstring(panel.picture)
    return [e.get("class") for e in root.iter("g") if "series" in e.get("class", "")]


def test_flow_has_a_panel_per_stage_with_every_network_in_it():
    drawn = panels.flow(RUNS, "rms_d_pre", "RMS gradient")
    assert [panel.heading for panel in drawn] == ["At initialisation", "After training"]
    for panel in drawn:
        assert lines(panel) == [f"series s{i}" for i in range(4)]


def test_flow_panels_share_their_scale():
    ticks = [
        [e.text for e in ElementTree.fromstring(p.picture).iter("text") if "end" in e.get("class")]
        for p in panels.flow(RUNS, "rms_d_pre", "RMS gradient")
    ]
    assert ticks[0] == ticks[1]


def test_points_tell_network_site_and_value():
    first = panels.flow(RUNS, "rms_d_pre", "RMS gradient")[0]
    notes = [e.text for e in ElementTree.fromstring(first.picture).iter("title")]
    assert notes[0] == "sigmoid + Xavier · at initialisation · site 1: sigmoid_0 · 3.602e-7"
    assert len(notes) == 4 * 8


def test_points_tell_what_stands_in_a_branch_or_a_while_loop():
    record = {**RUNS[0].record, "sites": [dict(site) for site in RUNS[0].record["sites"]]}
    record["sites"][0]["branch"], record["sites"][1]["in_while"] = [[0, 1]], True
    (drawn,) = panels.flow([RUNS[0]._replace(record=record)], "rms_post", "RMS")
    notes = [e.text for e in ElementTree.fromstring(drawn.picture).iter("title")]
    assert "sigmoid_0 · in a branch ·" in notes[0]
    assert "sigmoid_1 · last turn of a while loop ·" in notes[1]


def test_shares_has_one_strip_per_run_grouped():
    mixed = sorted(RUNS, key=lambda run: run.stage)
    for panel in panels.shares(mixed):
        boxes = list(ElementTree.fromstring(panel.picture).iter("rect"))
        assert len(boxes) == 8 * 8
        assert panel.picture.count("ReLU + He</text>") == 1


def test_dead_shares_are_of_all_units():
    dead = panels.shares(RUNS)[2].picture
    assert "21 of 64 units dead" in dead
    assert ">33<" in dead


def test_histograms_share_an_axis_until_runs_differ_too_much():
    drawn, shared = panels.histograms(RUNS, "hist_d_pre")
    assert shared
    assert [(p.heading, p.note) for p in drawn[:2]] == [
        ("sigmoid + Xavier", "at initialisation"), ("sigmoid + Xavier", "after training"),
    ]  # fmt: skip
    wide = {"edges": [-1e6, 0.0, 1e6], "counts": [5, 5], "below": 0, "above": 0}
    narrow = {"edges": [-1.0, 0.0, 1.0], "counts": [5, 5], "below": 0, "above": 0}
    far = [{"sites": [{"id": "a", "hist_pre": histogram}]} for histogram in (wide, narrow)]
    assert not panels.histograms(verdicts.runs({"runs": far}), "hist_pre")[1]


def test_curves_are_drawn_for_the_runs_that_were_trained():
    loss, accuracy = panels.curves(RUNS)
    assert (loss.heading, accuracy.heading) == ("Loss", "Accuracy")
    assert lines(loss) == [f"series s{i}" for i in range(4)]
    assert "10⁻²" in loss.picture
    assert "10⁻" not in accuracy.picture


def test_units_are_ranked_by_how_often_they_are_active():
    trained = next(
        r for r in RUNS if r.name.startswith("ReLU + He") and r.stage.startswith("after")
    )
    (panel,) = panels.activity([trained])
    told = ElementTree.fromstring(panel.picture).get("data-cells").split(";")
    assert len(told) == 8
    for site, row in zip(trained.sites, told, strict=True):
        shares = sorted(count / site["n"] for count in site["alive"])
        cells = row.split("|")
        assert cells[0] == text.number(shares[0])
        assert cells[-1] == text.number(shares[-1])
        assert cells[50] == text.number(shares[int(50.5 * 64 / 100)])
        assert cells.count("0") >= 100 * site["dead"] // 64


def test_ends_are_the_first_and_last_gradient():
    assert panels.ends(RUNS[0]) == ("3.6e-7", "0.02")
    assert panels.ends(NONE[0]) == ("–", "–")


def test_runs_without_sites_draw_nothing():
    assert panels.flow(NONE, "rms_d_pre", "RMS") == panels.shares(NONE) == panels.curves(NONE) == ()
    assert panels.histograms(NONE, "hist_pre") == ((), False)
    assert panels.activity(NONE) == ()


@pytest.mark.parametrize("report", [cases.broken, cases.hostile, cases.single, cases.wide])
def test_every_case_is_well_formed(report):
    runs = verdicts.runs(report())
    drawn = [
        *panels.flow(runs, "rms_d_pre", "RMS"), *panels.flow(runs, "rms_post", "RMS"),
        *panels.shares(runs), *panels.curves(runs), *panels.histograms(runs, "hist_pre")[0],
        *panels.activity(runs),
    ]  # fmt: skip
    for picture in [panel.picture for panel in drawn] + [panels.spark(run, runs) for run in runs]:
        assert "nan" not in picture.replace("NaN", "").lower().split("<title>")[0]
        ElementTree.fromstring(picture)
