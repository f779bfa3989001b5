"""Do the parts of a network, one after the other, give what the network gives?"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax, nn

import relu_jax as rj
from relu_jax.analyses.stages import stages

W = jax.random.normal(jax.random.key(0), (6, 3, 3))
X = jax.random.normal(jax.random.key(1), (5, 3))


def chain(x):
    for w in W:
        x = nn.relu(x @ w)
    return x


def residual(x):
    for w in W:
        x = x + nn.relu(x @ w)
    return nn.relu(x)


def dense(x):
    for w in W[:3]:
        x = jnp.concatenate([x, nn.relu(x[:, -3:] @ w + x[:, :3])], axis=1)
    return jnp.abs(x)


def looped(x):
    return lax.scan(lambda h, w: (nn.relu(h @ w) - h, None), x, W)[0]


def walked(f):
    """Run the parts, each from what the parts before it gave."""
    known, given = {0: X}, []
    for stage in stages(f, X):
        made = stage.run(*(known[k] for k in stage.needs))
        known |= zip(stage.gives, made, strict=True)
        given.append(made[0])
    return given


@pytest.mark.parametrize("f", [chain, residual, dense, looped])
def test_arguments_are_those_that_the_tap_records(f):
    _, seen = rj.tap.record(f)(X)
    recorded = [z for one in seen.values() for z in one.pre.reshape(-1, *one.pre.shape[-2:])]
    found = walked(f)
    assert len(found) == len(recorded)
    for z, other in zip(found, recorded, strict=True):
        np.testing.assert_allclose(z, other, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("f", [chain, residual, looped])
def test_a_part_needs_little_however_deep_the_network_is(f):
    assert max(len(stage.needs) for stage in stages(f, X)) <= 2


def test_the_larger_of_two_and_the_smallest_are_kept_as_arrays_of_their_own():
    def f(x):
        low = jnp.min(x.reshape(5, 1, 3), axis=2)
        return nn.relu(jnp.maximum(x, x[:, ::-1]) + low)

    by_hand = np.maximum(X, X[:, ::-1])
    smallest, larger, last = walked(f)
    np.testing.assert_allclose(smallest, -X)
    np.testing.assert_allclose(larger, np.concatenate([X, X[:, ::-1]], axis=1))
    np.testing.assert_allclose(last, by_hand + np.min(X, axis=1, keepdims=True), rtol=1e-6)
