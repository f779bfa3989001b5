"""Are missing activations told by what is around them?"""

import pytest

from relu_jax.diagnosis import findings_structure
from relu_jax.tap import Linear
from tests.diagnosis import made

SITES = (made.site(),)


def linear(name, n_in, n_out, after=()):
    return Linear(name, "net.py:3", n_in, n_out, after, ())


def judged(*maps, sites=SITES, opaque=()):
    return findings_structure.judge(made.facts(sites=sites, linear=maps, opaque=opaque))


def test_maps_with_an_activation_between_them_are_fine():
    assert judged(linear("a", 8, 8), linear("b", 8, 8)) == []


@pytest.mark.parametrize(
    ("inner", "severity"), [(64, "warning"), (8, "warning"), (7, "info"), (2, "info")]
)
def test_a_bottleneck_may_be_meant(inner, severity):
    (found,) = judged(linear("a", 8, inner), linear("b", inner, 8, ("a",)))
    assert (found.kind, found.severity, found.site) == ("linear_stack", severity, "b")
    assert found.evidence["inner width"] == inner


def test_three_in_a_row_are_two_findings():
    found = judged(linear("a", 8, 8), linear("b", 8, 8, ("a",)), linear("c", 8, 8, ("b",)))
    assert [one.site for one in found] == ["b", "c"]


@pytest.mark.parametrize(
    ("maps", "severity", "words"),
    [
        ((linear("a", 8, 8), linear("b", 8, 8, ("a",))), "warning", "has 2 linear maps and is"),
        ((linear("a", 8, 8), linear("b", 8, 8)), "info", "has 2 linear maps."),
        ((linear("a", 8, 8),), "info", "has 1 linear map."),
        ((), "info", "has no linear maps."),
    ],
)
def test_no_activation_at_all_is_said_once(maps, severity, words):
    (found,) = judged(*maps, sites=())
    assert (found.kind, found.severity) == ("no_activation", severity)
    assert words in found.what
    assert found.evidence["linear maps"] == len(maps)


def test_what_was_not_entered_is_mentioned():
    (found,) = judged(sites=(), opaque=("while at net.py:9",))
    assert "Not entered, so not judged: while at net.py:9." in found.what


def test_a_map_into_a_loop_may_be_meant():
    looped = made.site(path="b", loop="layers", loops=(3,))
    (found,) = judged(linear("a", 8, 8), linear("b", 8, 8, ("a",)), sites=(looped,))
    assert found.severity == "info"


@pytest.mark.parametrize("groups", [(8, 1), (1, 8)])
def test_a_grouped_convolution_may_be_meant(groups):
    first, second = (
        linear(name, 8, 8, after)._replace(groups=number)
        for name, after, number in zip("ab", [(), ("a",)], groups, strict=True)
    )
    (found,) = judged(first, second)
    assert found.severity == "info"
    assert "One of them is grouped, which saves weights." in found.what


def test_a_residual_stem_may_be_meant():
    (found,) = judged(linear("a", 8, 8), linear("b", 8, 8, ("a",))._replace(forked=True))
    assert found.severity == "info"
    assert found.what.endswith("What the first gives goes elsewhere too.")


def test_a_map_that_is_used_twice_may_be_meant():
    (found,) = judged(linear("a", 8, 8), linear("b", 8, 8, ("a",)), linear("b", 8, 8))
    assert (found.severity, found.site) == ("info", "b")


def test_the_channels_between_two_wide_kernels_bound_no_rank():
    (found,) = judged(linear("a", 144, 32), linear("b", 288, 64, ("a",)))
    assert found.severity == "warning"
    assert "rank" not in found.what


def test_a_network_that_was_not_entered_was_not_judged():
    (found,) = judged(sites=(), opaque=("cond at net.py:9",))
    assert found.severity == "warning"
    assert "Not entered, so not judged: cond at net.py:9" in found.what
