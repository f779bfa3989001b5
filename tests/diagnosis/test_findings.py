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


RECURRENT = {"loop": "steps", "loops": (8,), "turns_post": (1.0,) * 8}


def test_what_a_loop_tells_is_not_told_over_depth_again():
    grown = tuple(4.0 ** (7 - t) for t in range(8))
    head = made.report("z", norm_d_pre=1e-6)
    loop = made.report("h", "tanh", turns_d_pre=grown, **RECURRENT)
    (found,) = findings.judge(made.facts([loop, head]))
    assert "Through time" in found.what
    assert (found.kind, found.severity, found.site) == ("exploding_gradient", "critical", "h")


def test_a_mild_loss_through_time_hides_no_grave_one_over_depth():
    faded = tuple(0.5 ** (7 - t) for t in range(8))
    loop = made.report("h", "tanh", turns_d_pre=faded, **RECURRENT)
    first = made.report("a", norm_d_pre=1e-9)
    found = findings.judge(made.facts([first, loop]))
    assert [(one.kind, one.severity) for one in found] == [
        ("vanishing_gradient", "critical"), ("vanishing_gradient", "info"),
    ]  # fmt: skip


def test_the_size_of_the_input_is_a_finding():
    (found,) = findings.judge(made.facts([made.report("a", rms_pre=200.0)]))
    assert found.kind == "input_scale"
    found = findings.judge(made.facts([made.report("a", "tanh", rms_pre=200.0, saturated=0.99)]))
    assert [one.kind for one in found] == ["saturated"]


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
