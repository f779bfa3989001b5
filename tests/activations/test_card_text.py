"""Is a card readable: one screen, plain characters, the words for what has no number?"""

import math

import pytest

from relu_jax.activations import get
from relu_jax.activations.card_text import WIDTH, card_text, facts, interval, number, settings
from relu_jax.activations.cards import card
from relu_jax.activations.flat_parts import Interval
from tests.activations.shapes import BUMP, FALLING, ROOT, SHRINK, SINE, STEP

pytestmark = pytest.mark.thorough("with its neighbours it takes minutes; the examples run anyway")


def told(act, **options):
    return dict(facts(card(act, **options)))


def test_a_card_fits_a_screen():
    for act in (get("selu"), SINE, get("hard_tanh", low=-2, high=3)):
        lines = str(card(act)).splitlines()
        assert len(lines) <= 36
        assert max(map(len, lines)) <= WIDTH
        assert all(line.isascii() for line in lines if not line.startswith("source"))


def test_the_words_of_leaky_relu():
    words = told(get("leaky_relu", slope=0.2), dtypes=("float16",))
    assert words["range"] == "(-inf, inf)"
    assert words["monotone"] == "yes, it rises"
    assert words["Lipschitz"] == "1"
    assert words["zeros"] == "0"
    assert words["kinks"] == "x = 0: slope 0.2 before, 1 at, 1 after"
    assert words["extrema of f"] == "none"
    assert words["extrema of f'"] == "between 0.2 and 1"
    assert words["extrema of f''"] == "0 throughout"
    assert words["f' is 0"] == "nowhere on an interval"
    assert words["f' rounds to 0"] == "never"
    assert words["gains"].startswith("signal 1.38675, gradient 1.38675, PyTorch 1.38675. The first")
    assert words["variance map"] == "with weights of gain 1.38675 every variance q stays as it is"


def test_the_words_of_what_jumps_turns_or_has_no_bound():
    assert told(STEP)["Lipschitz"] == "none, f jumps at x = 0"
    assert told(SHRINK)["kinks"].startswith("x = -0.5: slope 1 before, 0 at, 0 after, f jumps by")
    assert told(ROOT)["Lipschitz"] == "none, f' has no bound"
    assert told(BUMP)["monotone"] == "no, it falls on (0, inf)"
    assert told(FALLING)["monotone"] == "yes, it falls"
    assert told(SINE)["monotone"].endswith(", and so on")
    assert told(SINE)["zeros"].endswith(", and more further out")
    assert told(STEP)["gains"].startswith("signal 1.41421, gradient none, PyTorch none.")


def test_nothing_is_said_of_what_was_not_measured():
    assert "f' rounds to 0" not in told(get("tanh"), dtypes=())


def test_where_a_slope_ends_is_told_by_side():
    words = told(get("relu6"), dtypes=("bfloat16",))["f' rounds to 0"]
    assert words == "bfloat16 below 0 and above 6"


def test_numbers_do_not_depend_on_the_last_bits():
    third = 1 / 3
    assert number(0.15625) == number(0.15625 + 1e-15) == number(0.15625 - 1e-15)
    assert number(third) == "0.333333"
    assert number(-1e-300 * 1e-300) == "0"
    assert number(math.inf) == "inf"


def test_intervals_and_parameters():
    assert interval(Interval(-1.0, 2.0, (True, False))) == "[-1, 2)"
    assert settings({"low": -1.0, "high": 2.5}) == "(low=-1, high=2.5)"


def test_the_heading_names_the_parameters():
    text = card_text(card(get("leaky_relu", slope=0.2), dtypes=()))
    assert text.startswith("leaky_relu(slope=0.2): x for x >= 0, else slope * x\nsource ")


def test_an_average_that_is_not_to_be_had_is_told_as_such():
    told = card(get("snake", frequency=1e6), dtypes=())
    words = dict(facts(told))
    start = "not to be had: E f, E f^2, E f'^2 and E f f', whose integral is not accurate to 1e-6"
    assert words["x ~ N(0, 1)"] == start
    assert words["variance map"] == "not to be had: it takes E f^2"
