"""Do the nodes integrate what the docstrings promise, however the cuts lie?"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special

from relu_jax.theory.quadrature import (
    CUT,
    USUAL,
    error_of,
    finer,
    node_count,
    normal_rule,
    over_each,
    rule_between,
    unseen,
)

pytestmark = pytest.mark.thorough("with its neighbours it takes minutes; the examples run anyway")

RULE = jax.jit(normal_rule, static_argnames=("kinks", "nodes"))
BETWEEN = jax.jit(rule_between, static_argnames=("nodes", "levels"))

UNSEEN = jax.jit(unseen, static_argnums=(2, 3))


@pytest.fixture
def x64():
    with jax.enable_x64(True):
        yield


@pytest.mark.parametrize("kinks", [(), (0.0,), (2.0, -1.0), (50.0,)])
def test_even_moments_are_those_of_the_normal_distribution(x64, kinks):
    z, w = map(np.asarray, RULE(jnp.float64(1.5), kinks))
    for power, moment in ((0, 1), (2, 1), (4, 3), (6, 15), (8, 105)):
        np.testing.assert_allclose((w * z**power).sum(), moment, rtol=1e-14)
    for power in (1, 3, 5):
        np.testing.assert_allclose((w * z**power).sum(), 0, atol=1e-14)


def test_a_jump_at_a_cut_is_integrated_exactly_and_elsewhere_is_not(x64):
    def mass_above(kinks):
        z, w = map(np.asarray, RULE(jnp.float64(2.0), kinks))
        return w[2 * z > 3].sum()

    exact = special.ndtr(-1.5)
    np.testing.assert_allclose(mass_above((3.0,)), exact, rtol=1e-13)
    assert abs(mass_above(()) - exact) > 1e-6


def test_the_mass_between_two_cuts_is_that_of_the_normal_distribution(x64):
    z, w = map(np.asarray, BETWEEN(jnp.array([-0.5, 1.0, 2.0]), nodes=12, levels=4))
    between = w[(z > 1) & (z < 2)].sum()
    np.testing.assert_allclose(between, special.ndtr(2) - special.ndtr(1), rtol=1e-13)


def test_cuts_that_coincide_or_lie_at_the_end_cost_nothing_but_time(x64):
    for cuts in ([0.0, 0.0], [-CUT, CUT], [CUT, CUT], [-CUT, -CUT]):
        z, w = map(np.asarray, BETWEEN(jnp.array(cuts), nodes=32, levels=6))
        np.testing.assert_allclose((w * z**2).sum(), 1, rtol=1e-11)


def test_a_scale_of_zero_counts_as_one_with_finite_derivatives():
    def second(scale):
        z, w = normal_rule(scale, (0.0, 1.0))
        return jnp.sum(w * z**2)

    value, slope = jax.jit(jax.value_and_grad(second))(0.0)
    np.testing.assert_allclose(value, 1, rtol=1e-6)
    assert np.isfinite(slope)


def test_nodes_move_with_a_traced_kink():
    def mass_above(kink):
        z, w = normal_rule(jnp.float32(1.0), (kink,))
        return jnp.sum(jnp.where(z > kink, w, 0))

    slope = jax.jit(jax.grad(mass_above))(0.5)
    np.testing.assert_allclose(slope, -np.exp(-0.125) / np.sqrt(2 * np.pi), rtol=1e-5)


def test_each_element_is_computed_for_itself_in_float32_or_better():
    seen = []

    def core(q):
        seen.append(q.dtype)
        return q, {"twice": 2 * q}

    q, rest = over_each(core, jnp.ones((2, 3), jnp.bfloat16))
    assert q.shape == rest["twice"].shape == (2, 3)
    assert q.dtype == jnp.bfloat16
    assert seen == [jnp.float32]
    assert over_each(core, jnp.float32(3))[1]["twice"] == 6


@pytest.mark.parametrize("grading", [USUAL, *finer("float64")])
def test_every_grading_covers_the_line_once(x64, grading):
    z, w = map(np.asarray, normal_rule(jnp.float64(1.0), (-1.0, 2.0), 8, grading))
    np.testing.assert_allclose(w.sum(), 1, rtol=1e-12)
    np.testing.assert_allclose((w * z**2).sum(), 1, rtol=1e-11)
    assert -13 < z[0] < -12.8
    assert 12.8 < z[-1] < 13
    assert len(np.unique(z)) == z.size


def test_the_error_of_an_unresolved_wave_is_seen_at_every_frequency(x64):
    z, w = map(np.asarray, RULE(jnp.float64(1.0)))
    for frequency in (0.5, 5.0, 30.0, 60.0, 100.0, 300.0, 1000.0, 1e4):
        terms = w * np.sin(frequency * z) ** 2
        off = abs(terms.sum() + np.expm1(-2 * frequency**2) / 2)
        error = float(error_of(jnp.asarray(terms), 64))
        assert off <= error + 1e-13
        assert error < 1e-8 or frequency > 50


def test_the_error_is_a_constant_to_a_gradient():
    terms = jnp.arange(8.0)
    assert jax.grad(lambda x: error_of(x * terms, 8))(1.0) == 0


@pytest.mark.parametrize(("nodes", "kind"), [(3, ValueError), (64.0, TypeError), (True, TypeError)])
def test_a_count_of_nodes_is_checked(nodes, kind):
    with pytest.raises(kind, match="nodes"):
        node_count(nodes)


@pytest.mark.parametrize("kinks", [(), (-2.0, 1.0)])
def test_a_jump_next_to_the_end_of_a_panel_is_seen_and_one_at_a_cut_is_none(x64, kinks):
    z, w = map(np.asarray, RULE(jnp.float64(1.0), kinks))

    def hidden_by(jump):
        return np.abs(UNSEEN(w * (z > jump), z, 64, USUAL)).sum()

    ends = np.sort(z.reshape(-1, 64)[:, [0, -1]], axis=1)
    for low, high in ends[(ends[:, 0] > -3) & (ends[:, 1] < 3) & (np.diff(ends)[:, 0] > 0.05)]:
        for jump in (low - 0.5e-4 * (high - low), high + 0.5e-4 * (high - low)):
            off = abs(w[z > jump].sum() - special.ndtr(-jump))
            at_a_cut = min(abs(jump - cut) for cut in (0.0, *kinks)) < 1e-3
            assert at_a_cut or off < hidden_by(jump) < 100 * off
    for cut in (0.0, *kinks):
        assert hidden_by(cut) < 1e-14
