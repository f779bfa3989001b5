"""Does the one file that knows JAX's insides hold what it promises on this JAX release?"""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax, nn

import relu_jax
from relu_jax.activations import get
from relu_jax.core.numerics import bfloat16_by_bits
from relu_jax.tap import compat

X = np.array([-1.0, 0.0, 2.0], np.float32)
PACKAGE = Path(relu_jax.__file__).parent


def _eqns(f, *args):
    return compat.trace(f, *args)[0].jaxpr.eqns


def _rebound(eqn, scope):
    """Bind an equation inside a new program; return that program's only equation."""

    def again(x):
        with jax.named_scope(scope):
            return compat.bind(eqn, [x])

    (made,) = _eqns(again, X)
    return made


def test_trace_gives_the_program_and_the_structure_of_its_result():
    opened, shapes = compat.trace(lambda x: {"y": x @ np.eye(3, dtype=np.float32)}, X)
    assert len(opened.consts) == len(opened.jaxpr.constvars)
    assert shapes["y"].shape == (3,)


def test_bind_keeps_the_name_stack_and_the_source():
    @jax.named_scope("block")
    def f(x):
        return jnp.tanh(x)

    (written,) = _eqns(f, X)
    bound = _rebound(written, "outer")
    assert str(bound.source_info.name_stack) == "outer/block"
    assert compat.user_frames(bound) == compat.user_frames(written)


