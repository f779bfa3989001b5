"""The rows of the battery, one file of rows for each family."""

from relu_jax.activations import CATALOGUE
from tests.activations import cases_first, cases_gates, cases_piecewise, cases_squashing

CASES = (
    *cases_first.CASES,
    *cases_piecewise.CASES,
    *cases_gates.CASES,
    *cases_squashing.CASES,
)
LABELS = [case.label for case in CASES]

assert {case.act.name for case in CASES} == {act.name for act in CATALOGUE}
assert all(bool(case.why) == any(case.slack) for case in CASES)
