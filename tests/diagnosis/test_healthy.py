"""Are healthy networks, at their start and trained, left without a warning?

Eight by default; all forty by `make fuzz`: they take a minute, and a change that breaks one breaks
others.
"""

import os
from typing import Any

import jax
import pytest

from relu_jax.diagnosis.diagnose import measured
from tests.diagnosis import healthy
from tests.sampling import some

pytestmark = [
    pytest.mark.leaks_unchecked(
        "it collects garbage at every trace, three times the cost; test_diagnose.py runs under it"
    ),
    pytest.mark.standard_promotion("an optimiser's arithmetic mixes floats and counters"),
]
CASES = [(make, act) for make in healthy.ARCHITECTURES for act in healthy.ACTS]
if "RELU_JAX_FUZZ" not in os.environ:
    CASES = CASES[::5]
IDS = [f"{make.__name__}_{act}" for make, act in CASES]


@pytest.mark.parametrize(("make", "act"), some(CASES, 5 if len(CASES) > 5 else 1, IDS))
def test_a_healthy_network_has_no_warning(make, act):
    with jax.numpy_rank_promotion("allow"):
        case = make(act)
        programs: dict[Any, Any] = {}  # compiled once for both
        for params in (case.params, healthy.trained(case)):
            d = measured(case.loss, params, case.batches[:2], programs=programs)
            loud = [found for found in d.findings if found.severity != "info"]
            assert loud == [], str(d)
            assert d.sites
