"""Is docs/activations.md what the cards say today?"""

import importlib.util
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from relu_jax.activations import CATALOGUE, cards

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts" / "write_activation_docs.py"
DOCS = ROOT / "docs"
STALE = "stale: run python scripts/write_activation_docs.py"


@cache
def script():
    spec = importlib.util.spec_from_file_location(SCRIPT.stem, SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@cache
def page():
    return (DOCS / "activations.md").read_text(encoding="utf-8")


def written(act):
    found = re.search(rf"\n## {act.name}\n.*?(?=\n## |\Z)", page(), re.DOTALL)
    assert found, f"{act.name} is not in docs/activations.md; {STALE}"
    return found.group()


@pytest.mark.thorough("it computes every number and picture of the page: a minute")
def test_every_line_and_picture_is_that_of_the_cards():
    done = subprocess.run(
        [sys.executable, SCRIPT, "--check"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "up to date\n"), done.stdout + done.stderr


def test_the_sections_are_those_of_the_catalogue():
    assert re.findall(r"^## (\w+)$", page(), re.MULTILINE) == [act.name for act in CATALOGUE], STALE
    drawn = {path.stem for path in (DOCS / "activations").glob("*.svg")}
    assert drawn == {act.name for act in CATALOGUE}, STALE


@pytest.mark.leaks_unchecked("a card is many programs, and the check traces each again and again")
def test_a_section_and_its_picture_are_those_of_the_card():
    """One of them, for the default tests: the first test here has all."""
    act = CATALOGUE[1]
    card = cards.card(act, dtypes=())
    assert written(act).rstrip() == script().section(card).rstrip(), STALE
    picture = DOCS / "activations" / f"{act.name}.svg"
    assert picture.read_text(encoding="utf-8") == script().drawing(act, card), STALE


def test_pictures_are_small():
    sizes = [path.stat().st_size for path in (DOCS / "activations").glob("*.svg")]
    assert max(sizes) < 6_500


@cache
def two():
    return dict(script().written(CATALOGUE[:2]))


@pytest.fixture
def two_written(tmp_path, monkeypatch):
    """Write the page of two activations."""
    files = two()
    monkeypatch.setattr(script(), "DOCS", tmp_path)
    monkeypatch.setattr(script(), "written", lambda _: files.items())
    assert script().main(["--check"]) == 1
    assert script().main([]) == 0
    assert script().main(["--check"]) == 0
    return tmp_path


@pytest.mark.thorough("it computes two cards; the default tests have one")
def test_it_writes_and_removes(two_written, capsys):
    names = sorted(path.name for path in two_written.rglob("*.*"))
    assert names == ["activations.md", *sorted(f"{act.name}.svg" for act in CATALOGUE[:2])]
    old = two_written / "activations" / "old.svg"
    old.write_text("<svg/>", encoding="utf-8")
    assert script().main(["--check"]) == 1
    assert capsys.readouterr().out.splitlines()[-1].endswith("old.svg")
    assert script().main([]) == 0
    assert not old.exists()
    assert script().main(["--check"]) == 0


@pytest.mark.thorough("it computes two cards; the default tests have one")
def test_a_digit_that_is_changed_anywhere_is_noticed(two_written, capsys):
    page = two_written / "activations.md"
    for path in (page, two_written / "activations" / "relu.svg"):
        text = path.read_text(encoding="utf-8")
        lines = text.splitlines(keepends=True)
        for i in [i for i, line in enumerate(lines) if re.search(r"\d", line)]:
            changed = re.sub(r"\d", lambda digit: str((int(digit[0]) + 1) % 10), lines[i], count=1)
            path.write_text("".join([*lines[:i], changed, *lines[i + 1 :]]), encoding="utf-8")
            assert script().main(["--check"]) == 1, lines[i]
            assert capsys.readouterr().out.splitlines()[-1] == str(path)
        path.write_text(text, encoding="utf-8")
    assert script().main(["--check"]) == 0
