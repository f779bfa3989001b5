"""Where does a piecewise linear network bend: at which value of which argument of an activation?"""

import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax

from relu_jax import tap
from relu_jax.activations import Activation
from relu_jax.analyses.catalogued import catalogued
from relu_jax.core import errors
from relu_jax.core.types import Array


class Hinge(NamedTuple):
    """One activation, at one turn of the loops around it, and where it bends."""

    site: str
    turn: tuple[int, ...]  # () outside of loops
    kinks: tuple[float, ...]

    @property
    def id(self) -> str:
        """The site's id, with its turn in brackets."""
        return f"{self.site}[{','.join(map(str, self.turn))}]" if self.turn else self.site


def hinges(f: Callable[[Any], Any], x: Any) -> tuple[Hinge, ...]:
    """List the hinges of a function of a batch, in the order they run.

    Args:
        f: a function of x, of (N, ...); any network whose activations are piecewise linear.
        x: a batch, or `jax.ShapeDtypeStruct`.

    Raises:
        ValueError: an activation is not piecewise linear, or jumps.
        NotImplementedError: one in a branch, a while loop, or that mixes examples in its layout.

    Edges: what bends and is no activation (a maximum over a window, a softmax) is not seen here.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> [hinge.id for hinge in hinges(jax.nn.relu, jnp.ones((2, 3)))]
        ['site#1']
    """
    sites = tap.sites(f, x)
    found = []
    for _, group in itertools.groupby(sites, lambda site: site.loops):
        members = [(site, _kinks(site, x.shape[0])) for site in group]
        for turn in itertools.product(*(_turns(members[0][0]))):
            found += [Hinge(site.id, turn, kinks) for site, kinks in members]
    return tuple(found)


def arguments(f: Callable[[Any], Any], chosen: tuple[Hinge, ...]) -> Callable[[Array], Any]:
    """Build the function that gives f(x), and the argument of every hinge as (N, units).

    Example:
        >>> import jax, jax.numpy as jnp
        >>> x = jnp.ones((2, 3))
        >>> y, (z,) = arguments(jax.nn.relu, hinges(jax.nn.relu, x))(x)
        >>> z.shape
        (2, 3)
    """
    recorded = tap.record(f)

    def given(x: Array) -> Any:
        y, seen = recorded(x)
        return y, [seen[one.site].pre[one.turn].reshape(len(x), -1) for one in chosen]

    return jax.jit(given)


def _turns(site: tap.Site) -> list[range]:
    """List the turns of each loop in the order they run."""
    return [
        range(n)[:: -1 if way < 0 else 1] for n, way in zip(site.loops, site.order, strict=True)
    ]


def _kinks(site: tap.Site, examples: int) -> tuple[float, ...]:
    if site.may_not_run or site.shape[:1] != (examples,):
        raise errors.rejected(
            rule="activations run for every example, which leads in their arrays",
            got=f"{site.id}, of shape {site.shape} for {examples} examples",
            do="regions in branches are not followed; relu_jax/analyses/hinges.py is to extend",
            kind=NotImplementedError,
        )
    act = catalogued(site)
    if act is None or not is_piecewise_linear(act):
        raise errors.rejected(
            rule="exact regions are those of continuous piecewise linear activations",
            got=f"{site.kind} at {site.id}",
            do="swap it: rj.tap.swap(f, {" + repr(site.kind) + ': "relu"})',
        )
    return act.kinks


def is_piecewise_linear(act: Activation) -> bool:
    """Say whether a function is a line between its kinks, and does not jump there.

    Example:
        >>> from relu_jax.activations import get
        >>> is_piecewise_linear(get("relu6")), is_piecewise_linear(get("elu"))
        (True, False)
    """
    if not act.kinks:
        return False
    ends = [act.kinks[0] - 4.0, *act.kinks, act.kinks[-1] + 4.0]
    for low, high in itertools.pairwise(ends):
        step = (high - low) * 1e-6
        left, middle, right = (float(act(x)) for x in (low + step, (low + high) / 2, high - step))
        if abs(left + right - 2 * middle) > 1e-5 * (1 + abs(left) + abs(right)):
            return False
    beside = [[float(act(kink + way * 1e-5)) for way in (-1, 1)] for kink in act.kinks]
    return all(abs(a - b) < 1e-3 for a, b in beside)
