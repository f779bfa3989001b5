"""Is what a page tells of a ranking what came out?"""

import math

import pytest

from relu_jax.core import strict_json
from relu_jax.diagnosis.comparison import AS_IS, compared
from relu_jax.diagnosis.expected import Expected
from tests.diagnosis.test_comparison import NOTHING, diagnosed, starts, trials


def found(base, other, name="relu → gelu", steps=1):
    make = trials if steps else starts
    tried = [(AS_IS, make(*base), NOTHING), (name, make(*other), Expected(0.5, None))]
    return compared(tried, steps=steps)


def said(*args, **settings):
    (one,) = found(*args, **settings).ranking(name="mine")["summary"]
    return one["severity"], one["text"].removeprefix("mine: ")


def test_a_gain_beyond_chance_is_told_with_its_interval():
    severity, words = said([diagnosed(2.0), diagnosed(2.1)], [diagnosed(1.0), diagnosed(1.2)])
    assert severity == "healthy"
    assert words.startswith("relu → gelu is the best of 2, loss lower by 0.95 [")


def test_a_gain_that_may_be_chance_says_so():
    severity, words = said([diagnosed(2.0), diagnosed(1.0)], [diagnosed(1.0), diagnosed(1.9)])
    assert severity == "info"
    assert words.endswith("], which may be chance")


def test_one_seed_is_told():
    assert said([diagnosed(2.0)], [diagnosed(1.5)]) == (
        "info", "relu → gelu is the best of 2, loss lower by 0.5, of one seed"
    )  # fmt: skip


def test_no_change_may_be_better():
    assert said([diagnosed(1.0)], [diagnosed(1.5)]) == (
        "info", "none of 1 change is better than the network as it is"
    )  # fmt: skip


def test_a_network_that_breaks_as_it_is():
    assert said([diagnosed(math.nan)], [diagnosed(1.5)]) == (
        "healthy", "relu → gelu is the best of 2; the network as it is has no finite loss"
    )  # fmt: skip


def test_all_may_break():
    broken = [diagnosed(math.nan)]
    tried = [(AS_IS, trials(*broken), NOTHING), ("b", trials(*broken), NOTHING)]
    (one,) = compared(tried, steps=1).ranking()["summary"]
    words = "What if: neither the network as it is nor a change has a finite loss"
    assert one == {"severity": "warning", "text": words}


def test_a_start_may_win_by_its_warnings():
    dead = [("dead_units", "critical")]
    assert said([diagnosed(findings=dead)], [diagnosed(backward=0.1)], steps=0) == (
        "healthy", "relu → gelu is the best of 2, by its warnings"
    )  # fmt: skip


def test_the_ranking_is_plain_data_with_every_loss():
    told = found([diagnosed(2.0), diagnosed(2.1)], [diagnosed(1.0), diagnosed(1.2)]).ranking()
    assert strict_json.to_json(told)
    first, second = told["variants"]
    assert (first["name"], first["own"], second["own"]) == ("relu → gelu", False, True)
    assert first["losses"] == [[2.0, 1.0], [2.0, 1.0]]
    assert first["score"] == pytest.approx(1.1)
    assert first["expected"] == {"forward_total": 0.5, "backward_total": None}
    assert "trials" not in first


def test_it_is_written_as_a_page(tmp_path):
    page = tmp_path / "what_if.html"
    found([diagnosed(2.0)], [diagnosed(1.5)]).report(page, title="Mine")
    text = page.read_text()
    assert "relu → gelu is the best of 2" in text
    assert text.count('<article class="card') == 2  # as it is, and the best


def test_a_start_of_which_nothing_is_drawn_needs_no_interval():
    assert said([diagnosed(backward=1e-3)], [diagnosed(backward=1e-1)], steps=0) == (
        "healthy",
        "relu → gelu is the best of 2, decades over depth lower by 2; nothing in it is drawn",
    )
