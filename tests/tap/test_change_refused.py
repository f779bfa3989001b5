"""Is a change that cannot be made refused before a number is wrong?"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import nn

import relu_jax as rj
from relu_jax import tap
from tests.tap import contexts as c
from tests.tap import networks as n

pytestmark = pytest.mark.leaks_unchecked(
    "it collects garbage at every trace: test_change.py has it"
)

W = n.leaf(n.D, n.H, seed=31)


@pytest.mark.parametrize(
    "f",
    [
        jax.grad(c.loss),
        jax.value_and_grad(jax.jit(c.loss)),
        jax.jit(jax.value_and_grad(jax.checkpoint(c.loss))),
        lambda p, x, y: jax.jvp(lambda x: c.loss(p, x, y), (x,), (x,)),
        lambda p, x, y: jax.vjp(lambda x: c.loss(p, x, y), x)[0],
        lambda p, x, y: jax.hessian(c.loss, argnums=1)(p, x, y),
        lambda p, x, y: jax.vmap(jax.grad(c.loss, argnums=1), in_axes=(None, 0, 0))(
            p, x[:, None], y[:, None]
        ),
    ],
    ids=["grad", "value_and_grad", "jit", "jvp", "vjp", "hessian", "vmap"],
)
def test_what_the_program_differentiates_is_changed_before(f):
    with pytest.raises(
        ValueError, match=r"changed before it is differentiated.*layers/0.*jax.grad"
    ):
        tap.swap(f, {"relu": "tanh"})(n.P, n.X, n.Y)


@pytest.mark.parametrize(
    ("f", "args"),
    [(n.rnn, (n.RNN, n.TEXT)), (c.branches, (n.P, n.X)), (c.rematted_scan, (n.STACK, n.X))],
    ids=["scan", "cond", "remat in scan"],
)
def test_what_a_gradient_goes_through_inside_a_frame_is_refused_too(f, args):
    kind = tap.sites(f, *args)[-1].kind
    with pytest.raises(ValueError, match="changed before it is differentiated"):
        tap.swap(jax.grad(lambda *args: f(*args).sum()), {kind: "mish"})(*args)


@pytest.mark.parametrize("act", [jnp.tanh, jnp.sin, nn.softplus, nn.relu, nn.sigmoid])
@pytest.mark.parametrize("moved", [0, 1])
def test_a_derivative_beside_the_value_is_not_left_with_the_old_function(act, moved):
    """In sin'(z) = cos(z) no equation is a sine: nothing tells that it is one's derivative."""

    def f(x):
        return act(x @ W), jax.grad(lambda x: act(x @ W).sum())(x + moved)

    kind = tap.sites(lambda x: act(x @ W), n.X)[0].kind
    with pytest.raises(ValueError, match=r"changed before it is differentiated|at least one site"):
        tap.swap(f, {kind: "mish"})(n.X)


@pytest.mark.parametrize("bits", [None, 3])
def test_what_the_program_differentiates_is_made_lean_before(bits):
    step = jax.jit(jax.value_and_grad(c.loss))
    words = r"changed before it is differentiated.*layers/0.*jax.grad\(rj.lean\(loss\)\)"
    with pytest.raises(ValueError, match=words):
        rj.lean(step, bits=bits)(n.P, n.X, n.Y)


def test_a_step_with_nothing_to_make_lean_is_left():
    step = jax.grad(lambda x: jnp.sum(jnp.tanh(x)))
    np.testing.assert_array_equal(rj.lean(step)(n.X), step(n.X))


def test_inside_a_rule_of_the_user_s_nothing_is_changed():
    with pytest.raises(ValueError, match=r"own derivative rule stays.*got layers/1 \(contexts.py"):
        tap.swap(c.own_vjp, {"relu": "tanh"})(n.P, n.X)


def test_a_selector_that_means_nothing_names_the_nearest_and_what_is_closed():
    with pytest.raises(ValueError, match=r"means at least one site; got 'gelu'.*layers/"):
        tap.swap(c.net, {"gelu": "tanh"})(n.P, n.X)
    with pytest.raises(ValueError, match=r"not looked into: cond at contexts.py"):
        tap.swap(c.by_platform, {"gelu": "tanh"})(n.P, n.X)


@pytest.mark.parametrize("given", ["gelu", None, {3: "gelu"}, [("relu", "gelu")]])
def test_no_dictionary_of_selectors_is_refused_at_once(given):
    with pytest.raises(TypeError, match=r"is a dictionary of selectors.*rj\.tap\.swap"):
        tap.swap(nn.relu, given)
    with pytest.raises(TypeError, match=r"is a dictionary of selectors.*rj\.tap\.patch"):
        tap.patch(nn.relu, given)


def test_two_selectors_for_one_site_are_refused():
    with pytest.raises(ValueError, match=r"changed by one selector; got 'relu' and 'layers/0' for"):
        tap.swap(c.net, {"relu": "gelu", "layers/0": "tanh"})(n.P, n.X)


@pytest.mark.parametrize(
    ("to", "got"),
    [
        (lambda z: z[:1], r"float32 array of shape \(1, 3\) for float32 array of shape \(5, 3\)"),
        (lambda z: z.astype("float16"), "float16 array"),
        (lambda z: None, "None"),
        (lambda z: 1.0, r"float 1\.0"),
    ],
)
def test_another_shape_or_dtype_is_refused(to, got):
    with pytest.raises(ValueError, match=rf"keeps shape and dtype; got {got}.* at site#1"):
        tap.swap(nn.relu, {"relu": to})(n.X)
    with pytest.raises(ValueError, match=rf"post's place, of its shape.*; got {got}.*return an"):
        tap.patch(nn.relu, {"relu": lambda pre, post: to(post)})(n.X)


def test_bad_replacements_are_refused_at_once():
    with pytest.raises(ValueError, match=r"named as in relu_jax\.activations\.names"):
        tap.swap(nn.relu, {"relu": "gelo"})
    with pytest.raises(TypeError, match=r"a name in the catalogue or a function.*; got int 3"):
        tap.swap(nn.relu, {"relu": 3})
    with pytest.raises(TypeError, match=r"function patch\(pre, post\); got .*gelu"):
        tap.patch(nn.relu, {"relu": "gelu"})
    with pytest.raises(ValueError, match="regular expression"):
        tap.swap(nn.relu, {"layers/(": "gelu"})


def test_a_function_that_cannot_be_traced_says_so_itself():
    def f(x: Any) -> Any:
        return nn.relu(x) if float(x.sum()) > 0 else x

    with pytest.raises(jax.errors.ConcretizationTypeError):
        tap.swap(f, {"relu": "tanh"})(n.X)
