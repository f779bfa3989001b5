"""Are units columns and samples rows, whatever the layout of the network?"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from relu_jax import tap
from relu_jax.analyses import of_site


def _seen(f, *args):
    (site,) = tap.sites(f, *args)
    return site, tap.record(f)(*args)[1][site.id]


def test_channels_are_units_in_either_layout():
    x = jax.random.normal(jax.random.key(0), (2, 6, 6, 3))
    k = jax.random.normal(jax.random.key(1), (3, 3, 3, 4))

    def last(k, x):
        return jnp.tanh(
            lax.conv_general_dilated(
                x, k, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
            )
        )

    def first(k, x):
        return jnp.tanh(
            lax.conv_general_dilated(
                jnp.moveaxis(x, 3, 1), k, (1, 1), "SAME", dimension_numbers=("NCHW", "HWIO", "NCHW")
            )
        )

    rows = [of_site(site, seen.post) for site, seen in (_seen(last, k, x), _seen(first, k, x))]
    assert rows[0].shape == (72, 4)
    np.testing.assert_allclose(rows[0], rows[1], rtol=1e-5, atol=1e-6)


def test_turns_of_a_loop_are_samples():
    def rnn(w, xs):
        return lax.scan(lambda h, x: (jnp.tanh(h @ w + x), None), xs[0], xs)[0]

    site, seen = _seen(rnn, jnp.eye(3), jnp.ones((5, 2, 3)))
    rows = of_site(site, seen.post)
    assert rows.shape == (10, 3)
    np.testing.assert_array_equal(rows[:2], seen.post[0])


def test_a_site_without_units_is_one_column_and_an_empty_one_keeps_its_width():
    site, seen = _seen(jnp.tanh, jnp.ones((2, 3)))
    assert of_site(site, seen.post).shape[0] * of_site(site, seen.post).shape[1] == 6
    site, seen = _seen(lambda w, x: jnp.tanh(x @ w), jnp.ones((3, 4)), jnp.ones((0, 3)))
    assert of_site(site, seen.post).shape == (0, 4)


def test_values_of_another_shape_are_refused():
    site, _ = _seen(jnp.tanh, jnp.ones((2, 3)))
    with pytest.raises(ValueError, match=r"got float32 array of shape \(3, 3\) for site#1, of \(2"):
        of_site(site, jnp.ones((3, 3)))
