"""Is a user's file loaded as it would run by itself, and is every mistake in it worded?"""

import textwrap

import pytest

from relu_jax.core.errors import UsageError
from relu_jax.diagnosis.build import load_build

GOOD = "def build():\n    return (lambda params, batch: params * batch), 2.0, [1.0, 3.0]\n"

LIBRARY = """import numpy

def build():
    numpy.zeros(3, dtype="no such dtype")
"""


def written(tmp_path, text, name="mine.py"):
    """Write a user's file and return its path as text."""
    file = tmp_path / name
    file.write_text(textwrap.dedent(text), encoding="utf-8")
    return str(file)


@pytest.mark.parametrize("suffix", [":build", ""])
def test_the_three_parts_arrive_as_returned(tmp_path, suffix):
    build = load_build(written(tmp_path, GOOD) + suffix)
    assert [build.loss(build.params, batch) for batch in build.batches] == [2.0, 6.0]


def test_another_function_name_is_taken(tmp_path):
    file = written(tmp_path, GOOD.replace("build", "other"))
    assert load_build(f"{file}:other").params == 2.0


def test_a_neighbour_of_the_file_can_be_imported(tmp_path):
    written(tmp_path, "SCALE = 5.0\n", "neighbour_of_mine.py")
    file = written(
        tmp_path, "import neighbour_of_mine\n" + GOOD.replace("2.0", "neighbour_of_mine.SCALE")
    )
    assert load_build(file).params == 5.0


def test_a_dataclass_in_the_file_finds_its_module(tmp_path):
    text = """
    from __future__ import annotations
    from dataclasses import dataclass

    @dataclass
    class Config:
        rate: float = 0.5

    def build():
        return (lambda params, batch: params), Config().rate, []
    """
    assert load_build(written(tmp_path, text, "with_dataclass.py")).params == 0.5


@pytest.mark.parametrize(
    ("text", "target", "message"),
    [
        (GOOD, "nowhere.py:build", r"FILE.py:function; got no such file: .*nowhere\.py"),
        (GOOD, "mine.txt:build", "FILE.py:function; got 'mine.txt:build'"),
        (GOOD, "mine.py:absent", r"defines a function absent\(\); got no such function"),
        ("build = 3\n", "mine.py:build", r"defines a function build\(\); got int 3"),
        ("def build():\n    return 1, 2\n", "mine.py:build", r"got \(int, int\); return loss"),
        ("def build():\n    return 1, 2, 3\n", "mine.py:build", r"got \(int, int, int\)"),
        ("def build():\n    pass\n", "mine.py:build", "got None"),
        ("def build():\n    return 1 / 0\n", "mine.py", r"ZeroDivisionError: .*\(mine.py:2\)"),
        ("import not_there_at_all\n", "mine.py", r"importing mine.py runs .*No module named"),
        ("x = 1\ndef build(:\n", "mine.py", r"got SyntaxError: .*\(mine.py, line 2\)"),
        ("import sys\nsys.exit(0)\n", "mine.py", r"importing mine.py .* SystemExit: 0 \(mine.py:2"),
        (
            "def build():\n    raise SystemExit\n",
            "mine.py",
            r"SystemExit: no message \(mine.py:2\)",
        ),
        (LIBRARY, "mine.py", r"got TypeError: .*dtype.* \(mine.py:4\)"),
        ("raise OSError('one\\ntwo')\n", "mine.py", r"got OSError: one \(mine.py:1\)"),
        ("class E(Exception):\n    pass\nraise E\n", "mine.py", r"E: no message \(mine.py:3\)"),
        ("def build(data):\n    pass\n", "mine.py", "TypeError: .*missing 1 required .*'data'"),
    ],
)
def test_a_mistake_is_one_worded_error(tmp_path, monkeypatch, text, target, message):
    monkeypatch.chdir(tmp_path)
    written(tmp_path, text)
    with pytest.raises(UsageError, match=message) as caught:
        load_build(target)
    assert len(str(caught.value).splitlines()) == 1


def test_ctrl_c_in_a_file_stays_what_it_is(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        load_build(written(tmp_path, "raise KeyboardInterrupt\n"))
