"""What does an elementwise function give, in NumPy's float64, without compiling anything?"""

from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import numpy as np

from relu_jax.tap import compat, elementwise

Act = Callable[[Sequence[Any]], list[Any]]

# Moves that leave one number as it is.
STILL = (
    "broadcast_in_dim", "reshape", "squeeze", "transpose", "full", "stop_gradient", "reshard",
    "sharding_constraint", "layout_constraint", "row_major", "late",
)  # fmt: skip


def equation(eqn: Any, args: Sequence[Any]) -> list[Any]:
    """Evaluate one elementwise equation in NumPy, entering bodies; constants stay scalars.

    Raises:
        NotImplementedError: the primitive has no rule in elementwise.py.
    """
    with np.errstate(all="ignore"):
        return act(eqn)(args)


def program(opened: compat.OpenJaxpr, args: Sequence[Any]) -> list[Any]:
    """Evaluate an elementwise jaxpr in NumPy, in float64 whatever dtype it was traced for."""
    with np.errstate(all="ignore"):
        return read(opened)(args)


def read(opened: compat.OpenJaxpr) -> Act:
    """Look up once what `program` runs, for a program that is run often."""
    jaxpr = opened.jaxpr
    known = dict(zip(jaxpr.constvars, map(number, opened.consts), strict=True))
    steps = [(act(eqn), _operands(eqn.invars), eqn.outvars) for eqn in jaxpr.eqns]
    results = _operands(jaxpr.outvars)

    def run(args: Sequence[Any]) -> list[Any]:
        env = {**known, **dict(zip(jaxpr.invars, args, strict=True))}
        for step, ins, outs in steps:
            values = step([env[a] if named else a for named, a in ins])
            env.update(zip(outs, values, strict=True))
        return [env[a] if named else a for named, a in results]

    return run


def act(eqn: Any) -> Act:
    """Look up what one elementwise equation does to its operands.

    Raises:
        NotImplementedError: the primitive has no rule in elementwise.py.
    """
    name = eqn.primitive.name
    if name in elementwise.RULES:
        rule = elementwise.RULES[name]
        params = {k: v for k, v in eqn.params.items() if k in ("new_dtype", "y")}
        return lambda args: [rule(*args, **params)]
    if compat.rounds(eqn):  # a conversion: every digit is kept
        return list
    if bodies := compat.inner_jaxprs(eqn):
        return read(compat.opened(bodies[0]))
    if name in STILL:
        return lambda args: list(args[:1]) if args and np.ndim(args[0]) <= 1 else _refuse(name)
    return _refuse(name)


def _refuse(name: str) -> NoReturn:
    raise NotImplementedError(
        f"every primitive of an extracted function has a NumPy rule; got {name}; "
        "add it to relu_jax/tap/elementwise.py"
    )


def _operands(atoms: Sequence[Any]) -> list[tuple[bool, Any]]:
    """List whether each operand is a variable, and the variable, or the number it is."""
    return [(False, number(a.val)) if compat.is_literal(a) else (True, a) for a in atoms]


def number(value: Any) -> Any:
    """Read a constant as a NumPy scalar, floats widened to float64."""
    array = np.asarray(value)
    if array.size != 1:
        raise NotImplementedError(
            f"a function of one array holds scalar constants; got shape {array.shape}; "
            "pass the array as a parameter"
        )
    if array.dtype.kind == "c":
        raise NotImplementedError(
            f"activations are functions of real numbers; got the constant {array}; "
            "apply the function to the real and the imaginary part"
        )
    array = array.reshape(())
    return array[()] if array.dtype.kind in "biu" else np.float64(array)
