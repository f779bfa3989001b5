"""Do findings come worst first, causes before what they cause?"""

from relu_jax.diagnosis import findings, thresholds
from relu_jax.diagnosis.types import Cause
from relu_jax.tap import Linear
from tests.diagnosis import made


def test_critical_comes_first():
    reports = [made.report("a", dead=20), made.report("b", "tanh", saturated=0.99)]
    found = findings.judge(made.facts(reports))
    assert [(one.kind, one.severity) for one in found] == [
        ("saturated", "critical"), ("dead_units", "warning"),
    ]  # fmt: skip


def test_among_equals_causes_come_first():
    reports = [*made.chain(6, back=1e-3), made.report("z", dead=32)]
    found = findings.judge(made.facts(reports, causes=(Cause("data", "x", "", 1, 0, 1),)))
    assert [one.kind for one in found][:2] == ["non_finite", "dead_units"]


def test_a_healthy_network_has_no_finding():
    maps = (Linear("params/a/w", "", 8, 8, (), ()),)
    assert findings.judge(made.facts(made.chain(5), linear=maps)) == ()


def test_every_kind_that_is_found_is_in_the_table():
    reports = [made.report("a", dead=32), made.report("b", "tanh", saturated=0.99)]
    parameters = (made.parameter(update_ratio=2.0), made.parameter("v", zero_grad=True))
    found = findings.judge(made.facts(reports, parameters=parameters))
    known = {kind.name for kind in thresholds.KINDS}
    assert {one.kind for one in found} <= known
    assert all(one.severity in thresholds.SEVERITIES for one in found)
