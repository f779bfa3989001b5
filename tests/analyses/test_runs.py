"""Is every point computed once, in order, and nothing of what fills the last run up?"""

import numpy as np
import pytest

from relu_jax.analyses.runs import in_runs


@pytest.mark.parametrize("points", [1, 3, 4, 9])
def test_points_come_back_in_order(points):
    sizes = []

    def run(a, b):
        sizes.append(len(a))
        return [a + b, a[:, None] * b[:, None]]

    a, b = np.arange(points), np.arange(points) * 10
    total, product = in_runs(run, [a, b], size=4)
    assert total.tolist() == (a + b).tolist()
    assert product.ravel().tolist() == (a * b).tolist()
    assert set(sizes) == {4}
    assert len(sizes) == -(-points // 4)
