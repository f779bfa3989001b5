"""Is a planted fault gone once `what_if` has tried its remedy?"""

import pytest

import relu_jax as rj
from relu_jax.diagnosis import lsuv
from tests.diagnosis import test_planted_faults as faults
from tests.diagnosis import test_planted_starts as starts
from tests.sampling import some

pytestmark = pytest.mark.leaks_unchecked(
    "it collects garbage at every trace, three times the cost; test_what_if.py runs under it"
)
START = "lsuv"
# The fault, what is found first, and the change that its remedy names.
REMEDIES = [
    (faults.dead_by_bias, "dead_units", START),
    (faults.all_negative, "dead_units", START),
    (faults.killed_by_the_rate, "dead_units", START),
    (faults.exploding_start, "exploding_signal", START),
    (faults.multiplied_twice, "exploding_signal", START),
    (faults.vanishing_start, "vanishing_signal", START),
    (faults.scaled_twice, "vanishing_signal", START),
    (faults.vanishing_gradient, "vanishing_gradient", {"sigmoid": "relu"}),
    (faults.exploding_gradient, "exploding_gradient", START),
    (faults.saturated_tanh, "saturated", START),
    (faults.saturated_sigmoid, "saturated", START),
    (faults.underflow, "underflow", START),
    (faults.nan_in_a_weight, "non_finite", START),
    (starts.constant_weights, "symmetric_units", START),
    (starts.constant_in_half_precision, "symmetric_units", START),
    (starts.first_weight_too_large, "input_scale", START),
]


@pytest.mark.parametrize(
    ("plant", "kind", "change"), some(REMEDIES, 8, [row[0].__name__ for row in REMEDIES])
)
def test_the_remedy_removes_the_finding(plant, kind, change):
    case = plant()
    if change == START:
        tried = {"inits": {START: lsuv(case.loss, case.batches[0])}}
    else:
        tried = {"swaps": change}
    found = rj.what_if(case.loss, case.params, case.batches, **tried, seeds=1)
    (other,) = (v for v in found.variants if v is not found.as_is)
    first = found.as_is.trials[0].before.findings[0]
    assert first.kind == kind, str(found)
    assert kind in other.removed, str(found)
    assert not other.added, str(found)
    assert found.best is other
