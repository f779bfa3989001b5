"""Is the table readable at any width, plain when it should be, and never taken over by a name?"""

import io
import re
import sys
from types import SimpleNamespace

import pytest
from rich.cells import cell_len

from relu_jax import report
from relu_jax.report import terminal, text
from tests.report import cases

RUN = cases.example()["runs"][0]
CODES = re.compile(r"\x1b\[[0-9;]*m")


class Terminal(io.StringIO):
    """Standard output that says it is a terminal."""

    encoding = "utf-8"

    def isatty(self):
        return True


@pytest.fixture
def _terminal(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "100")
    # Between a fixture and its test, pytest puts its own sys.stdout in place: patch the reader's.
    monkeypatch.setattr(terminal, "sys", SimpleNamespace(stdout=Terminal()))


def test_the_verdict_comes_first_and_coverage_last():
    lines = report.table(RUN, width=120).splitlines()
    assert lines[0].startswith("✖ Critical  sigmoid + Xavier · at initialisation")
    assert lines[1].startswith("  ✖ Vanishing gradient at sigmoid_0: Only 1.8e-05")
    assert lines[-1].startswith("Coverage: 11 elementwise chains")


def test_every_site_has_its_row_with_the_numbers_of_the_record():
    rows = [line for line in report.table(RUN, width=200).splitlines() if "sigmoid_" in line][1:]
    assert len(rows) == 8
    for row, site in zip(rows, RUN["sites"], strict=True):
        for key in ("rms_pre", "rms_d_pre", "gain_backward"):
            assert text.number(site[key]) in row.split()


@pytest.mark.parametrize("width", [40, 60, 80, 120, 250])
@pytest.mark.parametrize(
    "case", [cases.example, cases.hostile, cases.broken], ids=lambda c: c.__name__
)
def test_no_line_is_wider_than_the_terminal(case, width):
    for run in case()["runs"]:
        assert max(cell_len(line) for line in report.table(run, width=width).splitlines()) <= width


def test_narrow_tables_leave_columns_out_but_never_a_fault():
    broken = cases.broken()["runs"][0]
    narrow = report.table(broken, width=60)
    heading = next(line for line in narrow.splitlines() if "RMS ∂pre" in line)
    assert "gain fwd" not in heading
    assert "No room for kind, RMS pre, RMS post, gain fwd" in narrow
    assert "RMS ∂pre" in narrow
    assert "3 / 7" in narrow


def test_a_pipe_gets_plain_text(monkeypatch):
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    assert "\x1b" not in report.table(RUN)


@pytest.mark.usefixtures("_terminal")
def test_a_terminal_gets_colour_and_its_own_width():
    drawn = report.table(RUN)
    assert "\x1b[1;31m✖ Critical" in drawn
    assert max(cell_len(CODES.sub("", line)) for line in drawn.splitlines()) <= 100
    assert CODES.sub("", drawn) == re.sub(CODES, "", report.table(RUN, width=100))


@pytest.mark.usefixtures("_terminal")
@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_a_terminal_that_asks_for_plain_text_gets_it(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    assert "\x1b" not in report.table(RUN)


@pytest.mark.usefixtures("_terminal")
@pytest.mark.parametrize("number", range(len(cases.HOSTILE)))
def test_hostile_names_stay_text(number):
    drawn = CODES.sub("", report.table(cases.hostile()["runs"][number], width=250))
    assert drawn.replace("\n", "").replace("\u200d", "").isprintable()
    start = text.visible(cases.HOSTILE[number])[:12].strip()
    assert start in drawn


def test_an_output_without_unicode_gets_escapes(monkeypatch):
    ascii_only = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", ascii_only)
    assert report.table(RUN).isascii()


def test_runs_without_anything_say_so():
    assert "Not measured" in report.table({})
    assert "no activation site" in report.table({"name": "a", "sites": []})
    healthy = report.table({"name": "a", "sites": [{"id": "relu_0"}]})
    assert "No check raised a warning." in healthy
