"""A function cut out of a program: y = f(z; θ), element by element."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from relu_jax.tap import compat, evaluate, shards
from relu_jax.tap.graph import Atom, Const, Graph, Node

_STILL = ("broadcast_in_dim", "pvary", "pcast")  # how a shard_map puts an axis ahead


@dataclass(frozen=True)
class Piece:
    """The nodes that compute variable y from variable z, in program order."""

    graph: Graph
    nodes: tuple[Node, ...]
    z: int
    y: int

    @property
    def inner(self) -> frozenset[int]:
        """Variables that the nodes compute on the way to y."""
        return frozenset(v for node in self.nodes for v in node.outs) - {self.y}

    @cached_property
    def axes(self) -> tuple[int, ...] | None:
        """The order in which y has z's axes; None where it is the same."""
        made = {self.z: tuple(range(len(self.graph.shape(self.z))))}
        for node in self.nodes:
            axes = next((made[a] for a in node.operands if a in made), None)
            if axes is not None and node.name == "transpose":
                axes = tuple(axes[i] for i in node.eqn.params["permutation"])
            made.update((out, axes) for out in node.outs if axes is not None)
        return None if made[self.y] == made[self.z] else made[self.y]

    def as_argument(self, y: Any) -> Any:
        """Bring the axes of an array laid out as y into the order of z's."""
        return y if self.axes is None else jnp.transpose(y, np.argsort(self.axes).tolist())

    def as_result(self, y: Any) -> Any:
        """Bring the axes of an array laid out as z into the order of y's."""
        return y if self.axes is None else jnp.transpose(y, self.axes)

    @property
    def operands(self) -> tuple[int, ...]:
        """Variables other than z that the nodes read from outside: the parameters θ."""
        return tuple(v for v in self._read if v not in self.graph.known)

    @property
    def _read(self) -> tuple[int, ...]:
        made = {out for node in self.nodes for out in node.outs} | {self.z}
        read = (a for node in self.nodes for a in node.operands)
        return tuple(dict.fromkeys(a for a in read if a not in made))

    def needed(self) -> tuple[int, ...]:
        """List the variables whose values `bound` reads and does not know."""
        return (self.z, *self.operands)

    def key(self) -> tuple[Any, ...]:
        """Spell the function without shapes: equal keys compute the same f."""
        names = {self.z: 0}
        for variable in self.operands:
            names[variable] = len(names)
        words = []
        for node in self.nodes:
            atoms = tuple(self._word(a, names) for a in node.ins)
            words.append((_spelling(node.eqn), atoms))
            names.update((out, len(names) + i) for i, out in enumerate(node.outs))
        return (names[self.y], tuple(words))

    @cached_property
    def lasts(self) -> bool:
        """Whether `key` means this function in any program: it holds no rule of a user's own."""
        return all(_lasts(node.eqn) for node in self.nodes)

    def values(self, z: np.ndarray, thetas: Mapping[int, Any]) -> np.ndarray:
        """Evaluate f in NumPy's float64 on any one-dimensional grid."""
        env: dict[Any, Any] = {self.z: z, **thetas}
        with np.errstate(all="ignore"):
            for act, ins, out in self._steps:
                (env[out],) = act([env[a] if named else a for named, a in ins])
        return np.broadcast_to(np.asarray(env[self.y], np.float64), z.shape)

    @cached_property
    def _steps(self) -> list[tuple[evaluate.Act, list[tuple[bool, Any]], int]]:
        """Look up once what `values` runs."""
        named = {self.z, *self.operands, *(node.outs[0] for node in self.nodes)}

        def operand(a: Atom) -> tuple[bool, Any]:
            read = not isinstance(a, Const) and a in named
            return (True, a) if read else (False, self.graph.number(a))

        return [
            (evaluate.act(node.eqn), [operand(a) for a in node.ins], node.outs[0])
            for node in self.nodes
        ]

    def bound(self, env: Mapping[int, Any]) -> Callable[[Any], Any]:
        """Build z ↦ f(z) as the program computes it, its parameters read from `env`.

        The result's axes are in the order of z's.
        """

        def act(z: Any) -> Any:
            made: dict[int, Any] = {self.z: z}

            def read(a: Atom) -> Any:
                if isinstance(a, Const):
                    return a.value
                if a in made or a in env:
                    return made[a] if a in made else env[a]
                return shards.full(self.graph.avals[a], self.graph.known[a])

            for node in self.nodes:
                outs = compat.bind(node.eqn, [read(a) for a in node.ins])
                made.update(zip(node.outs, outs, strict=True))
            return self.as_argument(made[self.y])

        return act

    def slope(self, grid: np.ndarray, thetas: Mapping[int, Any]) -> np.ndarray:
        """Evaluate f′ as the program's own derivative rules give it; NaN where they cannot say.

        The rules are traced, not run: the tangent program is then read by the same evaluator as
        the values, so nothing is compiled and the convention at a kink is the program's.
        """
        args = [grid, *(thetas[v] if v in thetas else self.graph.known[v] for v in self._read)]
        try:
            with np.errstate(all="ignore"):
                (slope,) = self._derivative(args)
        except NotImplementedError:
            return np.full(grid.shape, np.nan)
        return np.broadcast_to(np.asarray(slope, np.float64), grid.shape)

    @cached_property
    def _derivative(self) -> evaluate.Act:
        """Trace once what `slope` runs."""
        reads = self._read

        def derivative(z: Any, *others: Any) -> Any:
            act = self.bound(dict(zip(reads, others, strict=True)))
            y, pullback = jax.vjp(act, z)
            return pullback(jnp.ones_like(y))[0]

        avals = [self.graph.avals[v] for v in (self.z, *reads)]
        return evaluate.read(shards.trace_beside(self.nodes[0].eqn, derivative, *avals))

    @property
    def keeps(self) -> str:
        """What its own rule keeps for the backward pass: "y", "of y" what y alone tells, or "z"."""

        def kept(z: Any) -> Any:
            y, pullback = jax.vjp(self.bound({}), z)
            return y, jax.tree.leaves(pullback)

        traced = shards.trace_beside(self.nodes[0].eqn, kept, self.graph.avals[self.z]).jaxpr
        makers = {v: eqn for eqn in traced.eqns for v in eqn.outvars}

        def still(v: Any) -> Any:
            while v in makers and makers[v].primitive.name in _STILL:
                v = makers[v].invars[0]
                if compat.is_literal(v):
                    return None
            return v

        y, *residuals = (still(v) for v in traced.outvars if not compat.is_literal(v))
        seen, left = {y}, residuals
        if all(v is None or v is y for v in residuals):
            return "y"
        while left:
            if (v := left.pop()) in seen:
                continue
            seen.add(v)
            ins = makers[v].invars if v in makers else ()
            left += [a for a in ins if not compat.is_literal(a)]
        return "z" if traced.invars[0] in seen else "of y"

    def _word(self, atom: Atom, names: Mapping[int, int]) -> str:
        if not isinstance(atom, Const) and atom in names:
            return f"v{names[atom]}"
        return repr(self.graph.number(atom))


