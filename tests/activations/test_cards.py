"""Does a card hold the facts, whatever the function, and refuse what is none?"""

import math

import jax
import jax.numpy as jnp
import pytest

from relu_jax.activations import Activation, get
from relu_jax.activations.cards import card, summaries, summary, window
from tests.activations.shapes import BUMP, ROOT, SHRINK, SINE, STEP, WAVE
from tests.published import AVERAGES, MINIMA, SLOPES, meets

pytestmark = pytest.mark.thorough("with its neighbours it takes minutes; the examples run anyway")


@pytest.fixture(scope="module")
def gelu():
    return card(get("gelu"))


def test_a_card_holds_the_facts(gelu):
    assert (gelu.name, gelu.params, gelu.kinks, gelu.flat) == ("gelu", {}, (), ())
    assert meets(gelu.lowest.value, MINIMA["gelu"][0])
    assert not gelu.monotone
    assert meets(gelu.lipschitz, SLOPES["gelu"][1])
    assert gelu.zeros.points == (0.0,)
    assert [one.dtype for one in gelu.vanishing] == ["float32", "bfloat16", "float16"]
    assert meets(gelu.averages.second, AVERAGES["gelu"][1])


@pytest.mark.parametrize("act", [SINE, STEP, SHRINK, ROOT, WAVE, BUMP], ids=lambda act: act.name)
def test_no_function_breaks_a_card(act):
    told = card(act, dtypes=("bfloat16",))
    assert act.name in str(told)
    low, high = window(told)
    assert low < 0 < high


def test_a_lipschitz_constant_needs_a_bounded_slope():
    assert card(STEP, dtypes=()).lipschitz == math.inf
    assert card(ROOT, dtypes=()).lipschitz == math.inf
    assert card(get("leaky_relu", slope=-3), dtypes=()).lipschitz == 3


def test_a_card_is_the_same_in_a_program_of_another_precision():
    with jax.enable_x64(True):
        wide = card(get("elu"), dtypes=())
    assert wide == card(get("elu"), dtypes=())


def test_a_table_row_agrees_with_the_card():
    for name in ("gelu", "relu6", "elu", "sigmoid"):
        told, row = card(get(name), dtypes=()), summary(get(name))
        assert row.mean == pytest.approx(told.averages.mean, rel=1e-10)
        assert row.gain == pytest.approx(told.gains.signal, rel=1e-10)
        assert (row.lowest, row.highest) == (told.lowest, told.highest)


def test_another_variance_changes_what_depends_on_it():
    one, four = (card(get("relu"), variance=v, dtypes=()) for v in (1, 4.0))
    assert four.averages.second == pytest.approx(4 * one.averages.second)
    assert four.gains.signal == pytest.approx(one.gains.signal)
    assert one.lowest == four.lowest


@pytest.mark.parametrize("variance", [0, -1.0, math.nan, math.inf, "1", None])
def test_a_variance_that_is_none_is_refused(variance):
    for look in (card, summary):
        with pytest.raises(Exception, match=r"finite number above 0|variance"):
            look(get("relu"), variance=variance)


def test_what_is_no_activation_is_refused():
    with pytest.raises(Exception, match=r"card is of an elementwise activation|act"):
        card(jnp.tanh)


def test_what_oscillates_is_drawn_near_zero():
    low, high = window(card(SINE, dtypes=()))
    assert -1 < low < 0 < high < 1
    assert window(card(get("relu6"), dtypes=())) == (-5.0, 7.0)


def test_a_row_of_the_table_costs_one_program(caplog):
    fn = jax.jit(lambda x: jnp.where(x > 0.3, x, 0.3))
    act = Activation("floor", fn, "max(x, 0.3)", "", kinks=(0.3,), slope_at_kinks=(0.0,), flat=True)
    summary(get("gelu"))
    with jax.log_compiles(True):
        found = summary(act)
    compiled = [line for line in caplog.messages if line.startswith("Finished XLA compilation")]
    assert len(compiled) == 1, compiled
    assert list(summaries([act])) == [found]


def test_a_name_has_the_card_of_its_activation():
    assert str(card("relu", dtypes=())) == str(card(get("relu"), dtypes=()))


@pytest.mark.parametrize(
    ("name", "message"), [("gelo", "did you mean gelu"), ("geglu", r"get_gated\('geglu'\)")]
)
def test_a_name_of_no_elementwise_function_is_refused(name, message):
    with pytest.raises(ValueError, match=message):
        card(name)
