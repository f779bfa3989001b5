"""Does a graph tell what its variables are, and which of them are known numbers?"""

import jax
import jax.numpy as jnp
import numpy as np

from relu_jax.tap.graph import Call, Const
from tests.tap import networks as n
from tests.tap.reading import graph_of, made_by


def test_a_variable_has_the_shape_and_dtype_of_its_value():
    network = graph_of(lambda x, y: (x @ y, x > 0), n.X, n.leaf(3, 4))
    product, positive = network.frame.outs
    assert network.shape(product) == (5, 4)
    assert network.dtype(product) == np.float32
    assert network.shape(positive) == (5, 3)
    assert network.dtype(positive) == np.bool_


def test_numbers_written_in_place_and_computed_from_such_are_known():
    network = graph_of(lambda x: x * jnp.sqrt(jnp.float32(2)) + x.sum(), n.X)
    (times,) = made_by(network, "mul")
    (plus,) = made_by(network, "add")
    np.testing.assert_allclose(network.number(times.ins[1]), np.sqrt(2), rtol=1e-7)
    assert all(network.number(atom) is None for atom in plus.ins)
    assert network.number(Const(np.float32(3))) == 3


def test_a_call_lists_every_variable_made_inside_it():
    inner = jax.jit(lambda x: jnp.sin(jax.jit(jnp.cos)(x)))
    network = graph_of(lambda x: inner(x) + 1, n.X)
    (call,) = [item for item in network.frame.items if isinstance(item, Call)]
    assert {node.name for node in call.nodes()} == {"sin", "cos"}
    assert {node.outs[0] for node in call.nodes()} <= set(call.variables())
    assert {node.name for node in network.frame.nodes} == {"sin", "cos", "add"}
