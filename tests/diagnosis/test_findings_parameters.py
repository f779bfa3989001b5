"""Is a parameter called frozen only where nothing else explains it?"""

import pytest

from relu_jax.diagnosis import findings_parameters
from relu_jax.diagnosis.types import Cause
from relu_jax.tap import Linear
from tests.diagnosis import made


def leaves(n=3, **frozen):
    """Weights and biases of n layers; frozen={"layers/1/w": True} for zero gradients."""
    names = [f"layers/{i}/{leaf}" for i in range(n) for leaf in ("b", "w")]
    return tuple(
        made.parameter(f"params/{name}", zero_grad=name in frozen.get("zero", ()),
                       shape=(32, 32) if name.endswith("w") else (32,))
        for name in names
    )  # fmt: skip


def linear(n=3):
    return tuple(
        Linear(f"params/layers/{i}/w", "", 32, 32, (), (f"layers/{i - 1}",) if i else ())
        for i in range(n)
    )


def judged(reports, parameters, **changes):
    given = {"linear": linear(), "parameters": parameters} | changes
    return findings_parameters.judge(made.facts(reports, **given))


def test_a_layer_without_gradient_is_named_by_its_weight():
    (found,) = judged(made.chain(3), leaves(zero=("layers/1/w", "layers/1/b")))
    assert (found.kind, found.severity, found.site) == (
        "frozen_parameter", "warning", "params/layers/1/w",
    )  # fmt: skip
    assert "params/layers/1/b" in found.what


@pytest.mark.parametrize("name", ["bn/mean", "bn/var/value", "moving_variance"])
def test_a_running_statistic_is_an_info_and_hides_no_frozen_weight(name):
    statistic = made.parameter(f"params/{name}", zero_grad=True)
    healthy = judged(made.chain(3), (*leaves(), statistic))
    assert [(f.severity, f.site) for f in healthy] == [("info", f"params/{name}")]
    assert "running statistics" in healthy[0].what
    found = judged(made.chain(3), (*leaves(zero=("layers/1/w",)), statistic))
    assert (found[0].severity, found[0].site) == ("warning", "params/layers/1/w")


def test_two_frozen_layers_are_two_findings():
    found = judged(made.chain(3), leaves(zero=("layers/0/w", "layers/2/w")))
    assert [one.site for one in found] == ["params/layers/0/w", "params/layers/2/w"]


def test_a_cut_is_named_by_the_layer_nearest_to_the_loss():
    reports = made.chain(3)
    reports[:2] = [r._replace(norm_d_pre=0.0, norm_d_post=0.0) for r in reports[:2]]
    below = ("layers/0/w", "layers/0/b", "layers/1/w", "layers/1/b")
    (found,) = judged(reports, leaves(zero=below))
    assert found.site == "params/layers/1/w"
    assert found.evidence["leaves"] == 4


def test_a_dead_layer_explains_what_is_below_it_and_the_weight_after_it():
    reports = made.chain(3)
    reports[1] = reports[1]._replace(dead=32, rms_post=0.0, norm_d_pre=0.0)
    reports[0] = reports[0]._replace(norm_d_pre=0.0)
    below = ("layers/0/w", "layers/0/b", "layers/1/w", "layers/1/b", "layers/2/w")
    assert judged(reports, leaves(zero=below)) == []


def test_a_layer_after_a_dead_one_may_be_frozen_too():
    reports = made.chain(3)
    reports[0] = reports[0]._replace(dead=32, rms_post=0.0, norm_d_pre=0.0)
    found = judged(reports, leaves(zero=("layers/0/w", "layers/1/w", "layers/2/b")))
    assert [one.site for one in found] == ["params/layers/2/b"]


@pytest.mark.parametrize(
    ("dtype", "rms", "explained"),
    [
        ("float32", 1e-35, True),
        ("float32", 1e-6, False),
        ("float16", 1e-6, True),
        ("float16", 1e-3, False),
    ],
)
def test_gradients_below_the_number_format_are_not_frozen(dtype, rms, explained):
    reports = made.chain(3, dtype=dtype)
    reports[0] = reports[0]._replace(rms_d_pre=0.0, norm_d_pre=0.0)
    reports[1] = reports[1]._replace(rms_d_pre=rms)
    found = judged(reports, leaves(zero=("layers/0/w",)))
    assert [one.site for one in found] == ([] if explained else ["params/layers/0/w"])


def test_nothing_is_judged_by_the_gradients_of_nan():
    cause = Cause("data", "x", "", 1, 0, 1)
    assert judged(made.chain(3), leaves(zero=("layers/1/w",)), causes=(cause,)) == []


def test_no_gradient_anywhere_is_critical():
    everything = [f"layers/{i}/{leaf}" for i in range(3) for leaf in "bw"]
    (found,) = judged(made.chain(3), leaves(zero=everything))
    assert (found.severity, found.site) == ("critical", "")
    assert "float16" not in found.what


def test_no_gradient_anywhere_may_be_the_end_of_float16():
    everything = [f"layers/{i}/{leaf}" for i in range(3) for leaf in "bw"]
    (found,) = judged(made.chain(3, dtype="float16", back=0.0), leaves(zero=everything))
    assert found.what.endswith("or its gradient is below 6e-08, where float16 ends: scale it up.")


def test_a_weight_of_zeros_may_let_the_others_wait():
    parameters = list(leaves(zero=("layers/1/w", "layers/1/b")))
    parameters[-1] = parameters[-1]._replace(rms=0.0)
    (found,) = judged(made.chain(3), tuple(parameters))
    assert found.severity == "info"
    assert "params/layers/2/w is all 0" in found.what


@pytest.mark.parametrize(
    ("ratio", "kind", "severity"),
    [
        (2.0, "large_update", "critical"),
        (0.2, "large_update", "warning"),
        (1e-3, None, None),
        (1e-8, "small_update", "warning"),
        (None, None, None),
    ],
)
def test_updates_by_their_size(ratio, kind, severity):
    found = judged([], (made.parameter(update_ratio=ratio),))
    assert [(one.kind, one.severity) for one in found] == ([(kind, severity)] if kind else [])


def test_in_bfloat16_more_updates_are_lost():
    (found,) = judged([], (made.parameter(update_ratio=1e-3, dtype="bfloat16"),))
    assert found.kind == "small_update"


def test_the_largest_update_is_named_and_the_others_are_counted():
    parameters = tuple(made.parameter(f"w{i}", update_ratio=0.2 + i) for i in range(3))
    (found,) = judged([], parameters)
    assert (found.site, found.evidence["leaves"]) == ("w2", 3)
    assert "2 more leaves likewise" in found.what


def test_biases_near_zero_are_left_out():
    bias = made.parameter("b", shape=(32,), update_ratio=5.0)
    assert judged([], (bias, made.parameter(rms=0.0, update_ratio=None))) == []
