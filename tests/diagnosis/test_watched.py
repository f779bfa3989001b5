"""Is what a page tells of a run what the run was?"""

import json
import math

import numpy as np
import pytest

from relu_jax.core import strict_json
from relu_jax.diagnosis.series import stacked
from tests.diagnosis.test_series import row


def said(rows, patience=3):
    told = stacked(rows).to_dict(name="mine", patience=patience)["summary"]
    return [(one["severity"], one["text"]) for one in told]


def test_numbers_are_those_of_the_steps():
    rows = [row(i, active=(i < 2, True), loss=1 / (i + 1)) for i in range(6)]
    for i, one in enumerate(rows):
        one["sites"]["a"]["rms_d_pre"] = float(np.float32(0.1 * i))
        one["numbers"]["accuracy"] = 0.5 * i
    told = stacked(rows).to_dict(name="mine", patience=3)
    assert told["steps"] == [0, 1, 2, 3, 4, 5]
    assert told["loss"] == [1 / (i + 1) for i in range(6)]
    assert told["numbers"] == {"accuracy": [0.5 * i for i in range(6)]}
    first = told["sites"][0]
    assert (first["id"], first["units"], first["silent"]) == ("a", 2, [0, 0, 1, 1, 1, 1])
    assert [np.float32(x) for x in first["rms_d_pre"]] == [np.float32(0.1 * i) for i in range(6)]
    assert told["events"] == [
        {"step": 2, "kind": "died", "name": "a", "units": [0], "what": "1 of 2 units"}
    ]
    assert told["n_events"] == 1


def test_a_float32_is_told_in_its_fewest_digits():
    rows = [row(0, loss=float(np.float32(0.1)))]
    assert stacked(rows).to_dict()["loss"] == [0.1]


def test_a_float64_is_told_in_full():
    assert stacked([row(0, loss=1e300), row(1, loss=1 / 3)]).to_dict()["loss"] == [1e300, 1 / 3]


def test_a_site_that_did_not_run_has_no_numbers():
    told = stacked([row(0), row(1, ran=False)]).to_dict()["sites"][0]
    assert told["silent"] == [0, None]
    assert told["rms_post"] == [1.0, None]


def test_numbers_that_are_not_finite_are_kept():
    told = stacked([row(0, loss=math.inf, a_nonfinite=True, a_rms_post=math.nan)]).to_dict()
    assert told["loss"] == [math.inf]
    assert math.isnan(told["sites"][0]["rms_post"][0])
    assert json.loads(strict_json.to_json(told))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"rms": math.nan}, "NaN or inf at step 1, first in the parameter w"),
        ({"data": True}, "NaN or inf at step 1, first in the data"),
        ({"a_nonfinite": True}, "NaN or inf at step 1, first going forward at a"),
        ({"loss": math.inf}, "NaN or inf at step 1, first in the loss"),
        ({"b_nonfinite_d": True}, "NaN or inf at step 1, first going backward at b"),
        ({"grad": math.inf}, "NaN or inf at step 1, first in the gradient of w"),
    ],
)
def test_what_broke_first_comes_first(given, words):
    rows = [row(0), row(1, **given), *(row(i, active=(False, False)) for i in range(2, 6))]
    assert said(rows)[0] == ("critical", f"mine: {words}")


@pytest.mark.parametrize(
    ("active", "severity"), [((False, False), "critical"), ((True, False), "warning")]
)
def test_units_that_are_silent_at_the_end_are_told(active, severity):
    found = said([row(0), *(row(i, active=active) for i in range(1, 5))])
    words = f"mine: units silent on the last 3 measured steps: {2 - sum(active)} of 2 at a"
    assert found == [(severity, words)]


def test_many_sites_are_told_in_one_sentence():
    rows = []
    for i in range(4):
        one = row(i)
        silent = one["sites"]["a"] | {"active": np.zeros(2, bool)}
        rows.append(one | {"sites": {name: silent for name in "abcde"}})
    words = "2 of 2 at a, 2 of 2 at b, 2 of 2 at c, and 2 more sites"
    assert said(rows) == [("critical", f"mine: units silent on the last 3 measured steps: {words}")]


def test_units_that_came_back_are_told_too():
    lives = [True, False, False, False, True, True]
    found = said([row(i, active=(on, True)) for i, on in enumerate(lives)])
    assert found == [
        ("healthy", "mine: 1 unit fell silent for 3 steps or more, at the end less than a tenth of "
         "any site")
    ]  # fmt: skip


def test_a_quiet_run_is_healthy():
    assert said([row(i) for i in range(4)]) == [
        ("healthy", "mine: all that was measured is finite, and no unit died")
    ]


@pytest.mark.parametrize("n", [0, 2])
def test_too_few_steps_say_nothing(n):
    assert said([row(i) for i in range(n)]) == [
        ("unmeasured", f"mine: too few steps ({n}) to tell that units died")
    ]


def test_it_is_written_as_a_page(tmp_path):
    page = tmp_path / "run.html"
    stacked([row(i, active=(i < 2, True)) for i in range(20)]).report(page, title="Mine")
    text = page.read_text()
    assert "Mine: units silent on the last 10 measured steps: 1 of 2 at a" in text
    assert "data-cells" in text
