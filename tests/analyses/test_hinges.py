"""Are the bends of a network listed in the order they run, with every turn of its loops?"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax, nn

from relu_jax.analyses import hinges

W = jnp.stack([jnp.eye(2), 2 * jnp.eye(2), 3 * jnp.eye(2)])
X = jnp.ones((4, 2))


def net(x, reverse=False):
    def layer(h, w):
        return nn.relu6(nn.relu(h @ w) - 1), None

    return jnp.clip(lax.scan(layer, x, W, reverse=reverse)[0], -1, 1)


def found(f, x=X):
    return [at.hinge for at in hinges.read(f, x).hinges]


def test_turns_of_a_loop_follow_one_another_with_all_that_stands_in_it():
    all_of_them = found(net)
    assert [one.turn for one in all_of_them] == [(0,), (0,), (1,), (1,), (2,), (2,), ()]
    assert [one.kinks for one in all_of_them[:2]] == [(0.0,), (0.0, 6.0)]
    assert all_of_them[-1].kinks == (-1.0, 1.0)
    assert all_of_them[0].id.endswith("[0]")
    assert {one.units for one in all_of_them} == {2}
    back = found(lambda x: net(x, reverse=True))
    assert [one.turn for one in back[:3]] == [(2,), (2,), (1,)]


def test_the_line_computes_what_the_network_does():
    line = hinges.read(net, jnp.array([[1.0, -2.0]]))
    env = dict(line.consts) | {line.x: jnp.array([[1.0, -2.0]])}
    arguments = []
    for eqn in line.eqns:
        args = [env.get(v) if v in hinges.variables(eqn) else v.val for v in eqn.invars]
        arguments += [args[0] for at in line.hinges if at.eqn is eqn]
        env.update(zip(eqn.outvars, hinges.run(eqn, args), strict=True))
    assert len(arguments) == 7
    np.testing.assert_allclose(arguments[0], [[1.0, -2.0]])
    np.testing.assert_allclose(arguments[1], [[0.0, -1.0]])


def test_a_maximum_inside_an_activation_is_no_hinge_of_its_own():
    def f(x):
        return jnp.maximum(x, 0.0) @ W[0] + jnp.minimum(jnp.maximum(x - 1, -1.0), 1.0)

    assert [one.site for one in found(f)] == ["site#1", "site#2"]


@pytest.mark.parametrize(
    ("f", "of"),
    [
        (lambda x: jnp.maximum(x, x[:, ::-1]), [[0, 2], [1, 3]]),
        (lambda x: jnp.max(x, axis=1), [[0, 1]]),
        (lambda x: jnp.min(x.reshape(4, 1, 2), axis=(1, 2)), [[0, 1]]),
        (lambda x: lax.reduce_window(x, -jnp.inf, lax.max, (1, 2), (1, 1), "SAME"),
         [[0, 1], [1, -1]]),
    ],
)  # fmt: skip
def test_a_maximum_says_what_it_compares(f, of):
    (one,) = found(f)
    assert one.of.tolist() == of
    assert (one.units, one.kinks) == (len(of), ())
    assert "test_hinges.py:" in one.id


def test_windows_with_strides_dilation_and_padding_are_those_of_xla():
    def pool(x):
        return lax.reduce_window(
            x, -jnp.inf, lax.max, (1, 2, 3), (1, 2, 1), ((0, 0), (1, 0), (2, 1)),
            window_dilation=(1, 2, 1),
        )  # fmt: skip

    x = jax.random.normal(jax.random.key(0), (3, 6, 5))
    (one,) = found(pool, x)
    flat = np.where(one.of >= 0, np.asarray(x).reshape(3, -1)[:, one.of], -np.inf)
    np.testing.assert_array_equal(flat.max(axis=2), np.asarray(pool(x)).reshape(3, -1))


def test_what_does_not_depend_on_the_batch_is_no_hinge():
    w = jnp.array([[1.0, -1.0]])
    assert found(lambda x: x + nn.relu(w) + jnp.max(w)) == []


def test_maxima_across_examples_and_branches_are_refused():
    with pytest.raises(NotImplementedError, match=r"reduce_max at .*, of shape \(4, 2\)"):
        found(lambda x: x - jnp.max(x, axis=0, keepdims=True))
    with pytest.raises(NotImplementedError, match="activations run for every example"):
        found(lambda x: lax.cond(x.sum() > 0, nn.relu, lambda x: x, x))
    with pytest.raises(NotImplementedError, match=r"windows \(2, 1\), dilated by \(1, 1\)"):
        found(lambda x: lax.reduce_window(
            x, -jnp.inf, lax.max, (2, 1), (1, 1), "SAME"))  # fmt: skip


def test_a_function_without_a_name_bends_where_its_maxima_do():
    def f(x):
        return x + nn.relu(x + 1) + jnp.minimum(nn.relu(x - 1), 3.0) + nn.relu(x - 2)

    assert [one.of.shape for one in found(f)] == [(2, 2)] * 4
