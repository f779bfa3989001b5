"""Are the facts about kinds those of the functions?"""

import math

import jax
import numpy as np
import pytest

import relu_jax as rj
from relu_jax.activations import CATALOGUE
from relu_jax.analyses.catalogued import catalogued
from relu_jax.diagnosis import kinds
from tests.diagnosis import made
from tests.sampling import some

pytestmark = pytest.mark.leaks_unchecked(
    "it collects garbage at every trace: test_diagnose.py has it"
)


@pytest.mark.parametrize(
    ("kind", "sup", "flat", "bounded"),
    [
        ("relu", 1.0, True, False),
        ("tanh", 1.0, False, True),
        ("sigmoid", 0.25, False, True),
        ("hard_tanh", 1.0, True, True),
        ("elu", 1.0, False, False),
        ("gelu", 1.1289, False, False),
    ],
)
def test_slopes_are_known(kind, sup, flat, bounded):
    known = kinds.known(made.site(kind=kind))
    assert known.sup == pytest.approx(sup, abs=2e-4)
    assert (known.flat, known.bounded) == (flat, bounded)


def test_the_expected_share_is_that_of_the_normal_distribution():
    """tanh′ < 0.1 where |z| > atanh(sqrt(0.9)); P(|N| > a) = erfc(a / sqrt 2)."""
    exact = math.erfc(math.atanh(math.sqrt(0.9)) / math.sqrt(2))
    assert kinds.known(made.site(kind="tanh")).saturated == pytest.approx(exact, abs=1e-3)
    assert kinds.known(made.site(kind="relu")).saturated == pytest.approx(0.5, abs=1e-3)


def test_parameters_count():
    leaky = kinds.known(made.site(kind="leaky_relu", params={"slope": 0.0}))
    assert leaky.flat
    assert not kinds.known(made.site(kind="leaky_relu", params={"slope": 0.3})).flat


def test_nothing_is_claimed_of_an_unknown_function():
    assert kinds.known(made.site(kind="unknown")) == (None, None, None, None)


# |f′| grows without end, is 0, or never comes to rest.
UNSATURATED = (
    "squared_relu", "star_relu", "repu", "square", "cube", "exponential", "gcu", "sinlu", "snake",
    "sine", "cosine", "sinc", "heaviside", "sign",
)  # fmt: skip


@pytest.mark.parametrize("act", some(CATALOGUE, 6, [act.name for act in CATALOGUE]))
def test_every_kind_of_the_catalogue_has_facts(act):
    known = kinds.known(made.site(kind=act.name, params=act.params))
    assert known.flat == act.flat
    if act.name in UNSATURATED:
        assert known == (None, act.flat, None, None)
    else:
        assert known.sup > 0
        assert 0 <= known.saturated < 1


def test_nothing_is_claimed_where_a_parameter_is_trained():
    trained = made.site(kind="leaky_relu", params={"slope": float("nan")})
    assert kinds.known(trained) == (None, None, None, None)


def test_the_activation_of_a_site_has_its_parameters():
    def f(x):
        return jax.nn.leaky_relu(x, 0.3)

    (site,) = rj.tap.sites(f, jax.ShapeDtypeStruct((2,), np.float32))
    act = catalogued(site)
    assert act is not None
    assert act.params == {"slope": pytest.approx(0.3)}
    assert catalogued(site._replace(params={"slope": math.nan})) is None
    assert catalogued(site._replace(kind="unknown", params={})) is None
