"""Are forty healthy networks, at their start and trained, left without a warning?"""

import jax
import pytest

import relu_jax as rj
from tests.diagnosis import healthy
from tests.sampling import some

pytestmark = [
    pytest.mark.leaks_unchecked(
        "it collects garbage at every trace, three times the cost; test_diagnose.py runs under it"
    ),
    pytest.mark.standard_promotion("an optimiser's arithmetic mixes floats and counters"),
]
CASES = [(make, act) for make in healthy.ARCHITECTURES for act in healthy.ACTS]
IDS = [f"{make.__name__}_{act}" for make, act in CASES]


@pytest.mark.parametrize(("make", "act"), some(CASES, 5, IDS))
def test_a_healthy_network_has_no_warning(make, act):
    with jax.numpy_rank_promotion("allow"):
        case = make(act)
        after = healthy.trained(case)
        for params in (case.params, after):
            d = rj.diagnose(case.loss, params, case.batches[:2])
            loud = [found for found in d.findings if found.severity != "info"]
            assert loud == [], str(d)
            assert d.sites
