"""The rows of the battery, in the catalogue's order: one file of rows for each family."""

from relu_jax.activations import CATALOGUE
from tests.activations import cases_first

CASES = (*cases_first.CASES,)
LABELS = [case.label for case in CASES]

assert {case.act.name for case in CASES} == {act.name for act in CATALOGUE}
assert all(bool(case.why) == any(case.slack) for case in CASES)
