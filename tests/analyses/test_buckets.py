"""Are changes of slope counted as exact regions are, and as closed forms say?"""

import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax, nn

from relu_jax.analyses import bucket_regions, regions
from tests.analyses.networks import AS_USERS_WRITE, drawn, mlp

pytestmark = AS_USERS_WRITE


ENDS = np.random.default_rng(0).standard_normal((2, 3, 2)).astype("f")


@pytest.mark.parametrize("act", [nn.relu, nn.leaky_relu, nn.hard_tanh])
def test_two_buckets_are_the_pieces_of_what_is_piecewise_linear(act):
    f = mlp(drawn([2, 8, 8, 1], 1), act)
    found = bucket_regions(f, *ENDS, buckets=2, steps=4000)
    assert found.count.tolist() == regions(f, *ENDS).count.tolist()
    assert found.changes.sum(axis=1).tolist() == (found.count - 1).tolist()


def test_a_unit_passes_every_edge_up_and_down():
    line = np.float32([[-9]]), np.float32([[9]])
    for buckets in (2, 3, 5):
        # tanh and sigmoid rise to their largest slope and fall again; gelu passes 1 and comes back.
        for f in (jnp.tanh, nn.sigmoid):
            found = bucket_regions(f, *line, buckets=buckets)
            assert found.count.tolist() == [2 * (buckets - 1) + 1]
        assert bucket_regions(nn.softplus, *line, buckets=buckets).count.tolist() == [buckets]


def test_places_are_those_of_the_slope():
    """f′ of softplus is the sigmoid: four buckets change at ln 1/3, 0 and ln 3."""
    third = np.log(3)
    for low, high, changes in (
        (-9, -third - 0.1, 0),
        (-9, -third + 0.1, 1),
        (-0.1, third + 0.1, 2),
    ):
        ends = np.float32([[low]]), np.float32([[high]])
        assert bucket_regions(nn.softplus, *ends).changes.tolist() == [[changes]]


def test_more_steps_see_no_less_and_soon_the_same():
    f = mlp(drawn([2, 16, 16, 1], 3), nn.gelu)
    counts = [bucket_regions(f, *ENDS, steps=steps).count for steps in (16, 256, 2048, 4096)]
    assert (counts[0] <= counts[1]).all()
    np.testing.assert_array_equal(counts[2], counts[3])


def test_loops_and_layouts_count_every_unit():
    w = jnp.stack([layer[0] for layer in drawn([2, 2, 2, 2], 6)])
    looped = bucket_regions(
        lambda x: lax.scan(lambda h, w: (nn.gelu(h @ w), None), x, w)[0], *ENDS, steps=2000
    )

    def plain(x):
        for each in w:
            x = nn.gelu(x @ each)
        return x

    found = bucket_regions(plain, *ENDS, steps=2000)
    assert looped.count.tolist() == found.count.tolist()
    assert looped.changes.shape == (3, 1)
    assert found.changes.shape == (3, 3)


def test_bad_input_is_answered():
    with pytest.raises(ValueError, match="buckets is at least 2; got 1"):
        bucket_regions(jnp.tanh, *ENDS, buckets=1)
    with pytest.raises(ValueError, match="steps is at least 1; got 0"):
        bucket_regions(jnp.tanh, *ENDS, steps=0)
    with pytest.raises(ValueError, match="of one shape"):
        bucket_regions(jnp.tanh, ENDS[0], ENDS[1, :1])
    with pytest.raises(ValueError, match="no site"):
        bucket_regions(lambda x: 2 * x, *ENDS)
    with pytest.raises(ValueError, match="got unknown at"):
        bucket_regions(lambda x: jnp.where(x > 0.3, jnp.sin(x**2), jnp.cos(3 * x)), *ENDS)
    with pytest.raises(NotImplementedError, match="one axis of examples"):
        bucket_regions(lambda x: jnp.tanh(x[:, :, None] * jnp.ones((1, 1, 521)))[:, :, 0], *ENDS)
    with pytest.raises(ValueError, match="an end of a segment is finite"):
        bucket_regions(jnp.tanh, ENDS[0] * np.nan, ENDS[1])
    with pytest.raises(ValueError, match="examples do not meet"):
        bucket_regions(lambda x: jnp.tanh(x - x.mean(axis=0)), *ENDS)


def test_examples_may_lie_on_another_axis():
    found = bucket_regions(lambda x: jnp.tanh(x.T).T, *ENDS)
    assert found.count.tolist() == bucket_regions(jnp.tanh, *ENDS).count.tolist()
