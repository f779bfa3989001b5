"""Where does a piecewise linear network bend: at which value of which argument?

The program is written out as one line of equations, loops included. A hinge is an activation, or a
maximum of several values; between two of them everything is affine.
"""

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from relu_jax import tap
from relu_jax.activations import Activation
from relu_jax.analyses import intervals, kinked, maxima
from relu_jax.analyses.catalogued import catalogued
from relu_jax.core import errors
from relu_jax.tap import compat, program


class Hinge(NamedTuple):
    """One activation or maximum, at one turn of the loops around it, and where it bends."""

    site: str  # id of the activation, or the name of the maximum and its line
    turn: tuple[int, ...]  # () outside of loops
    units: int
    kinks: tuple[float, ...]  # of each element of the argument; () of a maximum
    # Of a maximum, (units, k): which elements of the argument each unit is the largest of; -1 for
    # none. Of a minimum the argument is taken negative.
    of: np.ndarray | None = None

    @property
    def id(self) -> str:
        """The site's id, with its turn in brackets."""
        return f"{self.site}[{','.join(map(str, self.turn))}]" if self.turn else self.site


class At(NamedTuple):
    """An equation that is a hinge, and the arrays of the line that its argument consists of."""

    hinge: Hinge
    eqn: Any
    operands: tuple[Any, ...]

    @property
    def is_array(self) -> bool:
        """Whether the argument is an array of the line: nothing is put together or turned."""
        return self.hinge.of is None or self.eqn.primitive.name in maxima.OF_ONE

    @property
    def sign(self) -> int:
        """By what the argument is multiplied: -1 of a minimum."""
        return maxima.SIGNS.get(self.eqn.primitive.name, 1)


class Line(NamedTuple):
    """A function of a batch as equations in the order they run, none of them a loop with hinges."""

    x: Any  # the variable of the batch
    eqns: list[Any]
    consts: dict[Any, Any]  # {variable: value}
    moving: set[Any]  # variables that depend on the batch
    hinges: tuple[At, ...]
    acts: dict[str, Activation]  # {site: its function}, some parameter of its own if it has arrays
    arrays: tuple[str, ...]  # sites whose parameters are arrays of the program
    results: list[Any]  # variables


# Stands behind an activation: what was given to it, and what it made of it.
_hinge = compat.primitive("hinge")
_hinge.def_abstract_eval(lambda _pre, post, **_: post)


def read(f: Callable[[Any], Any], x: Any) -> Line:
    """Write a function of a batch out as a line, and find its hinges.

    Args:
        f: a function of x, of (N, ...); any network whose activations are piecewise linear.
        x: a batch; no other axis in the network has as many elements as it has examples.

    Raises:
        ValueError: an activation is not piecewise linear, or jumps; f computes in half precision.
        NotImplementedError: one in a branch, a while loop, or that mixes examples in its layout.

    Edges: what bends in a branch or a while loop, and what compares in other ways (a softmax, a
    sort), is not seen here.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> line = read(lambda x: jnp.max(jax.nn.relu(x), axis=1), jnp.ones((2, 3)))
        >>> [at.hinge.id.split()[0] for at in line.hinges]
        ['site#1', 'reduce_max']
    """
    placed = [one for one in program.opened(f, (x,), {})[1].placed if not one.ruled]
    acts = {
        one.site.id: kinked.at_site(one.site, len(x))
        for one in placed
        if not kinked.is_of_maxima(one)
    }
    marked = tap.patch(f, {name: functools.partial(_mark, name) for name in acts})
    closed = jax.make_jaxpr(marked)(x)
    rules = {_hinge.name: _turned, **dict.fromkeys([*maxima.SIGNS, "cond", "while"], _whole)}
    written = jax.make_jaxpr(lambda x: intervals.evaluate(closed, [x], rules))(x)
    jaxpr, consts = compat.opened(written)
    moving = {jaxpr.invars[0]}
    for eqn in jaxpr.eqns:
        if not moving.isdisjoint(variables(eqn)):
            moving.update(eqn.outvars)
            _refuse_half(eqn)
    at = _hinges(jaxpr.eqns, moving, acts, len(x))
    pairs = dict(zip(jaxpr.constvars, consts, strict=True))
    own = [one.site for one in placed if one.site.id in acts]
    arrays = tuple(site.id for site in own if catalogued(site) is None)
    return Line(
        jaxpr.invars[0], list(jaxpr.eqns), pairs, moving, tuple(at), acts, arrays,
        list(jaxpr.outvars),
    )  # fmt: skip


def variables(eqn: Any) -> list[Any]:
    """List the variables that an equation reads.

    Example:
        >>> (eqn,) = jax.make_jaxpr(lambda x: x + 1.0)(2.0).eqns
        >>> len(variables(eqn))
        1
    """
    return [v for v in eqn.invars if not compat.is_literal(v)]


def run(eqn: Any, args: Sequence[Any]) -> list[Any]:
    """Compute an equation of a line.

    Example:
        >>> (eqn,) = jax.make_jaxpr(lambda x: x + 1.0)(2.0).eqns
        >>> [float(y) for y in run(eqn, [2.0, 1.0])]
        [3.0]
    """
    return list(args[1:]) if eqn.primitive.name == _hinge.name else compat.bind(eqn, args)


def axis_of(v: Any, examples: int) -> int | None:
    """Say along which axis of an array the examples lie: None where that is not known.

    Example:
        >>> (eqn,) = jax.make_jaxpr(lambda x: x.T)(jnp.ones((5, 3))).eqns
        >>> axis_of(eqn.outvars[0], 5)
        1
    """
    shape = v.aval.shape
    return shape.index(examples) if shape.count(examples) == 1 else None


