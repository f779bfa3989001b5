"""Phases, scales and fixed points equal published numbers, closed forms and iterations."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from relu_jax.activations import get
from relu_jax.theory.mean_field import (
    CHAOTIC,
    CRITICAL,
    ORDERED,
    MeanField,
    chi_1,
    depth_scale,
    mean_field,
    phase_diagram,
)
from tests import published
from tests.theory.compiling import compilations

pytestmark = pytest.mark.thorough("quadratures in the plane, wide networks: minutes")

TANH, RELU = get("tanh"), get("relu")
CHAOS = {"weight_std": 1.6, "bias_std": 0.3}
# bias_std² -> weight_std² at which tanh is critical
TANH_EDGE = {bias: float(weight) for bias, weight in published.TANH_EDGE.items()}
CHAOS_ROW, STEP = len(TANH_EDGE), 0.01
Z, W = np.polynomial.hermite_e.hermegauss(100)
W = W / W.sum()


def tanh_step(q: float, c: float, weight_std: float, bias_std: float) -> tuple[float, float]:
    u, v = np.meshgrid(Z, Z, indexing="ij")
    pair = np.tanh(math.sqrt(q) * u) * np.tanh(math.sqrt(q) * (c * u + math.sqrt(1 - c * c) * v))
    covariance = weight_std**2 * float((W[:, None] * W * pair).sum()) + bias_std**2
    return weight_std**2 * float(W @ np.tanh(math.sqrt(q) * Z) ** 2) + bias_std**2, covariance


@pytest.fixture(scope="module")
def chaos() -> list[tuple[float, float]]:
    """Iterate both maps, far beyond all scales."""
    path = [(1.0, 0.2)]
    for _ in range(150):
        q, covariance = tanh_step(*path[-1], **CHAOS)
        path.append((q, covariance / tanh_step(path[-1][0], 0.0, **CHAOS)[0]))
    return path


@pytest.fixture(scope="module")
def tanh() -> tuple[list[MeanField], np.ndarray]:
    """Compute all cases of tanh, and their derivatives in weight_std, as one program.

    The edge comes first, then chaos, its neighbours, a small bias, order and no bias.
    """
    wider = CHAOS["weight_std"] + np.array([0, -STEP, STEP])
    weight = [*np.sqrt(list(TANH_EDGE.values())), *wider, 1.6, 1.0, 2.0]
    bias = [*np.sqrt(list(TANH_EDGE)), *[CHAOS["bias_std"]] * 3, 1e-3, 0.3, 0.0]

    def case(w, b):
        fields = jax.tree.map(lambda x: x * 1.0, mean_field(TANH, weight_std=w, bias_std=b))
        return jnp.stack(fields)

    both = jax.jit(jax.vmap(lambda w, b: jax.jvp(case, (w, b), (jnp.ones_like(w), 0 * b))))
    values, slopes = (np.asarray(x) for x in both(jnp.float32(weight), jnp.float32(bias)))
    return [MeanField(*row) for row in values], slopes


def test_tanh_is_critical_at_the_published_pairs(tanh):
    for found in tanh[0][: len(TANH_EDGE)]:
        assert float(found.chi_1) == pytest.approx(1, abs=5e-5)
    assert float(tanh[0][2].q) == pytest.approx(0.570, abs=5e-4)


def test_chaotic_signals_settle_where_an_iteration_does(tanh, chaos):
    found = tanh[0][CHAOS_ROW]
    assert found.phase == CHAOTIC
    assert found.q == pytest.approx(chaos[-1][0], rel=2e-5)
    assert found.c == pytest.approx(chaos[-1][1], rel=2e-5)


def test_scales_are_those_of_the_iteration(tanh, chaos):
    q, c = (np.array(values) for values in zip(*chaos, strict=True))
    for values, scale, early, late in (
        (q, tanh[0][CHAOS_ROW].xi_q, 6, 9),
        (c, tanh[0][CHAOS_ROW].xi_c, 30, 60),
    ):
        left = np.log(np.abs(values[[early, late]] - values[-1]))
        rate = (left[1] - left[0]) / (late - early)
        assert scale == pytest.approx(-1 / rate, rel=2e-2)


def test_chi_1_equals_the_slope_of_the_correlation_map(tanh, chaos):
    q, gap = chaos[-1][0], 1e-6
    following, covariance = tanh_step(q, 1 - gap, **CHAOS)
    assert tanh[0][CHAOS_ROW].chi_1 == pytest.approx((1 - covariance / following) / gap, rel=1e-4)


def test_ordered_signals_all_become_one(tanh):
    found = tanh[0][-2]
    assert (found.phase, found.c) == (ORDERED, 1)
    assert found.xi_c == pytest.approx(-1 / math.log(found.chi_1), rel=1e-5)


def test_orthogonal_signals_stay_orthogonal_in_chaos_of_an_odd_function(tanh):
    assert tanh[0][-1].phase == CHAOTIC
    assert tanh[0][-1].c < 1e-6


def test_everything_is_differentiated_as_differences_say(tanh):
    values, slopes = tanh
    lower, higher = (np.array(values[CHAOS_ROW + k]) for k in (1, 2))
    np.testing.assert_allclose(slopes[CHAOS_ROW], (higher - lower) / (2 * STEP), rtol=5e-3)


def test_a_small_correlation_has_a_derivative_too(tanh):
    # By differences of the same search in float64. In float32 c, of 1.4e-5, is off by 2 %.
    assert float(tanh[1][CHAOS_ROW + 3][5]) == pytest.approx(-5.83e-5, rel=0.05)


def test_relu_is_solved_exactly():
    found = mean_field(RELU, weight_std=1.2, bias_std=0.7)
    assert float(found.q) == pytest.approx(0.49 / 0.28, rel=2e-5)
    assert float(found.chi_1) == pytest.approx(0.72, rel=1e-5)
    assert float(found.xi_q) == pytest.approx(-1 / math.log(0.72), rel=1e-4)
    assert float(found.xi_c) == pytest.approx(-1 / math.log(0.72), rel=1e-4)


def test_critical_relu_keeps_any_variance():
    found = mean_field(RELU, weight_std=math.sqrt(2), start=3.0)
    assert (int(found.phase), float(found.q), float(found.c)) == (CRITICAL, 3, 1)
    assert (float(found.xi_q), float(found.xi_c)) == (math.inf, math.inf)


def test_vanishing_relu_still_turns_all_signals_to_one_slowly():
    # Size and angle part: the angle of a relu network does not depend on weight_std.
    found = mean_field(RELU, weight_std=1.0)
    assert (int(found.phase), float(found.q), float(found.c)) == (ORDERED, 0, 1)
    assert float(found.xi_c) == math.inf
    assert float(found.xi_q) == pytest.approx(1 / math.log(2), rel=1e-4)


def test_chi_1_of_a_linear_network_is_the_variance_of_its_weights():
    np.testing.assert_allclose(
        chi_1(get("identity"), jnp.array([0.5, 2.0]), weight_std=1.5), 2.25, rtol=1e-5
    )


def test_depth_scale_at_its_edges():
    assert depth_scale(0.0) == 0
    assert depth_scale(1 + 1e-6) == math.inf
    assert float(depth_scale(math.e)) == pytest.approx(-1, rel=1e-6)
    assert float(depth_scale(-1 / math.e)) == pytest.approx(1, rel=1e-6)


def test_phase_diagram_of_tanh_has_its_edge_at_the_published_pairs():
    bias = np.sqrt(list(TANH_EDGE))
    for side, phase in ((0.99, ORDERED), (1.01, CHAOTIC)):
        weight = side * np.sqrt(list(TANH_EDGE.values()))
        found = phase_diagram(TANH, jnp.float32(weight), jnp.float32(bias))
        assert (np.diag(found.phase) == phase).all()
    assert found.q.shape == (5, 5)


def test_phase_diagram_agrees_with_mean_field_and_marks_growth():
    weight, bias = jnp.array([1.2, 1.5]), jnp.array([0.0, 0.7])
    found = phase_diagram(RELU, weight, bias)
    np.testing.assert_allclose(found.q, [[0, 1.75], [np.inf, np.inf]], rtol=2e-5)
    np.testing.assert_allclose(found.chi_1, [[0.72] * 2, [1.125] * 2], rtol=1e-5)
    assert found.phase.tolist() == [[ORDERED, ORDERED], [CHAOTIC, CHAOTIC]]


def test_start_decides_between_two_fixed_points():
    # At the pair that is critical for q = 1, that q itself is unstable.
    pair = jnp.float32([2.1937**0.5]), jnp.float32([0.0672**0.5])
    starts = jnp.array([0.9, 1.2])
    found = jax.vmap(lambda start: phase_diagram(get("gelu"), *pair, start=start).q)(starts)
    np.testing.assert_allclose(found.ravel(), [0.2528, np.inf], rtol=2e-3)


def test_growth_without_end_is_inf_where_traced_and_refused_elsewhere():
    assert jax.jit(lambda s: mean_field(RELU, weight_std=s).q)(1.5) == math.inf
    with pytest.raises(
        ValueError, match=r"fixed point to settle at; got relu with weight_std=1\.5.*critical_init"
    ):
        mean_field(RELU, weight_std=1.5)


def test_bad_input_is_answered():
    with pytest.raises(ValueError, match=r"the first variance is finite and above 0; got 0\.0"):
        mean_field(TANH, weight_std=1.0, start=0.0)
    with pytest.raises(ValueError, match=r"weight_std is finite and at least 0; got -1\.0"):
        mean_field(TANH, weight_std=-1.0)
    with pytest.raises(ValueError, match=r"weight_std is one number; got float32 array .*vmap"):
        mean_field(TANH, weight_std=jnp.ones(2))
    with pytest.raises(ValueError, match=r"one axis of weight_stds .*; got shapes \(\) and \(2,\)"):
        phase_diagram(TANH, 1.0, jnp.ones(2))
    with pytest.raises(TypeError, match="the parameters of tanh are none; got slope"):
        mean_field(TANH, weight_std=1.0, params={"slope": 1.0})


def test_a_fast_wave_is_settled_by_its_closed_form():
    # V(q) = w²(1 - e^(-2a²q))/2 saturates at w²/2, and χ₁ = w² a² (1 + e^(-2a²q))/2
    found = mean_field(get("sine", frequency=300.0), weight_std=1.4)
    np.testing.assert_allclose(found.q, 0.98, rtol=1e-5)
    np.testing.assert_allclose(found.chi_1, 0.98 * 300**2, rtol=1e-5)


def test_a_step_parts_all_signals_as_its_closed_form_says():
    # With σ_w = 0.8 and V = σ_w² + σ_b²: C(c) = (σ_w² 2/π arcsin c + σ_b²) / V
    for bias in (0.3, 0.0):
        w2, total = 0.64, 0.64 + bias**2
        c = 0.0
        for _ in range(200):
            c = (w2 * 2 / math.pi * math.asin(c) + bias**2) / total
        rate = w2 * 2 / math.pi / math.sqrt(1 - c**2) / total
        found = mean_field(get("sign"), weight_std=0.8, bias_std=bias)
        assert (int(found.phase), float(found.chi_1)) == (CHAOTIC, math.inf)
        assert float(found.c) == pytest.approx(c, rel=1e-5, abs=1e-6)
        assert float(found.xi_c) == pytest.approx(-1 / math.log(rate), rel=1e-5)
    assert chi_1(get("sign"), weight_std=0.8) == math.inf
    assert phase_diagram(get("sign"), jnp.ones(1), jnp.zeros(1)).phase == CHAOTIC


def test_a_jump_away_from_0_parts_signals_as_adaptive_quadrature_says():
    # SciPy's brentq and quad over both signals at these deviations.
    found = mean_field(get("threshold"), weight_std=1.2, bias_std=0.6)
    expected = (0.74789537, 0.85495576, 2.37787735)
    np.testing.assert_allclose((found.q, found.c, found.xi_c), expected, rtol=2e-5)
    assert found.phase == CHAOTIC


def test_weights_of_0_pass_no_jump_on():
    assert chi_1(get("sign"), weight_std=0.0) == 0


def test_a_signal_that_is_lost_at_once_has_no_correlation():
    found = mean_field(get("soft_shrink"), weight_std=0.8)
    assert float(found.q) == 0
    assert np.isnan([float(found.c), float(found.xi_c)]).all()


def test_a_diagram_is_compiled_once():
    weight, other, bias = jnp.array([0.5, 1.0]), jnp.array([0.7, 1.3]), jnp.array([0.1])
    phase_diagram(TANH, weight, bias)
    with compilations() as compiled:
        phase_diagram(TANH, other, bias, start=2.0)
    assert compiled == []


def test_averages_out_of_reach_are_refused():
    with pytest.raises(ValueError, match="got snake, whose averages are not, at a variance that"):
        mean_field(get("snake", frequency=1e5), weight_std=0.5, bias_std=1.0)
