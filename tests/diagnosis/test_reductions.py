"""Are several sums over samples those of NumPy, of every layout, and are counts exact?"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from relu_jax.diagnosis import reductions
from tests.diagnosis import made

LAYOUTS = {
    "wide rows, by eights": ((64, 256), (1,)),
    "wide rows, by sevens": ((7, 3, 300), (2,)),
    "a prime number of wide rows": ((17, 256), (1,)),
    "one wide row": ((1, 256), (1,)),
    "two axes of units": ((6, 20, 16), (1, 2)),
    "few units": ((6, 5, 4, 3), (3,)),
    "few units, many positions": ((4, 28, 28, 3), (3,)),
    "one unit": ((5000, 1), (1,)),
    "units in front": ((300, 40), (0,)),
    "units between": ((4, 300, 5), (1,)),
    "no units": ((5, 7), ()),
    "nothing but units": ((300,), (0,)),
}


@pytest.mark.parametrize(("shape", "unit_axes"), LAYOUTS.values(), ids=LAYOUTS)
def test_sums_and_counts_are_those_of_numpy(shape, unit_axes):
    site = made.site(shape=shape, unit_axes=unit_axes)
    x = np.random.default_rng(0).standard_normal(shape).astype(np.float32)

    @jax.jit
    def run(x):
        return reductions.summed(site, [x, jnp.square(x)], [x > 0, x > 1])

    values, counts = run(x)
    axes = tuple(axis for axis in range(x.ndim) if axis not in unit_axes)
    assert reductions.sample_axes(site, x.ndim) == axes
    n = reductions.samples(site, shape)
    assert n == np.prod([shape[axis] for axis in axes])
    for got, want in zip(values, (x, x**2), strict=True):
        np.testing.assert_allclose(
            got, want.astype(np.float64).sum(axis=axes), rtol=1e-5, atol=1e-5
        )
    for got, want in zip(counts, (x > 0, x > 1), strict=True):
        np.testing.assert_array_equal(got, want.sum(axis=axes))


@pytest.mark.parametrize("shape", [(2**24 + 8, 1), (2**16, 2**9)])
def test_more_samples_than_float32_counts_are_counted_in_integers(shape):
    site = made.site(shape=shape, unit_axes=(1,))
    x = jax.ShapeDtypeStruct(shape, jnp.float32)
    _, (count,) = jax.eval_shape(lambda x: reductions.summed(site, [x], [x > 0]), x)
    assert (count.dtype, count.shape) == (jnp.int32 if shape[0] > 2**24 else jnp.float32, shape[1:])


@pytest.mark.parametrize("on", [True, False])
def test_what_is_not_asked_for_is_not_measured(on):
    def measured():
        return {"a": jnp.ones(2), "b": jnp.int32(3)}

    for asked in (jnp.bool_(on), on) if on else (jnp.bool_(on),):
        got = reductions.where(asked, measured)
        assert (got["a"].tolist(), int(got["b"])) == (([1, 1], 3) if on else ([0, 0], 0))
    kept = jax.jit(lambda on: reductions.where(on, lambda: jnp.ones(2), np.nan))(on)
    assert np.isnan(kept).all() != on
