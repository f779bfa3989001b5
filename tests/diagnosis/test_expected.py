"""Does theory expect of a swap what it then does?"""

import math

import jax
import pytest

import relu_jax as rj
from relu_jax.diagnosis.expected import Expected, expected
from tests.diagnosis import networks

WIDTH, DEPTH = 256, 6


def measured(act):
    params = networks.start([WIDTH] * (DEPTH + 1) + [10])
    batches = networks.gaussian(256, 1, WIDTH)
    return rj.diagnose(networks.mlp_loss(act), params, batches)


@pytest.fixture(scope="module")
def of_tanh():
    return measured(jax.nn.tanh)


@pytest.mark.parametrize("name", ["relu", "gelu"])
def test_what_is_expected_of_a_swap_is_what_it_does(of_tanh, name):
    told = expected(of_tanh, dict.fromkeys(of_tanh.sites, rj.activations.get(name)))
    found = measured(getattr(jax.nn, name)).flow
    # Six layers of 256 units: chance moves each factor by about a tenth.
    assert told.forward_total == pytest.approx(found.forward_total, rel=0.2)
    assert told.backward_total == pytest.approx(found.backward_total, rel=0.2)


def test_the_same_function_is_expected_to_change_nothing(of_tanh):
    told = expected(of_tanh, dict.fromkeys(of_tanh.sites, rj.activations.get("tanh")))
    assert told.forward_total == pytest.approx(of_tanh.flow.forward_total, rel=1e-5)
    assert told.backward_total == pytest.approx(of_tanh.flow.backward_total, rel=1e-5)


def test_a_leaky_relu_is_expected_by_its_closed_form(of_tanh):
    slope = 0.5
    half = (1 + slope**2) / 2  # E f² / q, and E f′²
    q, forward, backward = of_tanh.sites["params/0"].rms_pre ** 2, [], []
    averages = rj.theory.average
    sizes = [report.rms_pre**2 for report in of_tanh.sites.values()]
    for i, of_old in enumerate(sizes):
        second, steep = averages(rj.activations.get("tanh"), of_old, "second", "slope_second")
        forward.append(half * q / float(second))
        backward.append(half / float(steep))
        q = sizes[i + 1] * forward[-1] if i + 1 < len(sizes) else q
    told = expected(
        of_tanh, dict.fromkeys(of_tanh.sites, rj.activations.get("leaky_relu", slope=slope))
    )
    wanted = of_tanh.flow.forward_total * math.sqrt(forward[-1] / forward[0])
    assert told.forward_total == pytest.approx(wanted, rel=1e-4)
    wanted = of_tanh.flow.backward_total * math.sqrt(math.prod(backward[:-1]))
    assert told.backward_total == pytest.approx(wanted, rel=1e-4)


def test_only_some_sites_are_changed(of_tanh):
    last = list(of_tanh.sites)[-1]
    told = expected(of_tanh, {last: rj.activations.get("softplus")})
    # The gradient passes the last site in both ends of the way alike: it is not in the factor.
    assert told.backward_total == pytest.approx(of_tanh.flow.backward_total, rel=1e-5)
    assert told.forward_total != pytest.approx(of_tanh.flow.forward_total, rel=0.01)


def test_nothing_is_expected_of_what_is_in_no_catalogue(of_tanh):
    assert expected(of_tanh, dict.fromkeys(of_tanh.sites, None)) == Expected(None, None)
    assert expected(of_tanh, {list(of_tanh.sites)[2]: None}) == Expected(None, None)


def test_nothing_is_expected_of_a_step_whose_slope_is_0(of_tanh):
    told = expected(of_tanh, dict.fromkeys(of_tanh.sites, rj.activations.get("heaviside")))
    assert told == Expected(None, None)
