"""Does the command line do the two jobs, and answer every mistake with one error and a code?"""

import json
import os
import signal
import subprocess
import textwrap

import pytest

import relu_jax
from relu_jax import cli, report
from relu_jax.experiments import gradient_report
from tests.processes import ended, started

pytestmark = pytest.mark.leaks_unchecked(
    "it collects garbage at every trace; tests/diagnosis/test_diagnose.py runs under it"
)

GOOD = """
import jax, jax.numpy as jnp

def loss(params, batch):
    h = jax.nn.relu(batch @ params["w1"])
    return jnp.mean((h @ params["w2"]) ** 2)

def build():
    params = {"w1": jnp.ones((3, 4)) * 0.1, "w2": jnp.arange(1.0, 5.0)[:, None]}
    return loss, params, [jnp.ones((8, 3))] * 2
"""


def written(tmp_path, text=GOOD, **changes):
    """Write a user's file, with words replaced, and return its path."""
    for old, new in changes.values():
        assert old in text
        text = text.replace(old, new)
    file = tmp_path / "mine.py"
    file.write_text(textwrap.dedent(text), encoding="utf-8")
    return str(file)


@pytest.fixture
def in_tmp(tmp_path, monkeypatch):
    """Work in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_report_writes_page_record_and_table(in_tmp, capsys, monkeypatch):
    monkeypatch.setattr(gradient_report, "VARIANTS", gradient_report.VARIANTS[:1])
    assert cli.main(["report", "--steps", "2", "--depth", "3"]) == 0
    record = report.read(in_tmp / "report.json")
    assert len(record["runs"]) == 2
    page = (in_tmp / "report.html").read_text(encoding="utf-8")
    assert "sigmoid + Xavier" in page
    printed = capsys.readouterr().out
    assert "layers/0" in printed
    assert "report.html and report.json written" in printed
    assert sorted(p.name for p in in_tmp.iterdir()) == ["report.html", "report.json"]


def test_an_existing_report_is_kept_before_any_work_is_done(in_tmp, capsys):
    (in_tmp / "report.json").write_text("mine", encoding="utf-8")
    assert cli.main(["report"]) == cli.USAGE
    assert "an existing file is kept" in capsys.readouterr().err
    assert (in_tmp / "report.json").read_text(encoding="utf-8") == "mine"
    assert not (in_tmp / "report.html").exists()


@pytest.mark.parametrize(
    "words", [["--out", "r.json"], ["--json", "./report.html"], ["--out", "a\0b"]]
)
def test_outputs_that_cannot_be_are_refused_before_any_work_is_done(
    in_tmp, capsys, words, monkeypatch
):
    monkeypatch.setattr(gradient_report, "run", None)
    for force in ([], ["--force"]):
        assert cli.main(["report", *words, *force]) == cli.USAGE
        error = capsys.readouterr().err
        assert "a file of its own" in error or "no NUL" in error
    assert list(in_tmp.iterdir()) == []


@pytest.mark.parametrize("seed", ["-1", str(2**32)])
def test_a_seed_out_of_range_is_refused(in_tmp, capsys, seed):
    assert cli.main(["report", "--seed", seed]) == cli.USAGE
    told = capsys.readouterr().err
    assert told == (
        f"relu-jax: error: seed is an integer from 0 to 2**32 - 1; got {seed}; pass e.g. 0\n"
    )
    assert list(in_tmp.iterdir()) == []


def test_diagnose_prints_the_sites_and_writes_what_is_asked(in_tmp, capsys):
    target = written(in_tmp) + ":build"
    assert cli.main(["diagnose", target, "--out", "page.html", "--json", "page.json"]) == 0
    printed = capsys.readouterr().out
    assert "w1" in printed
    assert "relu" in printed
    run = json.loads((in_tmp / "page.json").read_text(encoding="utf-8"))["runs"][0]
    assert run["n_examples"] == 16
    assert "page.html written" in printed
    assert cli.main(["diagnose", target, "--json", "page.json"]) == cli.USAGE
    assert cli.main(["diagnose", target, "--json", "page.json", "--force"]) == 0


def test_fail_on_turns_findings_into_an_exit_code(in_tmp):
    dead = written(in_tmp, w=("* 0.1", "* -0.1"))
    assert cli.main(["diagnose", dead]) == 0
    assert cli.main(["diagnose", dead, "--fail-on", "critical"]) == 1
    assert cli.main(["diagnose", written(in_tmp), "--fail-on", "warning"]) == 0


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        (("* 2", "* 0"), cli.DATA, "batch"),
        (("jnp.ones((8, 3))", "jnp.ones((0, 3))"), cli.DATA, "batch"),
        (("jnp.ones((8, 3))", "jnp.ones((8, 5))"), cli.DATA, "batch"),
        (("jnp.mean(", "jnp.asarray("), cli.USAGE, "one floating number"),
        (("jnp.ones((3, 4)) * 0.1", "jnp.ones((3, 4), int)"), cli.DATA, "float"),
        (("return loss, params,", "return params, loss,"), cli.USAGE, "returns"),
        (("def build", "def biuld"), cli.USAGE, "no such function"),
        (("def build", "raise SystemExit(0)\ndef build"), cli.USAGE, "got SystemExit: 0 (mine.py:"),
        (("    return loss,", "    exit()\n    return loss,"), cli.USAGE, "got SystemExit: "),
        (
            ("    h =", "    assert False, 'a\\nb'\n    h ="),
            cli.DATA,
            "AssertionError: a (mine.py:5), on batch 0",
        ),
        (
            ("    h =", "    raise SystemExit(0)\n    h ="),
            cli.DATA,
            "SystemExit: 0 (mine.py:5), on batch 0",
        ),
        (("* 2", "+ [{}['x'] for _ in '1']"), cli.USAGE, "KeyError: 'x' (mine.py:"),
    ],
)
def test_a_mistake_is_one_line_and_a_code(in_tmp, capsys, change, code, message):
    target = written(in_tmp, x=change)
    assert cli.main(["diagnose", target, "--out", "page.html"]) == code
    error = capsys.readouterr().err.strip()
    assert error.startswith("relu-jax: error: ")
    assert message in error
    assert len(error.splitlines()) == 1
    assert not (in_tmp / "page.html").exists()


@pytest.mark.parametrize(
    "change",
    [
        ("jnp.ones((3, 4)) * 0.1", "jnp.ones((3, 4)).at[1, 2].set(jnp.nan)"),
        ("[jnp.ones((8, 3))]", "[jnp.ones((8, 3)).at[0, 0].set(jnp.inf)]"),
        ("jnp.mean((h", "jnp.mean(jnp.log(h - 9.0) + (h"),
    ],
)
def test_a_value_that_is_not_finite_is_a_finding_not_an_error(in_tmp, capsys, change):
    assert cli.main(["diagnose", written(in_tmp, x=change), "--fail-on", "critical"]) == 1
    assert "Non-finite" in capsys.readouterr().out


def test_a_folder_that_is_not_there_is_refused_first(in_tmp, capsys):
    target = written(in_tmp)
    assert cli.main(["diagnose", target, "--out", "no/such/page.html"]) == cli.USAGE
    assert "folder" in capsys.readouterr().err


def test_a_defect_of_ours_keeps_its_traceback(monkeypatch, in_tmp):
    def broken(target):
        raise ValueError("unworded")

    monkeypatch.setattr("relu_jax.diagnosis.load_build", broken)
    with pytest.raises(ValueError, match="unworded"):
        cli.main(["diagnose", written(in_tmp)])


@pytest.mark.parametrize(
    "words",
    [["--help"], ["report", "--help"], ["diagnose", "--help"], ["activations", "--help"]],
)
def test_help_says_what_each_word_means(words, capsys):
    with pytest.raises(SystemExit) as end:
        cli.main(words)
    assert end.value.code == 0
    assert "relu-jax" in capsys.readouterr().out


def test_a_wrong_word_exits_with_2():
    with pytest.raises(SystemExit) as end:
        cli.main(["reprot"])
    assert end.value.code == cli.USAGE


@pytest.mark.parametrize(("change", "code"), [({}, 0), ({"w": ("* 0.1", "* -0.1")}, 1)])
def test_a_reader_that_left_changes_no_verdict(in_tmp, change, code):
    read, write = os.pipe()
    os.close(read)
    process = started("diagnose", written(in_tmp, **change), "--fail-on", "critical", stdout=write)
    os.close(write)
    assert ended(process) == (code, [])


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device of Linux")
def test_a_full_disk_behind_standard_output_is_one_error(in_tmp):
    with open("/dev/full", "wb") as full:
        code, told = ended(started("diagnose", written(in_tmp), stdout=full))
    assert code == cli.USAGE
    assert told == [
        "relu-jax: error: standard output takes the table; got No space left on device; "
        "write it to another place"
    ]


def test_an_old_encoding_gets_escapes(in_tmp):
    process = started(
        "diagnose", written(in_tmp), stdout=subprocess.PIPE, PYTHONIOENCODING="ascii:strict"
    )
    out, told = process.communicate(timeout=120)
    assert (process.returncode, told) == (0, b"")
    assert out.isascii()
    assert rb"\u" in out
    assert b"w1" in out


def test_ctrl_c_stops_without_a_traceback(in_tmp):
    change = ("[jnp.ones((8, 3))] * 2", "waiting()")
    text = (
        GOOD
        + """
def waiting():
    import time
    print("ready", flush=True)
    time.sleep(60)
    yield jnp.ones((8, 3))
"""
    )
    process = started("diagnose", written(in_tmp, text, b=change), stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(signal.SIGINT)
    assert ended(process) == (cli.STOPPED, ["relu-jax: stopped"])


def test_the_version_is_told(capsys):
    with pytest.raises(SystemExit) as end:
        cli.main(["--version"])
    assert end.value.code == 0
    assert capsys.readouterr().out.split() == ["relu-jax", relu_jax.__version__]
