"""Does each framework's name get that framework's function, parameters and slopes at the kinks?"""

from pathlib import Path

import numpy as np
import pytest

from relu_jax.activations import get, names
from relu_jax.activations.frameworks import FRAMEWORKS
from tests.activations import peers
from tests.activations.cases import CASES
from tests.activations.peers import JAX, TORCH

pytestmark = pytest.mark.leaks_unchecked(
    "the check retraces every primitive, 7 times the time; test_activation.py runs under it"
)
PARTS = ("value", "slope")


def test_every_meaning_is_one_of_the_catalogue():
    for framework, meanings in FRAMEWORKS.items():
        for name, meaning in meanings.items():
            act = get(name, framework=framework)
            assert act.name == meaning.name
            assert len(act.slope_at_kinks) == len(act.kinks)
            if meaning.slopes is not None:
                given = tuple(map(float, act.derivative(np.float32(act.kinks))))
                assert given == pytest.approx(act.slope_at_kinks)


def test_an_unknown_framework_is_refused():
    with pytest.raises(
        ValueError, match=r"a framework is one of jax, torch, keras; got str 'mxnet'"
    ):
        get("relu", framework="mxnet")


def test_a_framework_s_default_gives_way_to_a_parameter():
    assert get("leaky_relu", framework="keras").params == {"slope": 0.2}
    assert get("leaky_relu", framework="keras", slope=0.3).params == {"slope": 0.3}
    torch_like = get("leaky_relu", framework="torch", slope=0.3)
    assert torch_like.slope_at_kinks == (0.3,)
    assert float(torch_like.derivative(0.0)) == pytest.approx(0.3)


def test_every_exception_stands_in_the_conventions_with_its_reason():
    beside = {(name, "slope", peers.ROUNDS_TO_THE_KINK) for name, _, _ in peers.BESIDE_KINKS}
    far = {("squareplus", part, peers.SQUARE_OVERFLOWS) for part in ("value", "slope")}
    assert exceptions("Not bit for bit jax.nn's") == named(JAX) | far | beside
    assert exceptions("Not within four floats of PyTorch's") == named(TORCH)


def named(rows):
    reasons = {(peer.name, part, getattr(peer, part)) for peer in rows for part in PARTS}
    return {row for row in reasons if row[2]}


def exceptions(title):
    """Read a table of the conventions: every function in it, what of it, with the reason."""
    found, why = set(), ""
    section = conventions().partition(f"## {title}\n")[2].partition("\n## ")[0]
    for line in section.partition("| --- |")[2].splitlines()[1:]:
        if not line.startswith("| "):
            continue
        functions, where, told = line.removeprefix("| ").removesuffix(" |").split(" | ")
        why = why if told == "the same" else told
        parts = [part for part in PARTS if part in where]
        found |= {(name, part, why) for name in functions.split(", ") for part in parts}
    return found


def test_slopes_that_come_from_the_value_are_named_in_the_conventions():
    by_value = conventions().partition("**Derivatives**")[2].partition("\n\n")[0]
    assert peers.BY_VALUE in by_value
    known = {case.act.name for case in CASES if case.why == peers.BY_VALUE}
    assert known == {word for word in known | set(names()) if f"`{word}`" in by_value}


def conventions():
    """Read what a user is told, without the marks of a table."""
    path = Path(__file__).parents[2] / "docs" / "conventions.md"
    return path.read_text(encoding="utf-8").replace("\\|", "|")
