"""Is an entry found by its name, and is an unknown name answered with what helps?"""

from typing import NamedTuple

import pytest

from relu_jax.activations import registry


class Thing(NamedTuple):
    name: str


THINGS = (Thing("left"), Thing("right"))
ELSEWHERE = {"blue": "it is a colour", "sinister": "it is a mood"}
ALIASES = {"dexter": "right", "sinister": "left", "azure": "blue"}


def test_an_entry_is_found_by_its_name():
    assert registry.find(THINGS, "right") is THINGS[1]


@pytest.mark.parametrize("name", ["Right", "", None, 3, ["right"]])
def test_nothing_is_found_by_another(name):
    assert registry.find(THINGS, name) is None


@pytest.mark.parametrize(
    ("name", "hint", "told"),
    [
        ("Right", "colours are kept in COLOURS", r"got str 'Right'; did you mean right\?$"),
        ("le-FT", "", r"did you mean left\?$"),
        ("RIHGT", "", r"did you mean right\?$"),
        ("dexter", "", r"did you mean right\?$"),
        ("azure", "", r"got str 'azure'; it is a colour$"),
        ("Blue", "", r"got str 'Blue'; it is a colour$"),
        ("sinister", "", r"did you mean left\? Or: it is a mood$"),
        (None, "", r"got None; pick one of left, right$"),
        ("rihgt", "", r"a side; got str 'rihgt'; did you mean right\?$"),
        ("zzz", "", "got str 'zzz'; pick one of left, right$"),
        ("zzz", "colours are kept in COLOURS", "left, right; colours are kept in COLOURS$"),
        (3, "", "got int 3; pick one of"),
        ("blue", "here are sides", "got str 'blue'; it is a colour$"),
    ],
)
def test_another_name_is_answered_with_what_helps(name, hint, told):
    with pytest.raises(ValueError, match=told):
        raise registry.unknown(
            THINGS, name, rule="a side", hint=hint, elsewhere=ELSEWHERE, aliases=ALIASES
        )
