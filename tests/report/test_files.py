"""Are page and record written both or not at all, and read back exactly?"""

import math
import os

import pytest

from relu_jax import report
from relu_jax.core.errors import UsageError
from tests.report import cases


def test_the_record_reads_back_exactly_non_finite_numbers_included(tmp_path):
    written = cases.broken()
    report.write(written, tmp_path / "r.html", tmp_path / "r.json")
    back = report.read(tmp_path / "r.json")
    assert repr(back) == repr(written)
    assert math.isnan(back["runs"][0]["loss"])
    assert report.page(back) == (tmp_path / "r.html").read_text(encoding="utf-8")


def test_hostile_names_are_written_and_read_back(tmp_path):
    written = cases.hostile()
    report.write(written, tmp_path / "r.html", tmp_path / "r.json")
    assert report.read(tmp_path / "r.json") == written


def test_the_page_alone(tmp_path):
    report.write(cases.single(), tmp_path / "r.html")
    assert [path.name for path in tmp_path.iterdir()] == ["r.html"]


@pytest.mark.parametrize("there", ["r.html", "r.json"])
def test_an_existing_file_stops_both(tmp_path, there):
    (tmp_path / there).write_text("kept")
    with pytest.raises(UsageError, match=rf"an existing file is kept; got .*{there}.*--force"):
        report.write(cases.single(), tmp_path / "r.html", tmp_path / "r.json")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [(there, "kept")]
    report.write(cases.single(), tmp_path / "r.html", tmp_path / "r.json", force=True)
    assert (tmp_path / there).read_text() != "kept"


@pytest.mark.parametrize("json_path", ["r.html", os.path.join(".", "r.html")])
def test_one_name_for_both_is_refused(tmp_path, monkeypatch, json_path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="each output goes into a file of its own"):
        report.write(cases.single(), "r.html", json_path, force=True)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_stops_both(tmp_path):
    with pytest.raises(UsageError, match=r"output file .*; got .*gone"):
        report.write(cases.single(), tmp_path / "r.html", tmp_path / "gone" / "r.json")
    assert list(tmp_path.iterdir()) == []


def test_a_write_that_fails_midway_takes_the_first_file_back(tmp_path, monkeypatch):
    synced = []

    def full_disk(handle):
        synced.append(handle)
        if len(synced) == 2:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(UsageError, match=r"r\.json': No space left on device"):
        report.write(cases.single(), tmp_path / "r.html", tmp_path / "r.json")
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_report_is_not_written(tmp_path):
    with pytest.raises(UsageError, match=r"a report has schema 'relu_jax.report/1'; got None"):
        report.write({"runs": []}, tmp_path / "r.html")
    assert list(tmp_path.iterdir()) == []


UNREADABLE = {
    "not json": ("{", "holds the record .* got .*r.json"),
    "a list": ("[]", "a list, not a report"),
    "another schema": ('{"schema": "other/1", "runs": []}', "got str 'other/1'"),
    "runs that are none": ('{"schema": "relu_jax.report/1", "runs": [1]}', "list of run dict"),
}


@pytest.mark.parametrize(("content", "complaint"), UNREADABLE.values(), ids=UNREADABLE)
def test_unreadable_records_are_refused_with_their_reason(tmp_path, content, complaint):
    (tmp_path / "r.json").write_text(content)
    with pytest.raises(UsageError, match=complaint):
        report.read(tmp_path / "r.json")


def test_bytes_that_are_no_text_are_refused(tmp_path):
    (tmp_path / "r.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="report file"):
        report.read(tmp_path / "r.json")
