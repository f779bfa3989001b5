"""Have simulated networks the singular values that the theory says, at every width?"""

import math
from functools import cache
from typing import NamedTuple

import numpy as np
import pytest
from scipy import special, stats

from relu_jax.activations import get
from relu_jax.theory.spectrum import (
    GAUSSIAN,
    ORTHOGONAL,
    LogNorm,
    jacobian_spectrum,
    largest_squared_singular_value,
    log_norm_law,
)
from tests import published

pytestmark = pytest.mark.thorough("with its neighbours it takes minutes; the examples run anyway")

RELU, TANH = get("relu"), get("tanh")
LAWS = {"gaussian": GAUSSIAN, "orthogonal": ORTHOGONAL}
PER_LAYER = {"gaussian": 2, "orthogonal": 1}  # relative variance that a layer of relu adds
DEPTHS = (1, 2, 4, 8)
WIDTH, NETWORKS = 400, 9
NARROW, MORE = 100, 36
every_law = pytest.mark.parametrize("law", LAWS)


class Seen(NamedTuple):
    """Hold what the eigenvalues of J Jᵀ are in several networks, one number for each."""

    trace: np.ndarray  # their mean, squared
    square: np.ndarray  # the mean of their squares
    largest: np.ndarray
    zeros: np.ndarray  # share of them
    dead: np.ndarray  # largest share of units of a layer that have the slope 0


@cache
def simulated(law: str, width: int, networks: int, name: str = "relu") -> dict[int, Seen]:
    """Draw networks of one width, and look at each at several depths."""
    rng = np.random.default_rng(width)
    rows: dict[int, list[tuple[float, ...]]] = {depth: [] for depth in DEPTHS}
    for _ in range(networks):
        jacobian, dead = np.eye(width), 0.0
        for layer in range(1, max(DEPTHS) + 1):
            w, z = rng.standard_normal((width, width)), rng.standard_normal(width)
            slope = math.sqrt(2) * (z > 0) if name == "relu" else 1 - np.tanh(z) ** 2
            jacobian = slope[:, None] * (weights(law, w) @ jacobian)
            dead = max(dead, float((slope == 0).mean()))
            if layer in rows:
                e = np.zeros(width)
                e[: (slope > 0).sum()] = np.linalg.svd(jacobian[slope > 0], compute_uv=False) ** 2
                zeros = (e < 1e-24 * e.max()).mean()
                rows[layer].append((e.mean() ** 2, (e**2).mean(), e.max(), zeros, dead))
    return {layer: Seen(*np.array(found).T) for layer, found in rows.items()}


def weights(law: str, normal: np.ndarray) -> np.ndarray:
    if law == "gaussian":
        return normal / math.sqrt(len(normal))
    q, r = np.linalg.qr(normal)
    return q * np.sign(np.diag(r))  # without the signs not all rotations are as likely


def averaged(
    law: str, width: float, depth: int, mu_1: float = 1.0, mu_2: float = 2.0
) -> tuple[float, float]:
    """Average the first two fields of `Seen` over all networks, exactly, at any width.

    B = W A Wᵀ has second moments that are linear in (tr A)² and tr A², and the slopes do not
    depend on the weights. For rotations they are those of two columns of one.
    """
    n, trace, square = width, width**2, width  # (tr A)² and tr A²
    for _ in range(depth):
        if law == "gaussian":
            same, apart, mixed = (trace + 2 * square) / n**2, trace / n**2, square / n**2
        else:
            same = (trace + 2 * square) / (n * (n + 2))
            apart = ((n + 1) * trace - 2 * square) / (n * (n - 1) * (n + 2))
            mixed = (n * square - trace) / (n * (n - 1) * (n + 2))
        # E B_ii², E B_ii B_jj and E B_ij²
        trace = n * mu_2 * same + n * (n - 1) * mu_1**2 * apart
        square = n * mu_2 * same + n * (n - 1) * mu_1**2 * mixed
    return trace / n**2, square / n


