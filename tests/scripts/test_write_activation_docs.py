"""Is docs/activations.md what the cards say today?"""

import importlib.util
import re
from functools import cache
from pathlib import Path

import pytest

from relu_jax.activations import CATALOGUE, cards
from relu_jax.activations.gains import Averages, FixedPoints

pytestmark = pytest.mark.thorough("with its neighbours it takes minutes; the examples run anyway")

ROOT = Path(__file__).parents[2]
STALE = "stale: run python scripts/write_activation_docs.py"
# Their programs take most of a card's time: these lines are read on some cards alone. What they
# are computed from is in the table, which is compared in full.
COSTLY = re.compile(r"- \*\*(x ~ N|gains|variance map)")
WHOLE = CATALOGUE[1::12]


@cache
def script():
    path = ROOT / "scripts" / "write_activation_docs.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@cache
def page():
    return (ROOT / "docs" / "activations.md").read_text(encoding="utf-8")


@pytest.fixture
def cheap(monkeypatch):
    """Leave out what a card asks of theory."""
    nothing = Averages(1.0, 0.0, 1.0, 1.0, 0.0)
    monkeypatch.setattr(cards.gain_facts, "averages", lambda *_: nothing)
    monkeypatch.setattr(cards.gain_facts, "fixed_points", lambda *_: FixedPoints(1.0, (), True))


def lines(section):
    return [line for line in section.splitlines() if not COSTLY.match(line)]


def written(act):
    found = re.search(rf"\n## {act.name}\n.*?(?=\n## |\Z)", page(), re.DOTALL)
    assert found, f"{act.name} is not in docs/activations.md; {STALE}"
    return found.group()


def test_head_and_table_are_those_of_the_catalogue():
    assert page().startswith(script().overview(CATALOGUE)), STALE


def test_the_sections_are_those_of_the_catalogue():
    assert re.findall(r"^## (\w+)$", page(), re.MULTILINE) == [act.name for act in CATALOGUE], STALE
    drawn = {path.stem for path in (ROOT / "docs" / "activations").glob("*.svg")}
    assert drawn == {act.name for act in CATALOGUE}, STALE


@pytest.mark.parametrize("act", CATALOGUE, ids=lambda act: act.name)
def test_a_section_and_its_picture_are_those_of_the_card(act, cheap):
    card = cards.card(act, dtypes=())
    assert lines(written(act)) == lines(script().section(card)), STALE
    picture = ROOT / "docs" / "activations" / f"{act.name}.svg"
    assert picture.read_text(encoding="utf-8") == script().drawing(act, card), STALE


@pytest.mark.parametrize("act", WHOLE, ids=lambda act: act.name)
def test_a_whole_section_is_that_of_the_card(act):
    assert written(act).rstrip() == script().section(cards.card(act, dtypes=())).rstrip(), STALE


def test_another_fact_would_be_noticed(cheap):
    act = CATALOGUE[1]
    card = cards.card(act, dtypes=())
    moved = card._replace(lipschitz=card.lipschitz + 0.001)
    assert lines(written(act)) != lines(script().section(moved))


def test_pictures_are_small():
    sizes = [path.stat().st_size for path in (ROOT / "docs" / "activations").glob("*.svg")]
    assert max(sizes) < 6_500


def test_it_writes_tells_and_removes(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(script(), "DOCS", tmp_path)
    monkeypatch.setattr(script().rj.activations, "CATALOGUE", CATALOGUE[:2])
    assert script().main(["--check"]) == 1
    assert script().main([]) == 0
    old = tmp_path / "activations" / "old.svg"
    old.write_text("<svg/>", encoding="utf-8")
    assert script().main(["--check"]) == 1
    assert capsys.readouterr().out.splitlines()[-1].endswith("old.svg")
    assert script().main([]) == 0
    assert not old.exists()
    assert script().main(["--check"]) == 0
    names = sorted(path.name for path in tmp_path.rglob("*.*"))
    assert names == ["activations.md", *sorted(f"{act.name}.svg" for act in CATALOGUE[:2])]
