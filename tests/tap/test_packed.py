"""Are small numbers packed into bytes as NumPy packs them, and read again?"""

import jax.numpy as jnp
import numpy as np
import pytest

from relu_jax.tap import packed


@pytest.fixture
def draw():
    return np.random.default_rng(0)


@pytest.mark.parametrize("shape", [(), (1,), (8,), (3, 17), (2, 3, 16)])
@pytest.mark.parametrize("n", [1, 2, 3, 4, 5])
def test_numbers_come_back(draw, shape, n):
    number = draw.integers(0, n, shape)
    like = jnp.zeros(shape)
    planes = packed.pack([jnp.asarray(number > i) for i in range(n - 1)], n)
    assert len(planes) == packed.bits(n) == int(np.ceil(np.log2(n)))
    if n == 1:
        assert packed.unpack(planes, like) is None
        return
    np.testing.assert_array_equal(packed.unpack(planes, like), number)
    for i, plane in enumerate(planes):
        digit = np.atleast_1d(number >> i & 1).astype(np.uint8)
        np.testing.assert_array_equal(plane, np.packbits(digit, axis=-1))
