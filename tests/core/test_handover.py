"""Does a lower layer get what a higher one provides, and a clear word when nothing is?"""

import subprocess
import sys

import pytest

from relu_jax import activations, report, theory
from relu_jax.core import handover

PARTS = [
    (handover.catalogue, activations.CATALOGUE),
    (handover.lookup, activations.get),
    (handover.report_writer, report.write),
    (handover.theory, theory),
]
NAMES = [part.__name__ for part, _ in PARTS]


@pytest.mark.parametrize(("part", "whole"), PARTS, ids=NAMES)
def test_importing_the_package_binds_every_part(part, whole):
    assert part() is whole


@pytest.mark.parametrize(("part", "whole"), PARTS, ids=NAMES)
def test_the_last_provider_counts_and_none_is_said(monkeypatch, part, whole):
    monkeypatch.setattr(handover, "_PROVIDERS", {})
    word = part.__name__.replace("_", " ")
    with pytest.raises(RuntimeError, match=rf"hands its parts to one another.*; got no {word};"):
        part()
    handover.provide(**{part.__name__: lambda: ()})
    handover.provide(**{part.__name__: lambda: whole})
    assert part() is whole


@pytest.mark.parametrize(
    ("imported", "part"),
    [
        ("relu_jax.core.handover", "relu_jax.activations"),
        ("relu_jax.activations", "relu_jax.theory"),
    ],
)
def test_a_part_is_not_loaded_before_it_is_asked_for(imported, part):
    code = f"import sys, {imported}; print({part!r} in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"
