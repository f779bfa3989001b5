"""Is of every entry without a card told what it is, where it comes from and what it takes?"""

import pytest

from relu_jax.activations import GATED, MIXING, TRAINABLE
from relu_jax.activations.entry_text import entry_text
from relu_jax.activations.lookup import get_gated, get_mixing, get_trainable

ENTRIES = (*GATED, *MIXING, *TRAINABLE)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_name_formula_source_and_parameters_are_told(entry):
    first, kind, source, parameters = entry_text(entry).splitlines()
    assert first == f"{entry.name}: {entry.formula}"
    assert kind.endswith(f"({entry.name!r})")
    assert source.split(maxsplit=1) == ["source", entry.source]
    assert parameters.split()[0] == "parameters"
    assert " at 0x" not in parameters


@pytest.mark.parametrize(
    ("entry", "parameters"),
    [
        (get_gated("geglu"), "value, gate, gelu=gelu"),
        (get_mixing("maxout"), "x, k, axis=-1"),
        (get_trainable("dyt"), "alpha from 0.5, gamma from 1, beta from 0"),
        (get_trainable("prelu", framework="jax"), "slope from 0.01"),
        (get_trainable("apl"), "slope, hinge"),
        (get_trainable("acon_c"), "p1, p2, beta from 1"),
    ],
)
def test_parameters_come_with_what_they_are_without_a_choice(entry, parameters):
    assert entry_text(entry).splitlines()[-1] == f"  parameters  {parameters}"
