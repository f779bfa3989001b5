"""Is an activation looked at in float64, on both sides of every kink?"""

from itertools import pairwise

import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate, stats

from relu_jax.activations import CATALOGUE, Activation, crelu, get, softmax
from relu_jax.activations.curves import curve, evaluate, grid, normal_nodes, pieces

pytestmark = pytest.mark.thorough("with its neighbours it takes minutes; the examples run anyway")


def test_values_are_those_of_float64():
    x = np.linspace(-3, 3, 7)
    exact = np.stack([np.tanh(x), 1 / np.cosh(x) ** 2, -2 * np.tanh(x) / np.cosh(x) ** 2])
    np.testing.assert_allclose(evaluate(get("tanh"), x), exact, rtol=1e-14, atol=1e-15)


def test_any_number_of_points_is_evaluated():
    for n in (0, 1, 8192, 8193):
        assert evaluate(get("relu"), np.full(n, 2.0)).shape == (3, n)


def test_the_second_derivative_is_left_out_where_it_is_not_wanted():
    x = np.linspace(-3, 3, 7)
    np.testing.assert_array_equal(evaluate(get("tanh"), x, highest=1), evaluate(get("tanh"), x)[:2])
    assert (curve(get("tanh"), highest=1).highest, curve(get("tanh")).highest) == (1, 2)


def test_a_grid_has_both_sides_of_a_kink_however_far_out():
    x = grid((0.25, 300.0))
    assert np.isin([0.25, 300.0, 300.0 * (1 - 1e-12), 0.25 + 1e-12], x).all()
    assert x.max() >= 1e6


def test_sides_of_a_jump_are_told_apart():
    step = Activation(
        "step", lambda x: jnp.where(x > 3, 1.0, 0.0).astype(x.dtype), "", "", kinks=(3.0,),
        slope_at_kinks=(0.0,),
    )  # fmt: skip
    np.testing.assert_array_equal(curve(step).near(3.0, 1e-12)[0], [0, 1])


def test_points_at_a_kink_are_no_part_of_a_derivative():
    seen = curve(get("leaky_relu"))
    assert 0.0 in seen.order(0)[0]
    assert 0.0 not in seen.order(1)[0]


@pytest.mark.parametrize(("kinks", "variance"), [((), 1.0), ((0.7,), 4.0), ((0.0, 6.0), 0.25)])
def test_nodes_average_what_bends_at_the_kinks(kinks, variance):
    def f(x):
        return sum((np.maximum(x - k, 0) for k in kinks), np.tanh(x))

    normal = stats.norm(scale=np.sqrt(variance))
    ends = [-40.0, 0.0, *sorted(k for k in kinks if k), 40.0]
    exact = sum(
        integrate.quad(lambda x: f(x) * normal.pdf(x), a, b, epsabs=1e-13)[0]
        for a, b in pairwise(ends)
    )
    x, w = normal_nodes(kinks, variance)
    assert (w * f(x)).sum() == pytest.approx(exact, abs=1e-11)


def test_pieces_for_a_drawing_end_beside_the_kinks():
    left, right = pieces(get("leaky_relu", slope=0.25), -2.0, 2.0)
    assert left[0, 0] == pytest.approx(-2)
    assert left[0, -1] < 0 < right[0, 0]
    assert set(left[2]) == {0.25}
    assert set(right[2]) == {1.0}


def test_kinks_of_the_catalogue_stand_in_the_curve():
    act = next(act for act in CATALOGUE if len(act.kinks) == 2)
    seen = curve(act)
    assert tuple(seen.x[seen.kinked]) == act.kinks


@pytest.mark.parametrize(
    ("fn", "got"),
    [
        (softmax, "value at one x depends on the others"),
        (jnp.cumsum, "value at one x depends on the others"),
        (lambda x: jnp.cumsum(x[::-1])[::-1], "value at one x depends on the others"),
        (lambda x: x - jnp.mean(x), "value at one x depends on the others"),
        (crelu, r"gives shape \(8,\) for \(4,\)"),
        (jnp.sum, r"gives shape \(\) for \(4,\)"),
    ],
)
def test_a_function_that_is_not_elementwise_is_refused(fn, got):
    act = Activation("thing", fn, "", "made up")
    with pytest.raises(ValueError, match=rf"card is of an elementwise .*; got thing, .*{got}; for"):
        curve(act)