def test_bind_runs_every_kind_of_equation():
    def f(x):
        y, z = lax.scan(lambda h, t: (jnp.sin(h) * t, h), x[0], x)
        return nn.relu(x), jnp.where(x > 0, y, z)

    opened, _ = compat.trace(f, X)
    env = dict(zip(opened.jaxpr.invars, [X], strict=True))

    def read(atom):
        return atom.val if compat.is_literal(atom) else env[atom]

    for eqn in opened.jaxpr.eqns:
        out = compat.bind(eqn, [read(a) for a in eqn.invars])
        env.update(zip(eqn.outvars, out, strict=True))
    got = [read(atom) for atom in opened.jaxpr.outvars]
    for mine, theirs in zip(got, f(X), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_what_is_computed_in_an_equation_s_place_has_its_line_and_names():
    @jax.named_scope("block")
    def f(x):
        return jnp.tanh(x)

    (written,) = _eqns(f, X)

    def again(x):
        with compat.standing_at(written):
            return jnp.sin(x)

    (made,) = _eqns(again, X)
    assert str(made.source_info.name_stack) == "block"
    assert compat.user_frames(made) == compat.user_frames(written)


def test_dead_code_goes_and_nothing_else_does(capfd):
    def f(x):
        jax.debug.print("once")
        dead = jnp.tanh(x)
        y, _ = lax.scan(lambda h, t: (h + t, jnp.sin(h)), x[0], x)
        return [nn.relu(x), y, dead[:0]]

    pruned = compat.without_dead_code(f)
    text = str(jax.make_jaxpr(pruned)(X))
    assert ("sin" in text, "custom_jvp" in text, "debug" in text) == (False, True, True)
    for mine, theirs in zip(pruned(X), f(X), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    jax.effects_barrier()
    assert capfd.readouterr().out.split() == ["once", "once"]


@pytest.mark.parametrize(
    ("f", "differentiated"),
    [
        (jnp.tanh, False),
        (jax.vmap(jnp.tanh), False),
        (jax.named_scope("jvp")(jnp.tanh), False),
        (jax.grad(lambda x: jnp.tanh(x).sum()), True),
        (lambda x: jax.jvp(jnp.tanh, (x,), (x,)), True),
    ],
    ids=["plain", "vmap", "a name that only sounds so", "grad", "jvp"],
)
def test_what_a_derivative_is_taken_of_is_known(f, differentiated):
    (tanh,) = [eqn for eqn in _eqns(f, X) if eqn.primitive.name == "tanh"]
    assert compat.is_differentiated(tanh) == differentiated


def test_bind_keeps_the_derivative_rule():
    @jax.custom_jvp
    def f(x):
        return jnp.maximum(x, 0)

    f.defjvps(lambda t, _ans, _x: 0.25 * t)
    (eqn,) = _eqns(f, X)
    assert jax.grad(lambda x: compat.bind(eqn, [x])[0].sum())(X).tolist() == [0.25] * 3


@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("carried", [1, 2])
def test_a_scan_s_constants_and_carry_are_counted(layers, carried):
    def f(start, x, *scales):
        def step(hs, t):
            for scale in scales:
                hs = tuple(jnp.sin(h * scale) for h in hs)
            return hs, t

        return lax.scan(step, (start,) * carried, x)

    (scan,) = _eqns(f, 0.5, X, *[2.0 + i for i in range(layers)])
    assert compat.scan_layout(scan) == (layers, carried)


def test_only_a_jit_that_names_a_sharding_is_more_than_a_call():
    device = jax.sharding.SingleDeviceSharding(jax.devices()[0])
    plain, placed = jax.jit(jnp.sin), jax.jit(jnp.sin, out_shardings=device)
    (one, two) = _eqns(lambda x: (plain(x), placed(x)), X)
    assert (compat.plain_jit(one), compat.plain_jit(two)) == (True, False)


def test_a_while_loop_is_taken_apart():
    def f(x, top, factor):
        return lax.while_loop(lambda s: s[1] < top, lambda s: (s[0] * factor, s[1] + 1), (x, 0))

    (loop,) = [e for e in _eqns(f, X, 3, 2.0) if e.primitive.name == "while"]
    parts = compat.while_parts(loop)
    assert (parts.condition_consts, parts.body_consts) == compat.loop_layout(loop)[:1] * 2 == (1, 1)
    assert compat.loop_layout(loop) == (1, 2)
    assert [bool(*compat.as_function(parts.asked)(3, X, i)) for i in (2, 3)] == [True, False]
    assert compat.is_jaxpr(parts.body)


def test_a_choice_by_platform_is_no_choice_of_the_program_s():
    def f(x):
        return lax.cond(x[0] > 0, jnp.sin, jnp.cos, lax.platform_dependent(x, default=jnp.tan))

    def g(x):
        return lax.platform_dependent(x, cpu=jnp.sin, default=jnp.tan)

    assert [compat.chooses(e) for e in _eqns(f, X) if e.primitive.name == "cond"][-1]
    assert not any(map(compat.chooses, _eqns(g, X)))


def test_inner_jaxprs_are_found_in_lists_and_alone():
    def f(x):
        return lax.cond(x[0] > 0, jnp.sin, jnp.cos, jax.jit(jnp.tan)(x))

    bodies = {e.primitive.name: compat.inner_jaxprs(e) for e in _eqns(f, X)}
    inside = {name: len(found) for name, found in bodies.items() if found}
    assert inside == {"jit": 1, "cond": 2}
    assert all(compat.is_jaxpr(body) for found in bodies.values() for body in found)


@pytest.mark.parametrize(
    ("file", "counts"),
    [
        ("/anywhere/train.py", True),
        ("/anywhere/site-packages/theirs/model.py", True),
        (str(PACKAGE / "models" / "mlp.py"), True),
        (str(PACKAGE / "tap" / "interpret.py"), False),
        (str(PACKAGE / "activations" / "relu.py"), False),
        (str(PACKAGE / "cli.py"), False),
        ("/anywhere/site-packages/flax/linen/linear.py", False),
        ("/anywhere/site-packages/equinox/nn/_mlp.py", False),
        ("/anywhere/site-packages/jaxtyping/_decorator.py", False),
        ("/anywhere/lib/python3.11/functools.py", False),
        ("<string>", False),
    ],
)
def test_frames_of_frameworks_and_of_the_engine_are_not_the_user_s(file, counts):
    code = compile("def f(x):\n    return tanh(x)", file, "exec")
    made = {"tanh": jnp.tanh}
    exec(code, made)  # a function that says it was written in that file
    (eqn,) = _eqns(lambda x: made["f"](x), X)
    assert (file, 2) in compat.frames(eqn)
    found = compat.user_frames(eqn)
    assert ((file, 2) in found) == counts
    assert __file__ in [name for name, _ in found]  # the caller's line is still there


def _half_slope(slope):
    @jax.custom_jvp
    def f(x):
        return jnp.maximum(x, 0)

    f.defjvps(lambda t, _ans, _x: slope * t)
    return f


def _scaled_gradient(scale):
    @jax.custom_vjp
    def f(x):
        return jnp.tanh(x)

    f.defvjp(lambda x: (jnp.tanh(x), None), lambda _, ct: (scale * ct,))
    return f


class _Scaled:
    """A rule around a function of JAX, as bound methods."""

    def __init__(self, factor):
        self.factor = factor

    def forward(self, z):
        return nn.relu6(z), z

    def backward(self, z, ct):
        return (jnp.where(z > 0, ct * self.factor, 0.0),)


def _bound_methods(factor):
    f, rule = jax.custom_vjp(nn.relu6), _Scaled(factor)
    f.defvjp(rule.forward, rule.backward)
    return f


def _at_kinks(factor):
    return get("leaky_relu", slope=0.2).with_slopes(factor)


BUILDS = [_half_slope, _scaled_gradient, _bound_methods, _at_kinks]


@pytest.mark.parametrize("build", BUILDS)
def test_rules_of_two_functions_with_one_body_are_told_apart(build):
    first, second = build(0.5), build(0.25)
    eqns = _eqns(lambda x: (first(x), second(x)), X)
    one, two = map(compat.rule_identity, eqns)
    assert one is not None
    assert one != two


def test_jax_s_own_rule_is_the_same_at_every_call():
    eqns = _eqns(lambda x: (nn.relu(x), nn.relu(2 * x), nn.relu6(x), x + 1), X)
    rules = []
    for eqn in eqns:
        while eqn.primitive.name == "jit":
            eqn = compat.opened(compat.inner_jaxprs(eqn)[0]).jaxpr.eqns[0]
        rules.append(compat.rule_identity(eqn))
    relus = [rule for rule in rules if "relu at" in str(rule)]
    assert len(relus) == 2
    assert len(set(relus)) == 1
    assert rules[-1] is None  # an addition has no rule of its own


def test_a_name_that_only_sounds_like_a_transposition_is_none():
    def f(w, x):
        with jax.named_scope("conv_transpose(2)"):
            return jnp.tanh(x @ w)

    w, x = jnp.ones((3, 4)), jnp.ones((2, 3))
    assert not any(map(compat.is_transposed, jax.make_jaxpr(f)(w, x).eqns))
    backward = jax.make_jaxpr(jax.grad(lambda w: jnp.sum(f(w, x))))(w).eqns
    assert any(map(compat.is_transposed, backward))


def test_rounding_by_bits_is_known_and_nothing_else_is():
    opened, _ = compat.trace(bfloat16_by_bits, jnp.ones(3))
    assert [compat.rounds(eqn) for eqn in opened.jaxpr.eqns] == [True]
    opened, _ = compat.trace(lambda x: jax.nn.relu(x).astype("bfloat16"), jnp.ones(3))
    assert not any(compat.rounds(eqn) for eqn in opened.jaxpr.eqns)