def z_score(seen: np.ndarray, expected: float) -> float:
    return abs(seen.mean() - expected) * math.sqrt(len(seen)) / seen.std(ddof=1)


def is_one_of(seen: np.ndarray, published: float) -> bool:
    """Say whether one more network could have shown this number, rounded to three digits."""
    spread = seen.std(ddof=1) * math.sqrt(1 + 1 / len(seen))
    return bool(abs(published - seen.mean()) < 5 * spread + 5e-3 * published)


def tanh_slopes() -> tuple[float, float]:
    """Average f'² and f'⁴ of tanh over a normal input."""
    z, w = np.polynomial.hermite_e.hermegauss(100)
    d = (1 - np.tanh(z) ** 2) ** 2
    return float(w @ d / w.sum()), float(w @ d**2 / w.sum())


@every_law
@pytest.mark.parametrize("depth", DEPTHS)
def test_relative_variance_of_critical_relu_is_2L_or_L(law, depth):
    found = jacobian_spectrum(RELU, depth, weight_std=math.sqrt(2), s_1=LAWS[law])
    assert float(found.relative_variance) == pytest.approx(PER_LAYER[law] * depth, rel=1e-5)
    assert float(found.mean) == pytest.approx(1, rel=1e-5)
    assert float(found.zeros) == pytest.approx(0.5, abs=1e-5)


@every_law
@pytest.mark.parametrize("depth", [1, 8])
def test_laws_are_the_limit_of_networks_of_any_width(law, depth):
    for act, std, slopes in ((RELU, 2**0.5, (1.0, 2.0)), (TANH, 1.0, tanh_slopes())):
        trace, square = averaged(law, 1e9, depth, *slopes)
        found = jacobian_spectrum(act, depth, weight_std=std, s_1=LAWS[law])
        assert float(found.mean) == pytest.approx(trace**0.5, rel=1e-5)
        assert float(found.relative_variance) == pytest.approx(square / trace - 1, rel=1e-5)


@every_law
def test_simulated_networks_have_the_averages_of_their_width(law):
    for width, networks in ((WIDTH, NETWORKS), (NARROW, MORE)):
        for depth, seen in simulated(law, width, networks).items():
            for one, expected in zip(seen[:2], averaged(law, width, depth), strict=True):
                assert z_score(one, expected) < 5, (width, depth)


@every_law
def test_simulated_networks_of_tanh_have_the_averages_of_their_width(law):
    for depth, seen in simulated(law, NARROW, MORE, "tanh").items():
        expected = averaged(law, NARROW, depth, *tanh_slopes())
        for one, exact in zip(seen[:2], expected, strict=True):
            assert z_score(one, exact) < 5, depth


@every_law
@pytest.mark.parametrize("depth", DEPTHS)
def test_published_networks_are_some_of_ours(law, depth):
    seen = simulated(law, WIDTH, NETWORKS)[depth]
    spread, largest = published.SPREAD_SEEN[law][depth], published.LARGEST_SEEN[law][depth]
    assert is_one_of(seen.square / seen.trace - 1, spread)
    assert is_one_of(seen.largest, largest)
    # Deep networks differ much from each other. These lie nearer to the laws than that.
    assert PER_LAYER[law] * depth == pytest.approx(spread, rel=0.06)
    assert 0.97 < end(law, depth) / largest < 1.14


@every_law
def test_singular_values_vanish_by_the_units_of_the_worst_layer(law):
    units = np.arange(WIDTH + 1)
    least, most = published.ZEROS_SEEN
    for depth, seen in simulated(law, WIDTH, NETWORKS).items():
        np.testing.assert_allclose(seen.zeros, seen.dead, atol=1e-12)
        # E max = Σ P(max > k), over the binomial counts of all layers
        expected = (1 - stats.binom.cdf(units, WIDTH, 0.5) ** depth).sum() / WIDTH
        assert z_score(seen.zeros, expected) < 5
        assert published.around(least)[0] <= expected <= published.around(most)[1]


def end(law: str, depth: int) -> float:
    return float(largest_squared_singular_value(RELU, depth, weight_std=2**0.5, s_1=LAWS[law]))


