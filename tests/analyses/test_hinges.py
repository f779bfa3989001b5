"""Are the bends of a network listed in the order they run, with every turn of its loops?"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax, nn

from relu_jax.analyses.hinges import arguments, hinges

W = jnp.stack([jnp.eye(2), 2 * jnp.eye(2), 3 * jnp.eye(2)])


def net(x, reverse=False):
    def layer(h, w):
        return nn.relu6(nn.relu(h @ w) - 1), None

    return jnp.clip(lax.scan(layer, x, W, reverse=reverse)[0], -1, 1)


def test_turns_of_a_loop_follow_one_another_with_all_that_stands_in_it():
    x = jnp.ones((4, 2))
    found = hinges(net, x)
    assert [one.turn for one in found] == [(0,), (0,), (1,), (1,), (2,), (2,), ()]
    assert [one.kinks for one in found[:2]] == [(0.0,), (0.0, 6.0)]
    assert found[-1].kinks == (-1.0, 1.0)
    assert found[0].id.endswith("[0]")
    back = hinges(lambda x: net(x, reverse=True), x)
    assert [one.turn for one in back[:3]] == [(2,), (2,), (1,)]


def test_their_arguments_are_those_of_the_network():
    x = jnp.array([[1.0, -2.0]])
    y, z = arguments(net, hinges(net, x))(x)
    np.testing.assert_allclose(y, net(x))
    np.testing.assert_allclose(z[0], x)
    np.testing.assert_allclose(z[1], nn.relu(x) - 1)
    assert [one.shape for one in jax.tree.leaves(z)] == [(1, 2)] * 7
