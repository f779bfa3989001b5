"""Are the ready examples what a user can copy: found, diagnosed, and as their header says?"""

import re
from pathlib import Path

import pytest

import relu_jax as rj
from relu_jax.diagnosis import load_build
from tests.sampling import some

pytestmark = pytest.mark.leaks_unchecked(
    "it collects garbage at every trace; tests/diagnosis/test_diagnose.py runs under it"
)

FOLDER = Path(__file__).parents[2] / "scripts" / "models"
EXPECTED = {
    "bare": (["sigmoid"] * 7, "vanishing_gradient"),
    "flax_nnx": (["relu"] * 7, None),
    "flax_linen": (["relu", "relu", "gelu_tanh"], None),
    "equinox_mlp": (["tanh"] * 5, None),
}


def test_every_example_is_expected_here():
    assert {file.stem for file in FOLDER.glob("*.py")} == set(EXPECTED)


@pytest.mark.standard_promotion("Flax's batch norm divides a float by an integer count")
@pytest.mark.parametrize("name", some(EXPECTED, 2))
def test_an_example_is_diagnosed_as_its_header_says(name):
    kinds, worst = EXPECTED[name]
    loss, params, batches = load_build(f"{FOLDER / name}.py:build")
    found = rj.diagnose(loss, params, list(batches)[:2])
    assert [one.site.kind for one in found.sites.values()] == kinds
    severe = [finding.kind for finding in found.findings if finding.severity != "info"]
    assert severe[:1] == ([worst] if worst else [])


@pytest.mark.parametrize("name", EXPECTED)
def test_a_header_says_claim_cost_expectation_and_command(name):
    header = (FOLDER / f"{name}.py").read_text(encoding="utf-8").split('"""')[1]
    assert re.findall(r"^(\w+): ", header, re.MULTILINE) == ["Claim", "Cost", "Expect", "Command"]
    assert f"relu-jax diagnose scripts/models/{name}.py:build" in header
