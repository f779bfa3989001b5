"""Are the edges sorted, fine where it matters, and is every column looked at?"""

import math

import numpy as np
import pytest

from relu_jax.diagnosis import bins


@pytest.mark.parametrize("edges", [bins.PRE_EDGES, bins.LOG_EDGES, bins.MAGNITUDE_MARKS])
def test_edges_ascend(edges):
    assert np.all(np.diff(edges) > 0)


def test_pre_edges_are_symmetric_and_reach_a_thousand():
    assert np.allclose(bins.PRE_EDGES, -bins.PRE_EDGES[::-1], rtol=1e-6)
    assert bins.PRE_EDGES[-1] == pytest.approx(1e3)
    assert np.diff(bins.PRE_EDGES).min() < 0.05


@pytest.mark.parametrize("width", [1, 2, 10, 512, 1000, 768])
@pytest.mark.parametrize("rows", [1, 7, 256, 5000])
def test_a_stride_keeps_the_limit_and_meets_every_column(rows, width):
    step = bins.stride(rows * width, width)
    looked_at = np.arange(0, rows * width, step)
    assert len(looked_at) <= bins.LOOKED_AT
    assert math.gcd(step, width) == 1
    if len(looked_at) >= width:
        assert len(set((looked_at % width).tolist())) == width