@every_law
@pytest.mark.parametrize("depth", DEPTHS)
def test_upper_end_of_relu_has_closed_forms(law, depth):
    # m = ½ / (x - 1) for slopes of 0 and 1: 2 x m = 2 m + 1, in (1 + m) / m · (2 m + 1)^L for
    # Gaussian weights, and (1 + m) / m · ((2 m + 1) / (1 + m))^L for orthogonal ones.
    m = np.geomspace(1e-2, 1e5, 200_001)
    factor = 2 * m + 1 if law == "gaussian" else (2 * m + 1) / (1 + m)
    expected = ((1 + m) / m * factor**depth).min()
    assert end(law, depth) == pytest.approx(expected, rel=1e-3)
    if (law, depth) == ("gaussian", 1):
        assert expected == pytest.approx(3 + 2 * math.sqrt(2), rel=1e-8)


@every_law
@pytest.mark.parametrize("depth", DEPTHS)
def test_largest_values_of_simulated_networks_tend_to_the_upper_end(law, depth):
    # What is missing at width n shrinks as n^(-2/3): two widths tell where it goes.
    narrow, wide = (
        (one := simulated(law, *size)[depth]).largest / one.trace**0.5
        for size in ((NARROW, MORE), (WIDTH, NETWORKS))
    )
    ratio = (WIDTH / NARROW) ** (2 / 3)
    limit = (ratio * wide.mean() - narrow.mean()) / (ratio - 1)
    errors = [one.std(ddof=1) / math.sqrt(len(one)) for one in (narrow, wide)]
    error = math.hypot(errors[0], ratio * errors[1]) / (ratio - 1)
    assert abs(limit - end(law, depth)) < 5 * error


def exact_log_norm(width: int, depth: int) -> LogNorm:
    """Find mean and variance of ln ‖h_L‖² at any width.

    A layer multiplies ‖h‖² by 2/n times χ² of as many degrees as units are on, of n tossed.
    """
    on = np.arange(1, width + 1)
    chance = stats.binom.pmf(on, width, 0.5)
    chance /= chance.sum()
    gain = special.digamma(on / 2) + math.log(4 / width)
    mean = chance @ gain
    return LogNorm(
        depth * mean, depth * (chance @ (special.polygamma(1, on / 2) + gain**2) - mean**2)
    )


def test_law_of_norms_is_right_to_the_second_order_in_the_width():
    for width, depth in ((50, 10), (100, 40), (800, 3)):
        law, exact = log_norm_law([width] * depth), exact_log_norm(width, depth)
        assert law == (pytest.approx(-2.5 * depth / width), pytest.approx(5 * depth / width))
        assert abs(law.mean - exact.mean) < 5 * depth / width**2
        assert abs(law.variance - exact.variance) < 21 * depth / width**2
    assert log_norm_law([50, 100]).variance == pytest.approx(5 / 50 + 5 / 100)


@pytest.mark.parametrize(("width", "depth"), published.LOG_NORM_SEEN)
def test_norms_of_finite_networks_have_the_published_law(width, depth):
    networks = 100_000 // width
    rng = np.random.default_rng(0)
    h = np.ones((networks, width, 1), np.float32)
    for _ in range(depth):
        w = rng.standard_normal((networks, width, width), dtype=np.float32)
        h = np.maximum(math.sqrt(2 / width) * (w @ h), 0)
    gained = np.log((h[..., 0].astype(np.float64) ** 2).mean(1))
    exact = exact_log_norm(width, depth)
    assert abs(gained.mean() - exact.mean) < 5 * math.sqrt(exact.variance / networks)
    assert abs(gained.var(ddof=1) - exact.variance) < 5 * exact.variance * math.sqrt(2 / networks)
    # What is published was seen in networks of a number that is not told.
    variance, mean = published.LOG_NORM_SEEN[width, depth]
    assert variance == pytest.approx(exact.variance, rel=0.03)
    assert mean is None or mean == pytest.approx(exact.mean, rel=0.12)
