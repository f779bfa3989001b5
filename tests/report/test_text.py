"""Are numbers worded truly, and are names made harmless to look at?"""

import math
import random

import numpy as np
import pytest

from relu_jax.report import text
from tests.report.cases import HOSTILE

NUMBERS = [
    (0, "0"), (-0.0, "0"), (1797, "1,797"), (1.0, "1"), (0.25, "0.25"), (-3.5, "-3.5"),
    (1234.5678, "1,235"), (0.00123456, "0.001235"), (0.000999999, "1e-3"), (1e-9, "1e-9"),
    (1.5e6, "1.5e6"),
    (999_999.6, "1,000,000"), (5e-324, "4.941e-324"), (1.7976931348623157e308, "1.798e308"),
    (math.nan, "NaN"), (math.inf, "∞"), (-math.inf, "-∞"), (None, "–"), (True, "True"),
    (10**30, f"{10**30:,}"), ("<b>\n", "<b>\\n"), (np.float32(0.5), "0.5"), (np.int64(7), "7"),
]  # fmt: skip


@pytest.mark.parametrize(("given", "worded"), NUMBERS, ids=lambda x: repr(x)[:20])
def test_numbers_are_worded(given, worded):
    assert text.number(given) == worded


def test_worded_floats_read_back_within_half_a_digit():
    drawn = random.Random(0)
    for _ in range(2_000):
        x = drawn.choice((-1, 1)) * 10 ** drawn.uniform(-300, 300)
        for digits in (2, 3, 4):
            back = float(text.number(x, digits).replace(",", ""))
            assert abs(back / x - 1) <= 0.5 * 10 ** (1 - digits) * (1 + 1e-9), (x, digits)


PERCENTS = [
    (0, "0 %"), (1, "100 %"), (0.5, "50 %"), (0.1234, "12.3 %"), (1e-12, "<0.1 %"),
    (1 - 1e-12, ">99.9 %"), (0.001, "0.1 %"), (1.5, "150 %"), (math.nan, "NaN"), (None, "–"),
]  # fmt: skip


@pytest.mark.parametrize(("given", "worded"), PERCENTS, ids=lambda x: repr(x)[:20])
def test_percentages_say_all_and_nothing_only_when_exact(given, worded):
    assert text.percent(given) == worded


@pytest.mark.parametrize("name", HOSTILE, ids=lambda name: ascii(name[:16]))
def test_visible_text_has_nothing_left_that_acts(name):
    shown = text.visible(name)
    assert shown.replace("\u200d", "").isprintable()
    shown.encode("utf-8")
    assert len(shown) >= len(name)
    assert text.visible(shown) == shown


def test_every_control_and_format_character_is_shown():
    acting = [
        chr(c) for c in (*range(32), *range(127, 160), *range(0x202A, 0x202F), 0xFEFF, 0x200D)
    ]
    for character in acting:
        assert text.visible(f"a{character}b") == f"a{ascii(character)[1:-1]}b"


def test_an_emoji_joined_of_several_stays_one():
    assert text.visible("👩‍🔬") == "👩‍🔬"


@pytest.mark.parametrize("limit", [3, 4, 7, 50])
def test_shortened_names_keep_both_ends_and_the_limit(limit):
    cut = text.shorten("abc" + "x" * 5_000 + "yz", limit)
    assert len(cut) == limit
    assert cut[0] == "a"
    assert "…" in cut
    assert text.shorten("ab", limit) == "ab"


def test_factors_values_shapes_and_times():
    assert text.factor(math.nan) == "NaN"
    assert text.factor(0.0) == "×0"
    assert text.value({"a": {"b": math.inf}}) == "a b ∞"
    assert text.value(None) == "–"
    assert text.value(()) == "none"
    assert text.shape(None) == "–"
    assert text.shape([2048]) == "2048"
    assert text.moment("2024-05-17T11:30:12") == "2024-05-17 11:30"
    assert text.moment(None) == "None"
    assert text.words("") == ""
