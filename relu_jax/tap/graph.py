"""The program as the engine reads it: frames of nodes over numbered variables.

Nested jits are written out in place, since a chain of operations may cross them; the calls are
kept beside the nodes, so that the program can run as it was written. Loops, branches, rematted
regions and functions with their own derivative rule become frames of their own; what cannot be
entered stays one node, marked opaque.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from relu_jax.tap import evaluate


class Const(NamedTuple):
    """An operand written in place: one number."""

    value: Any


Atom = int | Const
LOOPS = ("scan", "while")  # kinds of nodes whose body runs again on what it gave


@dataclass(frozen=True)
class Node:
    """One equation of a frame, its operands and results as numbered variables."""

    eqn: Any
    ins: tuple[Atom, ...]  # what is written twice is named by its first variable
    reads: tuple[Atom, ...]  # the same operands, as they were written
    outs: tuple[int, ...]
    # plain, elementwise, opaque, or what entering.py has a rule for: scan, while, cond, remat, rule
    # (the user's derivative), shard (a shard_map)
    kind: str
    frames: "tuple[Frame, ...]"  # what is entered: the body, or every branch of a cond
    calls: tuple[Any, ...]  # the nested jits it was written out of, outermost first
    backward: bool  # made by transposition: the backward pass of a gradient in the program

    @property
    def name(self) -> str:
        """The primitive's name."""
        return self.eqn.primitive.name

    @property
    def operands(self) -> list[int]:
        """The operands that are variables."""
        return [a for a in self.ins if not isinstance(a, Const)]

    def others(self, than: int) -> list[int]:
        """List the operands that are other variables."""
        return [a for a in self.operands if a != than]

    @property
    def handed(self) -> tuple[Atom, ...]:
        """The operands that become the inputs of each frame: all but those of a condition."""
        return self.ins[len(self.ins) - len(self.frames[0].ins) :]


@dataclass
class Frame:
    """A straight-line piece of program: what goes in, what runs, what comes out."""

    ins: tuple[int, ...] = ()
    consts: dict[int, Any] = field(default_factory=dict)  # arrays the program closed over
    nodes: list[Node] = field(default_factory=list)  # nested jits written out: what is analysed
    items: "list[Item]" = field(default_factory=list)  # nested jits kept: what runs
    outs: tuple[Atom, ...] = ()
    returns: tuple[Atom, ...] = ()  # the same results, as they were written


@dataclass(frozen=True)
class Repeat:
    """An equation that was written before: it gives `firsts` again, and runs as it was written."""

    eqn: Any
    reads: tuple[Atom, ...]
    outs: tuple[int, ...]
    firsts: tuple[int, ...]


@dataclass(frozen=True)
class Call:
    """A nested jit: its body's items over the variables of the frame around it."""

    eqn: Any
    reads: tuple[Atom, ...]
    items: "tuple[Item, ...]"
    outs: tuple[Atom, ...]

    def nodes(self) -> Iterator[Node]:
        """Yield the nodes of its body, those of calls inside included."""
        for item in self.items:
            if not isinstance(item, Repeat):
                yield from (item,) if isinstance(item, Node) else item.nodes()

    def repeated(self) -> Iterator[int]:
        """Yield the variables its body computes again, those of calls inside included."""
        for item in self.items:
            if not isinstance(item, Node):
                yield from item.firsts if isinstance(item, Repeat) else item.repeated()

    def read(self) -> Iterator[Atom]:
        """Yield the operands its body reads, those of calls inside included."""
        for item in self.items:
            yield from item.read() if isinstance(item, Call) else item.reads

    def variables(self) -> Iterator[int]:
        """Yield the variables its body defines."""
        for node in self.nodes():
            yield from node.outs


Item = Node | Repeat | Call


@dataclass
class Graph:
    """A whole program; `avals[v]` is the abstract value of variable v, in any frame."""

    avals: list[Any] = field(default_factory=list)
    known: dict[int, Any] = field(default_factory=dict)  # computed from written numbers alone
    firsts: dict[int, int] = field(default_factory=dict)  # variable -> the first that equals it
    frame: Frame = field(default_factory=Frame)

    def first(self, atom: Atom) -> Atom:
        """Read an operand's name in the analysis: of what is written twice, the first variable."""
        return atom if isinstance(atom, Const) else self.firsts.get(atom, atom)

    def number(self, atom: Atom) -> Any:
        """Read an operand that is one known number; None where it is not."""
        if not isinstance(atom, Const):
            return self.known.get(atom)
        with contextlib.suppress(NotImplementedError):  # complex: no activation reads it
            return evaluate.number(atom.value)
        return None

    def variable(self, aval: Any) -> int:
        """Number a new variable."""
        self.avals.append(aval)
        return len(self.avals) - 1

    def shape(self, atom: Atom) -> tuple[int, ...]:
        """Read an operand's shape."""
        return tuple(getattr(self._aval(atom), "shape", ()))

    def dtype(self, atom: Atom) -> Any:
        """Read an operand's dtype; None for a token."""
        return getattr(self._aval(atom), "dtype", None)

    def _aval(self, atom: Atom) -> Any:
        return atom.value if isinstance(atom, Const) else self.avals[atom]
