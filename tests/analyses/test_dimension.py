"""Is the dimension of a code that of the sheet its samples were drawn from?"""

import numpy as np
import pytest

from relu_jax.analyses import dimension


@pytest.fixture
def draw():
    return np.random.default_rng(0)


def in_space(low, wide=20):
    """Turn samples of few dimensions into many units."""
    return low @ np.linalg.qr(np.random.default_rng(1).normal(size=(wide, wide)))[0][: low.shape[1]]


@pytest.mark.parametrize("d", [1, 2, 5])
def test_a_flat_sheet_has_its_dimension(draw, d):
    found = dimension(in_space(draw.uniform(size=(1500, d))))
    assert found.low < d < found.high + 0.25 * (d > 2)  # the edges lower it
    assert found.rank == d
    assert found.participation == pytest.approx(d, rel=0.05)
    assert (found.n, found.units, found.used, found.copies) == (1500, 20, 1500, 0)


def test_a_curved_sheet_is_flat_for_its_neighbours_alone(draw):
    angle = draw.uniform(0, 2 * np.pi, size=(1500, 2))
    torus = np.concatenate([np.cos(angle), np.sin(angle)], axis=1)
    found = dimension(in_space(torus))
    assert found.low < 2 < found.high
    assert found.rank == 4
    assert found.participation == pytest.approx(4, rel=0.05)


def test_the_participation_ratio_is_that_of_the_covariance(draw):
    x = draw.normal(size=(50, 6)) * [1, 2, 3, 4, 0.1, 0.0]
    values = np.linalg.eigvalsh(np.cov(x.T))
    expected = values.sum() ** 2 / (values**2).sum()
    assert dimension(x).participation == pytest.approx(expected, rel=1e-9)
    assert dimension(1e200 * x + 1e200).rank == 5
    assert dimension(x).rank == 5


def test_neighbours_are_those_found_one_by_one(draw):
    x = draw.normal(size=(700, 3))
    logs = []
    for i, row in enumerate(x):
        away = np.sort(np.linalg.norm(np.delete(x, i, 0) - row, axis=1))
        logs.append(np.log(away[1] / away[0]))
    expected = (len(x) - 1) / np.sum(logs)
    assert dimension(x).neighbours == pytest.approx(expected, rel=1e-9)


def test_copies_are_told_and_left_out(draw):
    x = draw.normal(size=(100, 3))
    found = dimension(np.concatenate([x, x[:10]]))
    assert (found.copies, found.used) == (10, 100)
    assert found.neighbours == pytest.approx(dimension(x).neighbours)


def test_what_never_varies_has_no_dimension():
    found = dimension(np.ones((5, 3)))
    assert (found.rank, found.copies, found.used) == (0, 4, 0)
    assert np.isnan([found.participation, found.neighbours, found.low, found.high]).all()


def test_a_grid_has_no_ratios_to_tell_of():
    found = dimension(np.stack(np.meshgrid(*[np.arange(5.0)] * 2), axis=-1).reshape(-1, 2))
    assert found.used < 2
    assert np.isnan(found.neighbours)


@pytest.mark.parametrize(
    ("code", "told"),
    [(np.ones(3), "N, H"), (np.ones((1, 3)), "two samples"), (np.ones((3, 0)), "one unit"),
     (np.array([[1.0], [np.inf]]), "1 of 2 values")],
)  # fmt: skip
def test_what_is_no_code_is_refused(code, told):
    with pytest.raises(ValueError, match=told):
        dimension(code)
