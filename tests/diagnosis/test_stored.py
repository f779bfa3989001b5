"""Does a diagnosis come back from plain data exactly, whatever its names and numbers?"""

from relu_jax.core.strict_json import from_json, to_json
from relu_jax.diagnosis import stored
from relu_jax.diagnosis.result import Diagnosis
from relu_jax.diagnosis.types import Finding, Flow
from relu_jax.tap import Coverage, Linear
from tests.diagnosis import made

HOSTILE = "<script>\"'\x00 ✖ " + "x" * 300


def diagnosis(**changes):
    reports = [
        made.report("a", rms_pre=float("inf"), alive=(3, 0, 640)),
        made.report("b[0]", "tanh", loop="layers", loops=(2,), rms_d_pre=None, hist_d_pre=None),
        made.report(
            "h",
            loop="steps",
            loops=(2,),
            order=(-1,),
            turns_post=(0.5, float("inf")),
            turns_d_pre=None,
            alike=None,
        ),
        made.report(HOSTILE, params={"slope": 0.25}, path=HOSTILE),
    ]
    reports[1] = reports[1]._replace(site=reports[1].site._replace(id="b"))
    given = {
        "findings": (
            Finding("saturated", "warning", HOSTILE, "w", {"n": 3, HOSTILE: "x"}, "r", "s"),
        ),
        "sites": {r.id: r for r in reports},
        "parameters": (made.parameter(update_ratio=0.1), made.parameter("v", ratio=None)),
        "flow": Flow(1.0, None, 0.5, None),
        "coverage": Coverage(5, 3, 1, {"softmax": 1}, ("while",)),
        "linear": (Linear("w", "net.py:1", 3, 4, ("v",), ("a",)),),
        "loss": 2.5,
        "n_batches": 3,
        "n_examples": 70,
        "provenance": {},
    }
    return Diagnosis(**(given | changes))


def test_everything_comes_back_through_json():
    d = diagnosis()
    back = stored.decoded(from_json(to_json(d.to_dict())))
    assert Diagnosis(**back, provenance={}) == d


def test_a_file_without_a_field_that_came_later_is_read():
    plain = from_json(to_json(diagnosis().to_dict()))
    for entry in plain["sites"]:
        del entry["alive"]
    assert [r.alive for r in stored.decoded(plain)["sites"].values()] == [()] * 4


def test_a_turn_keeps_its_own_name_and_that_of_its_site():
    entry = stored.encoded(diagnosis())["sites"][1]
    assert (entry["id"], entry["site_id"]) == ("b[0]", "b")


def test_the_entry_of_a_site_has_what_a_report_draws():
    entry = stored.encoded(diagnosis())["sites"][0]
    asked = """id kind params slope_at_kinks path source shape dtype unit_axes count units n rms_pre
    rms_post rms_d_pre rms_d_post gain_forward gain_backward dead activity_upper saturated zeros
    underflow nonfinite_forward nonfinite_backward hist_pre hist_d_pre alike turns_post
    turns_d_pre order"""
    assert set(asked.split()) <= set(entry)
    assert set(entry["hist_pre"]) == {"edges", "counts", "below", "above"}
    assert set(entry["hist_d_pre"]) == {"edges", "counts", "below", "above", "zeros"}
