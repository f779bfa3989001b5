"""Has every site an id of its own, and is it known what stands around it?"""

import jax
import jax.numpy as jnp
import pytest
from jax import lax, nn

from relu_jax.tap import program
from tests.tap import networks as n

pytestmark = pytest.mark.leaks_unchecked(
    "it collects garbage at every trace: test_observe.py has it"
)

W = n.leaf(3, 3)


def placed(f, *args):
    _, read = program.opened(f, args, {})
    return read.placed


def layers(h, _=None):
    return lax.scan(lambda h, _: (nn.relu(h @ W), None), h, length=4)[0], None


def test_sites_of_one_weight_are_numbered():
    def f(params, x):
        return nn.relu(nn.relu(x @ params["w"]) @ params["w"]) + jnp.sin(x)

    assert [one.site.id for one in placed(f, {"w": W}, n.X)] == ["w", "w#2", "site#1"]


@pytest.mark.parametrize(
    ("f", "held"),
    [
        (lambda x: layers(x)[0], 4),
        (lambda x: lax.scan(layers, x, length=3)[0], 12),
        (lambda x: lax.scan(jax.checkpoint(layers), x, length=3)[0], 4),
        (lambda x: jax.checkpoint(lambda x: lax.scan(layers, x, length=3)[0])(x), 12),
    ],
    ids=["loop", "loop in a loop", "checkpoint in a loop", "checkpoint around loops"],
)
def test_a_checkpoint_holds_the_turns_inside_it(f, held):
    (one,) = placed(f, n.X)
    assert one.held == held


def test_what_is_inside_a_rule_of_the_user_or_a_while_has_no_cotangent():
    @jax.custom_vjp
    def ruled(x):
        return nn.relu(x @ W) @ W

    ruled.defvjp(lambda x: (ruled(x), None), lambda _, ct: (ct,))
    (one,) = placed(ruled, n.X)
    assert (one.ruled, one.blind) == (True, True)
    (two,) = placed(lambda x: lax.while_loop(lambda x: x.sum() > 0, jnp.tanh, x), n.X)
    assert (two.ruled, two.blind) == (False, True)
    (three,) = placed(nn.relu, n.X)
    assert (three.ruled, three.blind) == (False, False)
