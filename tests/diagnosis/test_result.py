"""Is a diagnosis kept, read and shown as it is?"""

import pytest

from relu_jax import diagnosis, report
from relu_jax.core import records
from relu_jax.core.errors import UsageError
from tests.diagnosis.test_stored import HOSTILE
from tests.diagnosis.test_stored import diagnosis as made


def test_a_file_is_read_back_exactly(tmp_path):
    d = made(provenance={"created": "now"})
    d.save(tmp_path / "d.json")
    assert diagnosis.load(tmp_path / "d.json") == d


def test_an_existing_file_is_kept_unless_forced(tmp_path):
    made().save(tmp_path / "d.json")
    with pytest.raises(UsageError, match="exist"):
        made(loss=1.0).save(tmp_path / "d.json")
    assert diagnosis.load(tmp_path / "d.json").loss == 2.5
    made(loss=1.0).save(tmp_path / "d.json", force=True)
    assert diagnosis.load(tmp_path / "d.json").loss == 1.0


def test_another_record_is_no_diagnosis(tmp_path):
    records.save(records.Record({"schema": "other/1"}, {}, {}, {}), tmp_path / "r.json")
    with pytest.raises(UsageError, match=r"schema 'relu_jax.diagnosis/1'; got .*str 'other/1'"):
        diagnosis.load(tmp_path / "r.json")


def test_a_run_has_the_words_it_was_given():
    run = made().to_dict(name="a", stage="after", metrics={"acc": 0.5}, history={"step": (1, 2)})
    assert (run["name"], run["group"], run["stage"]) == ("a", "a", "after")
    assert run["metrics"] == {"acc": 0.5}
    assert run["history"] == {"step": [1, 2]}
    assert (run["n_batches"], run["n_examples"], run["loss"]) == (3, 70, 2.5)


def test_a_report_binds_runs():
    bound = diagnosis.as_report(made().to_dict(name="a"), made().to_dict(name="b"), title="t")
    assert [run["name"] for run in bound["runs"]] == ["a", "b"]
    assert bound["provenance"]["versions"]["jax"]
    assert "<title>" in report.page(bound)


def test_the_page_is_written_once(tmp_path):
    made().report(tmp_path / "d.html")
    text = (tmp_path / "d.html").read_text(encoding="utf-8")
    assert "<script>\"'" not in text  # the hostile name stays text
    with pytest.raises(UsageError):
        made().report(tmp_path / "d.html")


def test_printed_it_is_a_table():
    lines = str(made()).splitlines()
    assert lines[0] == "70 examples in 3 batches, loss 2.5"
    assert lines[1].startswith("warning  saturated at ")
    assert any(line.startswith("a ") and "inf" in line for line in lines)
    assert lines[-1].startswith("5 elementwise chains")


def test_without_a_finding_it_says_so():
    assert "No finding." in str(made(findings=()))


def test_names_are_shown_in_one_line():
    assert "\x00" not in str(made())
    assert HOSTILE not in str(made())
