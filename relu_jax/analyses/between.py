"""What does a network do between two of its sites?"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from relu_jax.core import errors
from relu_jax.core.types import Array
from relu_jax.tap import Site, Sites, compat, observe, patch, record, select, sites
from relu_jax.tap.selectors import Selectable


@dataclass(frozen=True)
class Between:
    """A part of a network, as `between` gives it; called, it gives the value at its end."""

    f: Callable[[Any], Any]
    first: Selectable | None
    last: Selectable | None

    def __call__(self, x: Any) -> Array:
        """Give the value at the end."""
        return self.onward(x, self.begin(x))

    def begin(self, x: Any) -> Array:
        """Give the value at the beginning.

        Args:
            x: what the whole network takes.

        Raises:
            ValueError: a selector that means no site or several, a site in a loop or a branch, one
                whose first axis is not as long as that of x, or an end that does not come after the
                beginning.
            TypeError: x is no array.
        """
        first = self._ends(x)[0]
        return x if first is None else record(self.f, first.id)(x)[1][first.id].post

    def onward(self, x: Any, start: Any) -> Any:
        """Give the value at the end for a value at the beginning, all else being that of x.

        Raises:
            ValueError, TypeError: as `begin`.
        """
        first, last, behind = self._ends(x)

        def changed(x: Any, start: Any) -> Any:
            if first is None:
                return self.f(start)
            return patch(self.f, {first.id: lambda _pre, _post: start})(x)

        if last is None:
            return changed(x, start)
        # Counted from the end: what comes before the beginning is gone there.
        seen = observe(changed, lambda _site, _act, _pre, post: post)(x, start)[1]
        return [*seen.values()][behind.index(last) - len(behind)]

    def _ends(self, x: Any) -> tuple[Site | None, Site | None, tuple[Site, ...]]:
        """Find the sites at both ends, and all those behind the first."""
        if not hasattr(x, "shape"):
            raise errors.rejected(
                rule="a network of which a part is taken takes one array", got=errors.describe(x),
                do="put the rest of its input into a lambda", kind=TypeError,
            )  # fmt: skip
        found = sites(self.f, x)
        first, last = (_one(which, found, x) for which in (self.first, self.last))
        behind = tuple(found[found.index(first) + 1 :] if first else found)
        if last is not None and last not in behind:
            raise errors.rejected(
                rule="a part of a network ends after it begins",
                got=f"from {first.id if first else 'x'} to {last.id}",
                do="take a later site; rj.tap.sites(f, x) lists sites in the order they run",
            )
        return first, last, behind


def between(
    f: Any,
    first: Selectable | None = None,
    last: Selectable | None = None,
) -> Between:
    """Take the part of a network from the result of one site to the result of another.

    Args:
        f: a function of a batch, unedited: `lambda x: model(params, x)`.
        first: a selector of one site (see `rj.tap.select`); None: from the input on.
        last: likewise; None: to the output.

    Returns:
        what `jacobian`, `singular_values` and their plan take in the place of f, beside the x of
        the whole network: they are then of the result at `last` by that at `first`.

    Edges: whatever else leads from the input to `last`, such as a residual sum around `first`, is
    held as it is. Site by site the Jacobians of a chain multiply up to that of the whole.

    Example:
        >>> import jax, jax.numpy as jnp, relu_jax as rj
        >>> w = jnp.array([[1.0, -1.0], [2.0, 1.0]])
        >>> f = lambda x: jax.nn.relu(jnp.tanh(x) @ w)
        >>> rj.analyses.jacobian(between(f, "tanh", "relu"), jnp.array([[1.0, 0.5]])).tolist()
        [[[1.0, 2.0], [0.0, 0.0]]]
    """
    return Between(_function(f), first, last)


class Once:
    """A function of a batch, or a part of one, of which every shape of input is read once.

    Between two calls nothing may change that f looks up elsewhere: make another for the next.

    Example:
        >>> import jax.numpy as jnp
        >>> f = once(lambda x: x[:, :1] ** 2)
        >>> x = jnp.ones((2, 3))
        >>> f(x).tolist(), f.shaped(x)[1].shape
        ([[1.0], [1.0]], (2, 1))
    """

    def __init__(self, f: Callable[[Any], Any]) -> None:
        self._f = f
        self._read: dict[Any, _Read] = {}

    def __call__(self, x: Any) -> Any:
        """Give the result."""
        onward, start = self.opened(x)
        return onward(start)

    def opened(self, x: Any) -> tuple[Callable[[Any], Any], Any]:
        """Give the function whose Jacobian is meant, and where it is taken."""
        read = self._at(x)
        return lambda start: read.onward(x, start), read.begin(x)

    def shaped(self, x: Any) -> tuple[Any, Any]:
        """Give shape and dtype of where the Jacobian is taken and of the result."""
        read = self._at(x)
        return read.given, read.made

    def _at(self, x: Any) -> "_Read":
        given = jax.eval_shape(lambda x: x, x)
        key = given.shape, given.dtype
        if key not in self._read:
            self._read[key] = self._traced(given)
        return self._read[key]

    def _traced(self, x: Any) -> "_Read":
        if not isinstance(self._f, Between):
            onward, made = _written(self._f, x)
            return _Read(lambda x: x, lambda _x, start: onward(start), x, made)
        begin, start = _written(self._f.begin, x)
        onward, made = _written(self._f.onward, x, start)
        return _Read(begin, onward, start, made)


class _Read(NamedTuple):
    """What was read for inputs of one shape: x -> start, (x, start) -> result, and their shapes."""

    begin: Callable[[Any], Any]
    onward: Callable[[Any, Any], Any]
    given: Any
    made: Any


def once(f: Any) -> Once:
    """Read a function of a batch no more than once.

    Example:
        >>> once(3)
        Traceback (most recent call last):
        TypeError: f is a function of a batch; got int 3; pass lambda x: model(params, x)
    """
    return f if isinstance(f, Once) else Once(_function(f))


def _function(f: Any) -> Callable[[Any], Any]:
    if callable(f):
        return f
    raise errors.rejected(
        rule="f is a function of a batch", got=errors.describe(f),
        do="pass lambda x: model(params, x)", kind=TypeError,
    )  # fmt: skip


def _written(f: Callable[..., Any], *args: Any) -> tuple[Callable[..., Any], Any]:
    """Trace a function of arrays, and give it as what was traced, with the shape of its result."""
    # A function of its own: of one and the same, JAX would give the program it traced last time.
    program, made = compat.trace(lambda *args: f(*args), *args)
    tree = jax.tree.structure(made)
    run = compat.closed_function(*program)
    return lambda *args: jax.tree.unflatten(tree, run(*args)), made


def _one(which: Selectable | None, found: Sites, x: Any) -> Site | None:
    if which is None:
        return None
    meant = select(which)(found)
    if len(meant) != 1:
        ids = ", ".join(site.id for site in (meant or found)[:5]) or "none"
        raise errors.rejected(
            rule="a part of a network begins and ends at one site",
            got=f"{select(which).words}, which means {len(meant)} of {len(found)}",
            do=f"pass an id: {ids}",
        )
    (site,) = meant
    if site.loops or site.may_not_run or site.shape[:1] != jnp.shape(x)[:1]:
        where = "in a loop" if site.loops else "in a branch or a while loop"
        do = "write the loop out (unroll it), or take another site"
        if not (site.loops or site.may_not_run):
            where, do = f"of {site.shape} for x of {jnp.shape(x)}", "take another site"
        raise errors.rejected(
            rule="a part begins and ends where examples lead, outside loops and branches",
            got=f"{site.id} {where}",
            do=do,
        )
    return site
