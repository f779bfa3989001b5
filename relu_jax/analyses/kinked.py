"""Which activation with kinks stands at a site, if it is a line between them?"""

import functools
import itertools
from collections.abc import Iterator
from typing import Any

from relu_jax import tap
from relu_jax.activations import Activation, get, names
from relu_jax.analyses.catalogued import catalogued, with_slopes_of
from relu_jax.core import errors
from relu_jax.tap import compat, elementwise
from relu_jax.tap.placed import Placed


def at_site(site: tap.Site, examples: int) -> Activation:
    """Find the piecewise linear activation of a site, with the slopes of the program.

    Where its one parameter is an array of the program and its kinks do not hang on it, as of a
    PReLU, another parameter stands for it.

    Args:
        site: of a program that was traced for so many examples.
        examples: so many.

    Raises:
        ValueError: it is not piecewise linear, or jumps.
        NotImplementedError: it stands in a branch or a while loop, or has no one axis of examples.

    Example:
        >>> import jax
        >>> (site,) = tap.sites(jax.nn.relu6, jax.ShapeDtypeStruct((5, 3), "float32"))
        >>> at_site(site, 5).kinks
        (0.0, 6.0)
    """
    if site.may_not_run:
        raise errors.rejected(
            rule="activations run for every example",
            got=f"{site.id}, in a branch or a while loop",
            do="ask for what stands before it; relu_jax/analyses/hinges.py is to extend",
            kind=NotImplementedError,
        )
    if site.shape.count(examples) != 1:
        raise not_by_example(site.id, site.shape)
    act = with_slopes_of(site, catalogued(site) or _bends_alike(site.kind))
    if act is None or not is_piecewise_linear(act):
        raise errors.rejected(
            rule="exact regions are those of continuous piecewise linear activations",
            got=f"{site.kind} at {site.id}"
            + (", its parameters arrays" if site.kind in names() and not catalogued(site) else ""),
            do="swap it: rj.tap.swap(f, {" + repr(site.kind) + ': "relu"})',
        )
    return act


@functools.cache
def _bends_alike(kind: str) -> Activation | None:
    """Find an activation whose kinks stay where they are, whatever its one parameter is.

    Its parameter may then be an array of the program, as of a PReLU.
    """
    act = get(kind) if kind in names() else None
    if act is None or len(act.params) != 1:
        return None
    (name,) = act.params
    others = [act.with_params(**{name: value}) for value in (0.125, 0.375)]
    return act if all(other.kinks == act.kinks for other in others) else None


def is_of_maxima(one: Placed) -> bool:
    """Say whether a function that has no name is made of maxima, which are hinges themselves.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> f = lambda x: x + jax.nn.relu(x + 1) + jax.nn.relu(x - 1)
        >>> (one,) = tap.program.opened(f, (jnp.ones(2),), {})[1].placed
        >>> is_of_maxima(one)
        True
    """
    found = {name for node in one.piece.nodes for name in _operations(node.eqn)}
    own = found - elementwise.AFFINE.keys() - {"jit", "pjit", "custom_jvp_call"}
    return one.site.kind == "unknown" and own <= {"max", "min"}


def _operations(eqn: Any) -> Iterator[str]:
    """Yield the names of an equation, and of those in its bodies."""
    yield eqn.primitive.name
    for body in compat.inner_jaxprs(eqn):
        for inner in compat.opened(body).jaxpr.eqns:
            yield from _operations(inner)


def not_by_example(where: str, shape: tuple[int, ...]) -> Exception:
    """Word that the axis of examples of an activation is not known.

    Example:
        >>> "one axis of examples" in str(not_by_example("site#1", (5, 5)))
        True
    """
    return errors.rejected(
        rule="an activation has one axis of examples, and a maximum has it in front",
        got=f"{where}, of shape {shape}",
        do="put examples first, and do not compare them with each other",
        kind=NotImplementedError,
    )


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
