"""Is every stored number shown in a column, with a heading and a meaning of its own?"""

import pytest

from relu_jax.report.definitions import PARAMETER_COLUMNS, SITE_COLUMNS, TERMS
from tests.report import cases

RUN = cases.example()["runs"][0]
ELSEWHERE = {
    "alive",
    "id", "path", "source", "units", "hist_pre", "hist_d_pre", "nonfinite_forward",
    "nonfinite_backward", "params", "slope_at_kinks", "dtype", "unit_axes", "count",
}  # fmt: skip


def test_every_number_of_a_site_has_a_column():
    columns = {column.key for column in SITE_COLUMNS}
    assert set(RUN["sites"][0]) - ELSEWHERE == columns - {"nonfinite"}


def test_every_number_of_a_parameter_has_a_column():
    assert set(RUN["parameters"][0]) - {"path"} == {column.key for column in PARAMETER_COLUMNS}


@pytest.mark.parametrize("columns", [SITE_COLUMNS, PARAMETER_COLUMNS], ids=["site", "parameter"])
def test_headings_are_short_and_distinct_and_meanings_are_sentences(columns):
    headings = [column.heading for column in columns]
    assert len(set(headings)) == len(headings)
    assert max(map(len, headings)) <= 17
    assert all(column.meaning.endswith(".") for column in columns)
    assert all(meaning.endswith(".") for _, meaning in TERMS)


@pytest.mark.parametrize("columns", [SITE_COLUMNS, PARAMETER_COLUMNS], ids=["site", "parameter"])
def test_an_entry_without_a_single_number_is_worded(columns):
    assert all(isinstance(column.worded({}), str) for column in columns)


def test_dead_units_and_faults_are_counted_out():
    worded = {c.key: c.worded for c in SITE_COLUMNS}
    assert worded["dead"]({"dead": 3, "units": 64}) == "3 / 64"
    assert worded["nonfinite"]({"nonfinite_forward": 0, "nonfinite_backward": 2}) == "0 / 2"
    assert worded["nonfinite"]({"nonfinite_forward": 0, "nonfinite_backward": 0}) == "0"