def _spelling(eqn: Any) -> tuple[Any, ...]:
    """Word an equation so that equal words mean equal functions, whatever the shape."""
    params = tuple(
        (k, str(eqn.params[k]))
        for k in ("new_dtype", "y", "exponent_bits", "mantissa_bits")
        if k in eqn.params
    )
    bodies = tuple(_body(compat.opened(b)) for b in compat.inner_jaxprs(eqn))
    return (eqn.primitive.name, params, bodies, compat.rule_identity(eqn))


def _lasts(eqn: Any) -> bool:
    bodies = map(compat.opened, compat.inner_jaxprs(eqn))
    return not isinstance(compat.rule_identity(eqn), int) and all(
        _lasts(inner) for body in bodies for inner in body.jaxpr.eqns
    )


def _body(opened: compat.OpenJaxpr) -> tuple[Any, ...]:
    names: dict[Any, int] = {}
    for v in (*opened.jaxpr.constvars, *opened.jaxpr.invars):
        names[v] = len(names)
    words = []
    for eqn in opened.jaxpr.eqns:
        atoms = tuple(_jaxpr_word(a, names) for a in eqn.invars)
        words.append((_spelling(eqn), atoms))
        names.update((out, len(names) + i) for i, out in enumerate(eqn.outvars))
    return (*words, *(_jaxpr_word(a, names) for a in opened.jaxpr.outvars))


def _jaxpr_word(atom: Any, names: Mapping[Any, int]) -> str:
    return repr(evaluate.number(atom.val)) if compat.is_literal(atom) else f"v{names[atom]}"
