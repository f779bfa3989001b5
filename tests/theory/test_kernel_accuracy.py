"""Is a kernel that its nodes do not resolve refused, or NaN where it is traced?"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from relu_jax.activations import CATALOGUE, Activation, get
from relu_jax.theory import correlation_map, dual, dual_slope, mean_field, nngp, ntk, trajectory

pytestmark = pytest.mark.thorough("with its neighbours it takes minutes; the examples run anyway")

FAST = Activation("fast", lambda x: jnp.sin(40 * x), "sin(40 x)", "test")
X = jnp.asarray(np.random.default_rng(0).standard_normal((3, 4)), jnp.float32)
RHO = np.array([-1.0, 0.0, 0.7, 0.999, 1.0])


@pytest.fixture
def _x64():
    with jax.enable_x64(True):
        yield


def jump(x):
    return jnp.sign(x - 0.3)


def wave(frequency):
    return lambda x: jnp.sin(frequency * x)


def of_waves(frequency, q1, q2, c):
    """E sin(a u) sin(a v) is the difference of two characteristic functions, halved."""
    same, other = (np.exp(-(frequency**2) * (q1 + q2 + sign * 2 * c) / 2) for sign in (-1, 1))
    return (same - other) / 2


def test_a_jump_that_is_not_named_is_refused():
    with pytest.raises(
        ValueError,
        match=r"accurate to 0\.00012 of E \|f.*function jump at.*; name the kinks, raise",
    ):
        dual(jump, 1.0, 1.0, 0.5)
    named = dual(jump, 1.0, 1.0, 0.5, kinks=(0.3,))
    unnamed = dual(jump, 1.0, 1.0, 0.5, rtol=1.0)
    assert float(named) == pytest.approx(float(unnamed), rel=1e-2)


def test_where_it_is_traced_it_is_nan_with_its_derivative():
    value, slope = jax.jit(jax.value_and_grad(lambda c: dual(jump, 1.0, 1.0, c)))(0.5)
    assert np.isnan(value)
    assert np.isnan(slope)
    fine = jax.jit(lambda c: dual(jump, 1.0, 1.0, c, kinks=(0.3,)))(0.5)
    assert np.isfinite(fine)


def test_the_place_of_the_worst_is_told():
    q = jnp.float32([1e-6, 4.0])
    with pytest.raises(ValueError, match=r"for function .* at variances 4 and 4 and covariance 1"):
        dual(wave(30.0), q, q, q / 4)


@pytest.mark.usefixtures("_x64")
@pytest.mark.parametrize("rtol", [1e-9, 1e-4, 0.1])
@pytest.mark.parametrize("frequency", [1.0, 3.0, 6.0, 12.0, 25.0, 50.0])
def test_what_is_let_pass_is_accurate(frequency, rtol):
    if frequency == 50 and rtol < 0.1:
        with pytest.raises(ValueError, match="accurate to"):
            dual(wave(frequency), 1.0, 1.0, RHO, rtol=rtol)
        return
    found = dual(wave(frequency), 1.0, 1.0, RHO, rtol=rtol)
    # A share of E |sin(a u) sin(a v)|, which is at most E sin(a u)².
    most = rtol * of_waves(frequency, 1.0, 1.0, 1.0)
    assert abs(np.asarray(found) - of_waves(frequency, 1.0, 1.0, RHO)).max() <= most


@pytest.mark.parametrize("kernel", [dual, dual_slope])
def test_the_catalogue_is_within_the_accuracy_in_single_precision(kernel):
    refused = set()
    for act in (*CATALOGUE[::4], get("soft_clipping"), get("lif_rate")):
        try:
            found = kernel(act, 1.0, 2.0, 0.7)
        except ValueError:
            refused.add(act.name)
        else:
            assert np.isfinite(found), act.name
    # The slope of a firing rate is infinite at its threshold, and E f'(u) f'(v) nearly so.
    assert refused == ({"lif_rate"} if kernel is dual_slope else set())


@pytest.mark.parametrize("kernel", [nngp, ntk])
def test_networks_of_what_is_not_resolved_are_refused(kernel):
    with pytest.raises(ValueError, match=r"got fast, whose averages are not"):
        kernel(FAST, X, depth=1, weight_std=3.0)
    traced = jax.jit(lambda x: kernel(FAST, x, depth=1, weight_std=3.0))(X)
    assert np.isnan(traced).any()
    holes = kernel(get("tanh"), X.at[0, 0].set(jnp.nan), depth=1, weight_std=1.0)
    assert np.isnan(holes[0]).all()
    assert np.isfinite(holes[1:, 1:]).all()


def test_more_nodes_take_over_where_nothing_is_traced():
    act = get("soft_clipping")
    kernel = ntk(act, X, depth=2, weight_std=1.0)
    assert np.isnan(jax.jit(lambda x: ntk(act, x, depth=2, weight_std=1.0))(X)).any()
    few, many = (dual(act, 1.0, 1.0, 0.5, rtol=0.1, nodes=nodes) for nodes in (12, 96))
    assert float(dual(act, 1.0, 1.0, 0.5)) == pytest.approx(float(many), rel=1e-6)
    assert float(few) == pytest.approx(float(many), rel=1e-4)
    # The layers are the maps: K' = E f(u) f(v), and Θ' = K' + Θ E f'(u) f'(v).
    inner = X[0] @ X[1] / 4
    q = [float(x @ x / 4) for x in X[:2]]
    theta = inner
    for _ in range(2):
        k, slope = dual(act, *q, inner), dual_slope(act, *q, inner)
        q = [float(dual(act, v, v, v)) for v in q]
        inner, theta = k, k + theta * slope
    assert float(kernel[0, 1]) == pytest.approx(float(theta), rel=1e-4)


def test_a_path_or_a_fixed_point_of_what_needs_more_nodes_is_found():
    act = get("soft_clipping")
    path = trajectory(act, 60, weight_std=3.0, bias_std=0.3)
    found = mean_field(act, weight_std=3.0, bias_std=0.3)
    assert float(path.q[-1]) == pytest.approx(float(found.q), rel=1e-4)
    assert float(path.c[-1]) == pytest.approx(float(found.c), rel=1e-4)


def test_a_path_that_overflows_is_nan_from_there_on():
    path = trajectory(get("relu"), 40, weight_std=20.0)
    assert np.isfinite(path.q[:16]).all()
    assert np.isnan(path.q[-1])
    assert np.isnan(path.c[-1])


def test_a_path_that_vanishes_is_no_fault_of_the_nodes():
    path = trajectory(get("tanh"), 120, weight_std=0.3)
    assert np.nanmin(path.q) < 1e-30
    assert np.isfinite(path.c[:30]).all()
    still = trajectory(get("relu"), 3, weight_std=0.0)
    assert still.q.tolist() == [1, 0, 0, 0]
    assert np.isnan(still.c[1:]).all()


def test_networks_with_a_closed_form_overflow_without_a_refusal():
    assert not np.isfinite(nngp(get("relu"), X, depth=20, weight_std=30.0)).all()
    with pytest.raises(ValueError, match=r"keep the variance from overflowing"):
        nngp(get("gelu"), X, depth=20, weight_std=30.0)


@pytest.mark.parametrize("rtol", [jnp.array([1e-3]), "traced"])
def test_a_tolerance_is_one_known_number(rtol):
    def loss(rtol):
        return dual(get("tanh"), 1.0, 1.0, 0.5, rtol=rtol)

    run = jax.jit(loss) if isinstance(rtol, str) else loss
    with pytest.raises(TypeError, match="rtol is one number, known before it runs; got"):
        run(1e-3 if isinstance(rtol, str) else rtol)


def test_an_infinite_variance_is_refused():
    with pytest.raises(ValueError, match=r"q1 and q2 are finite variances.*got q1 from inf"):
        dual(get("relu"), np.inf, np.inf, 1.0)


def test_correlations_behind_what_is_not_resolved_are_nan_or_refused():
    with pytest.raises(ValueError, match="accurate"):
        correlation_map(FAST, 0.3, q=4.0, weight_std=1.0)
    with pytest.raises(ValueError, match="fast, whose averages are not"):
        trajectory(FAST, 3, weight_std=3.0, bias_std=0.5)
    with pytest.raises(ValueError, match=r"accurate|averages"):
        mean_field(FAST, weight_std=3.0, bias_std=0.5)