def flat(v: Any, array: Any, examples: int) -> Any:
    """Lay an array of a line out as (examples, n).

    Example:
        >>> (eqn,) = jax.make_jaxpr(lambda x: x.T)(jnp.ones((5, 3))).eqns
        >>> flat(eqn.outvars[0], jnp.ones((3, 5)), 5).shape
        (5, 3)
    """
    axis = 0 if compat.is_literal(v) else axis_of(v, examples)
    return jnp.moveaxis(array, axis or 0, 0).reshape(examples, -1)


def back(v: Any, laid_out: Any) -> Any:
    """Turn (examples, n) into the array of a line that it was.

    Example:
        >>> (eqn,) = jax.make_jaxpr(lambda x: x.T)(jnp.ones((5, 3))).eqns
        >>> back(eqn.outvars[0], jnp.ones((5, 3))).shape
        (3, 5)
    """
    examples = len(laid_out)
    axis = axis_of(v, examples) or 0
    rest = [size for i, size in enumerate(v.aval.shape) if i != axis]
    return jnp.moveaxis(laid_out.reshape(examples, *rest), 0, axis)


def argument(at: At, parts: Sequence[Any], examples: int) -> Any:
    """Lay the argument of a hinge out as `Hinge` says, (examples, n).

    Args:
        at: the hinge.
        parts: the values of its operands; a number may stand in place of an array.
        examples: that lead in it.

    Example:
        >>> line = read(lambda x: jnp.maximum(x, x[:, ::-1]), jnp.ones((5, 2)))
        >>> argument(line.hinges[0], [jnp.zeros((5, 2)), jnp.ones((5, 2))], 5).shape
        (5, 4)
    """
    if len(parts) > 1:
        parts = [jnp.broadcast_to(part, at.eqn.outvars[0].aval.shape) for part in parts]
    pairs = zip(at.operands, parts, strict=True)
    laid_out = [flat(v, part, examples) for v, part in pairs]
    return at.sign * (jnp.concatenate(laid_out, axis=1) if len(laid_out) > 1 else laid_out[0])


def _refuse_half(eqn: Any) -> None:
    """Refuse arithmetic whose rounding is as large as many a piece."""
    for v in eqn.outvars:
        if jnp.issubdtype(v.aval.dtype, jnp.floating) and v.aval.dtype.itemsize < 4:
            raise errors.rejected(
                rule="pieces are told apart in float32 or float64",
                got=maxima.placed(v.aval.dtype.name, eqn),
                do="convert the weights and the input, and compute in float32",
            )


def _mark(site: str, pre: Any, post: Any) -> Any:
    return _hinge.bind(pre, post, site=site, turn=())


def _turned(eqn: Any, args: Sequence[Any], turn: tuple[int, ...]) -> list[Any]:
    return [_hinge.bind(*args, site=eqn.params["site"], turn=turn)]


def _whole(eqn: Any, args: Sequence[Any], _turn: tuple[int, ...]) -> list[Any]:
    return compat.bind(eqn, args)


def _hinges(
    eqns: Sequence[Any], moving: set[Any], acts: dict[str, Activation], examples: int
) -> list[At]:
    """List what bends, and depends on the input."""
    inside, found = _inside(eqns), []
    for i, eqn in enumerate(eqns):
        if moving.isdisjoint(variables(eqn)):
            continue
        if eqn.primitive.name == _hinge.name:
            pre = eqn.invars[0]
            if not compat.is_literal(pre) and pre in moving:
                site, turn = eqn.params["site"], eqn.params["turn"]
                units = math.prod(pre.aval.shape) // examples
                found.append(At(Hinge(site, turn, units, acts[site].kinks), eqn, (pre,)))
        elif i not in inside and _compares(eqn):
            found.append(At(_maximum(eqn, examples), eqn, tuple(eqn.invars)))
    return found


def _compares(eqn: Any) -> bool:
    is_float = jnp.issubdtype(eqn.outvars[0].aval.dtype, jnp.floating)
    return eqn.primitive.name in maxima.SIGNS and is_float


def _inside(eqns: Sequence[Any]) -> set[int]:
    """Collect the places of the equations that activations consist of."""
    found: set[int] = set()
    for end, hinge in enumerate(eqns):
        if hinge.primitive.name != _hinge.name or compat.is_literal(hinge.invars[0]):
            continue
        after, wanted = {hinge.invars[0]}, set(variables(hinge)[1:])
        ahead = []
        for i, eqn in enumerate(eqns[:end]):
            if not after.isdisjoint(variables(eqn)):
                after.update(eqn.outvars)
                ahead.append(i)
        for i in reversed(ahead):
            if not wanted.isdisjoint(eqns[i].outvars):
                wanted.update(variables(eqns[i]))
                found.add(i)
    return found


def _maximum(eqn: Any, examples: int) -> Hinge:
    """Describe a maximum of several values, within each example."""
    name = eqn.primitive.name
    where = maxima.placed(name, eqn)
    shape = eqn.invars[0].aval.shape if "reduce" in name else eqn.outvars[0].aval.shape
    if shape[:1] != (examples,) or eqn.outvars[0].aval.shape[:1] != (examples,):
        raise kinked.not_by_example(where, shape)
    of = maxima.compared(eqn, where)
    return Hinge(where, (), len(of), (), of)
