"""Random programs that know their activations: planted in random spellings, at random depths.

`write(seed)` draws a program: its structure, parameters and data come from the seed alone.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from tests.tap.fuzz import nodes
from tests.tap.fuzz.fillers import FILLERS
from tests.tap.fuzz.nodes import Node, Planted, Shape, one_probe, probed
from tests.tap.hand_written import HAND_WRITTEN
from tests.tap.networks import B, C, H, leaf


class Program(NamedTuple):
    """A whole program."""

    seed: int
    words: str
    model: Callable[[Any, Any, Any], Any]  # (params, probes, x) -> y
    params: Any
    x: np.ndarray
    probes: Any
    planted: tuple[Planted, ...]

    def plain(self, params: Any, x: Any) -> Any:
        """Run the program as a user would have written it."""
        return self.model(params, None, x)


# What stands around other nodes: on a batch or on one example, and on a batch only.
ANYWHERE = (
    nodes.jitted, nodes.rematted, nodes.scanned, nodes.counted, nodes.chosen, nodes.switched,
    nodes.own_jvp, nodes.own_vjp, nodes.repeated, nodes.mapped_axes, nodes.twice,
)  # fmt: skip
PER_EXAMPLE = (nodes.per_example, nodes.turn_by_turn)
BODIES = {nodes.chosen: 2, nodes.switched: 3}
# A factor behind a firing rate, such as that of dropout, changes its time constants. And JAX 0.12
# spells jnp.sinc with stop_gradient inside, at which a function ends: that is not read yet.
UNREAD = {"sinc: jax.numpy"} if jax.__version_info__ >= (0, 12) else set()
SPELLED = [
    row for row in HAND_WRITTEN if not row.kind.startswith("lif_rate") and row.label not in UNREAD
]


class Writer:
    """Draws the nodes of one program."""

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)

    def _draw(self, *shape: int, scale: float = 0.6) -> np.ndarray:
        return self._rng.normal(scale=scale, size=shape).astype(np.float32)

    def _one(self, of: Any) -> Any:
        return of[self._rng.integers(len(of))]

    def sequence(self, depth: int, most: int = 2, *, batched: bool) -> Node:
        """Draw a few steps, one after another."""
        count = self._rng.integers(1, most + 1)
        return nodes.in_turn([self._step(depth, batched=batched) for _ in range(count)])

    def _step(self, depth: int, *, batched: bool) -> Node:
        if depth == 0 or self._rng.random() < 0.35:
            kinds = (self._plant, self._plant, self._filler, self._filler, self._gate, self._halves)
            return self._one(kinds)()
        wrap = self._one(ANYWHERE + PER_EXAMPLE if batched else ANYWHERE)
        inner = batched and wrap not in PER_EXAMPLE
        bodies = [self.sequence(depth - 1, batched=inner) for _ in range(BODIES.get(wrap, 1))]
        return wrap(self._rng, *bodies)

    def _filler(self) -> Node:
        chosen = self._one(FILLERS)
        return Node(
            chosen.words, lambda p, _, h: chosen.f(p, h), dict(chosen.params), lambda _: (), ()
        )

    def _before(self) -> tuple[str, Callable[[Any, Any], Any], dict[str, np.ndarray]]:
        """Draw what an activation is applied to."""
        w, b = self._draw(H, H), self._draw(H, scale=0.2)
        ways = (
            ("product", lambda p, h: h @ p["w"], {"w": w}),
            ("dense", lambda p, h: h @ p["w"] + p["b"], {"w": w, "b": b}),
            ("einsum", lambda p, h: jnp.einsum("...d,hd->...h", h, p["w"]) + p["b"],
             {"w": w, "b": b}),
            ("residual sum", lambda p, h: h + h @ p["w"], {"w": w}),
            ("norm", lambda p, h: _normed(h @ p["w"]) * p["b"], {"w": w, "b": 1 + b}),
            ("scaled product", lambda p, h: p["b"][0] * (h @ p["w"]), {"w": w, "b": 1 + b}),
        )  # fmt: skip
        return self._one(ways)

    def _plant(self) -> Node:
        row = self._one(SPELLED)
        words, before, params = self._before()

        def apply(p: Any, probes: Any, h: Any) -> Any:
            return probed(row.f, before(p, h), probes)

        return Node(f"{row.label} after {words}", apply, params, one_probe, (Planted(row),))

    def _gate(self) -> Node:
        row = self._one(SPELLED)

        def apply(p: Any, probes: Any, h: Any) -> Any:
            return probed(row.f, h @ p["gate"], probes) * (h @ p["up"])

        params = {"gate": self._draw(H, H), "up": self._draw(H, H)}
        return Node(f"gate {row.label}", apply, params, one_probe, (Planted(row, gates=True),))

    def _halves(self) -> Node:
        left, right = self._one(SPELLED), self._one(SPELLED)

        def apply(p: Any, probes: Any, h: Any) -> Any:
            a, b = jnp.split(h @ p["w"], 2, axis=-1)
            one, two = probes or (None, None)
            return jnp.concatenate([probed(left.f, a, one), probed(right.f, b, two)], axis=-1)

        def probes(shape: Shape) -> Any:
            half = (*shape[:-1], H // 2)
            return (one_probe(half), one_probe(half))

        planted = (Planted(left), Planted(right))
        words = f"halves {left.label} and {right.label}"
        return Node(words, apply, {"w": self._draw(H, H)}, probes, planted)


def _normed(h):
    return h / jnp.sqrt(jnp.mean(h**2, -1, keepdims=True) + 1e-6)


def write(seed: int) -> Program:
    """Draw the program of a seed."""
    body = Writer(seed).sequence(1 + seed % 2, most=3, batched=True)
    params = {"body": body.params, "out": leaf(H, C, seed=seed)}

    def model(params: Any, probes: Any, x: Any) -> Any:
        return body.apply(params["body"], probes, x) @ params["out"]

    x = leaf(B, H, seed=seed)
    return Program(seed, body.words, model, params, x, body.probes(x.shape), body.planted)


def primitives(jaxpr: Any) -> set[str]:
    """List the primitives of a program, those inside others too."""
    found: set[str] = set()
    for eqn in jaxpr.eqns:
        found.add(eqn.primitive.name)
        for value in jax.tree.leaves(eqn.params, is_leaf=lambda v: hasattr(v, "eqns")):
            inner = getattr(value, "jaxpr", value)
            if hasattr(inner, "eqns"):
                found |= primitives(inner)
    return found
