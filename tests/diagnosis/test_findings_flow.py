"""Is a loss over depth told from a loss at one place?"""

import pytest

from relu_jax.diagnosis import findings_flow
from tests.diagnosis import made


def judged(reports, blamed=()):
    return findings_flow.judge(made.facts(reports), blamed)


def scaled(reports, place, factor):
    """Multiply the weight that feeds one site: forward after it, backward before it."""
    ahead = ("rms_pre", "rms_post")
    back = ("norm_d_pre", "norm_d_post")
    return [
        r._replace(**{
            name: getattr(r, name) * factor for name in (ahead if i >= place else back)
        })
        for i, r in enumerate(reports)
    ]  # fmt: skip


def test_a_healthy_chain_gives_nothing():
    assert judged(made.chain(8, ahead=0.9, back=1.1)) == []


@pytest.mark.parametrize(
    ("back", "kind", "severity"),
    [
        (0.2, "vanishing_gradient", "critical"),
        (0.35, "vanishing_gradient", "warning"),
        (3.0, "exploding_gradient", "warning"),
        (6.0, "exploding_gradient", "critical"),
    ],
)
def test_gradients_that_change_everywhere(back, kind, severity):
    (found,) = judged(made.chain(6, back=back))
    assert (found.kind, found.severity, found.site) == (kind, severity, "layers/0")
    assert found.evidence["rate per site"] == pytest.approx(back)
    assert found.evidence["total"] == pytest.approx(back**5)


@pytest.mark.parametrize(("ahead", "kind"), [(0.2, "vanishing_signal"), (6.0, "exploding_signal")])
def test_signals_that_change_everywhere(ahead, kind):
    (found,) = judged(made.chain(6, ahead=ahead))
    assert (found.kind, found.severity, found.site) == (kind, "critical", "layers/5")


@pytest.mark.parametrize(
    ("factor", "kind", "severity"),
    [
        (0.1, "vanishing_signal", "warning"),
        (10.0, "exploding_signal", "warning"),
        (300.0, "exploding_signal", "warning"),
        (3e3, "exploding_signal", "critical"),
    ],
)
def test_one_weight_that_stands_out_is_named_alone(factor, kind, severity):
    (found,) = judged(scaled(made.chain(6), 3, factor))
    assert (found.kind, found.severity, found.site) == (kind, severity, "layers/3")
    assert found.evidence["forward factor"] == pytest.approx(factor)


def test_one_weight_and_a_loss_over_depth_are_both_told():
    found = judged(scaled(made.chain(8, back=0.2), 3, 10.0))
    assert [(one.kind, one.site) for one in found] == [
        ("exploding_signal", "layers/3"),
        ("vanishing_gradient", "layers/0"),
    ]


def test_gains_that_differ_anyway_single_nothing_out():
    reports = made.chain(7)
    for place, factor in ((1, 9.0), (2, 0.3), (3, 3.0), (4, 0.2), (5, 1.5)):
        reports = scaled(reports, place, factor)
    assert not [one for one in judged(reports) if "scaled twice" in one.what]


def test_a_site_with_a_finding_of_its_own_explains_its_loss():
    reports = made.chain(6)
    reports = [
        r._replace(
            norm_d_pre=r.norm_d_pre * 1e-4, norm_d_post=r.norm_d_post * (1e-4 if i < 3 else 1)
        )
        if i <= 3
        else r
        for i, r in enumerate(reports)
    ]
    assert [one.kind for one in judged(reports)] == ["vanishing_gradient"]
    assert judged(reports, ["layers/3"]) == []


def test_zeros_below_are_no_gradient_to_compare():
    reports = made.chain(6)
    cut = [
        r._replace(norm_d_pre=0.0, norm_d_post=0.0) if i < 2 else r for i, r in enumerate(reports)
    ]
    assert judged(cut) == []


def test_a_gradient_that_left_float32_has_vanished():
    reports = made.chain(6, back=1e-9)
    cut = [r._replace(norm_d_pre=0.0) if i < 1 else r for i, r in enumerate(reports)]
    (found,) = judged(cut)
    assert (found.kind, found.severity, found.site) == (
        "vanishing_gradient",
        "critical",
        "layers/0",
    )
    assert "rounded to 0" in found.what


def test_an_overflow_is_an_explosion_as_far_as_it_is_finite():
    reports = made.chain(6, ahead=1e8)
    reports[-1] = reports[-1]._replace(rms_post=float("inf"), norm_d_pre=float("nan"))
    assert [one.kind for one in judged(reports)] == ["exploding_signal"]


@pytest.mark.parametrize("n", [0, 1])
def test_fewer_than_two_sites_have_no_depth(n):
    assert judged(made.chain(n)) == []


def test_sites_without_cotangents_are_left_out():
    reports = [r._replace(norm_d_pre=None, norm_d_post=None) for r in made.chain(4)]
    assert judged(reports) == []
