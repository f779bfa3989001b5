"""Is a program run on bounds as it is written: calls, loops and branches in their order?"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from relu_jax.analyses.interval_rules import Interval
from relu_jax.analyses.intervals import evaluate
from relu_jax.tap import compat

mark = compat.primitive("marked")
mark.def_abstract_eval(lambda x: x)


def run(f, low, high, rules=None):
    args = [Interval(jnp.float32(low), jnp.float32(high))]
    return evaluate(jax.make_jaxpr(f)(jnp.float32(low)), args, rules or {})


def test_what_does_not_depend_on_the_input_is_computed_as_it_is():
    bound, plain = run(lambda x: (2 * x, jnp.arange(3.0) + 1), -1, 1)
    assert isinstance(bound, Interval)
    np.testing.assert_array_equal(plain, [1, 2, 3])


@pytest.mark.parametrize("reverse", [False, True])
def test_rules_are_told_the_turn(reverse):
    seen = {}

    def rule(_eqn, args, turn):
        seen[turn] = float(args[0].high)
        return list(args)

    def f(x):
        return lax.scan(lambda c, w: (mark.bind(c * w), None), x, jnp.array([1.0, 2.0, 4.0]),
                        reverse=reverse)[0]  # fmt: skip

    (found,) = run(f, 1, 1, {"marked": rule})
    expected = {(0,): 8, (1,): 8, (2,): 4} if reverse else {(0,): 1, (1,): 2, (2,): 8}
    assert seen == pytest.approx(expected, rel=1e-5)
    assert float(found.high) == pytest.approx(8, rel=1e-5)


def test_a_rule_is_asked_where_nothing_is_bounded_too():
    asked = []

    def rule(_eqn, args, _turn):
        asked.append(args[0])
        return [3 * args[0]]

    _, y = run(lambda x: (x, jax.jit(mark.bind)(jnp.float32(2))), 0, 1, {"marked": rule})
    assert (len(asked), float(y)) == (1, 6.0)


@pytest.mark.parametrize(("low", "high", "expected"), [(-2, -1, (-2, -1)), (1, 2, (2, 4)),
                                                       (-1, 2, (-2, 4))])  # fmt: skip
def test_every_branch_that_may_run_counts(low, high, expected):
    (found,) = run(lambda x: lax.cond(x > 0, lambda x: 2 * x, lambda x: x, x), low, high)
    assert (float(found.low), float(found.high)) == pytest.approx(expected, rel=1e-5)


def test_what_has_no_rule_is_named():
    with pytest.raises(NotImplementedError, match=r"erf_inv, at test_intervals\.py:\d+"):
        run(lambda x: lax.erf_inv(x), 0, 0.5)
