"""What does a network do between two of its sites?"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from relu_jax.core import errors
from relu_jax.core.types import Array
from relu_jax.tap import Site, Sites, patch, record, select, sites
from relu_jax.tap.selectors import Selectable


@dataclass(frozen=True)
class Between:
    """A part of a network, as `between` gives it; called, it gives the value at its end."""

    f: Callable[[Any], Any]
    first: Selectable | None
    last: Selectable | None

    def __call__(self, x: Any) -> Array:
        """Give the value at the end."""
        onward, start = self.opened(x)
        return onward(start)

    def opened(self, x: Any) -> tuple[Callable[[Any], Any], Array]:
        """Give the part as a function of the value at its beginning, and that value.

        Args:
            x: what the whole network takes.

        Raises:
            ValueError: a selector that means no site or several, a site in a loop or a branch, one
                whose first axis is not as long as that of x, or an end that does not come after the
                beginning.
        TypeError: x is no array.
        """
        if not hasattr(x, "shape"):
            raise errors.rejected(
                rule="a network of which a part is taken takes one array", got=errors.describe(x),
                do="put the rest of its input into a lambda", kind=TypeError,
            )  # fmt: skip
        found = sites(self.f, x)
        first, last = (_one(which, found, x) for which in (self.first, self.last))
        behind = found[found.index(first) + 1 :] if first else tuple(found)
        if last is not None and last not in behind:
            raise errors.rejected(
                rule="a part of a network ends after it begins",
                got=f"from {first.id if first else 'x'} to {last.id}",
                do="take a later site; rj.tap.sites(f, x) lists sites in the order they run",
            )
        if first is None:
            return lambda start: self._at(last, start), x
        place = None if last is None else len(behind) - behind.index(last)

        def changed(x: Any, start: Any) -> Any:
            return patch(self.f, {first.id: lambda _pre, _post: start})(x)

        def onward(start: Any) -> Any:
            if place is None:
                return changed(x, start)
            # What comes before the beginning is gone: ids that are numbers may be others now.
            name = sites(changed, x, start)[-place].id
            return record(changed, name)(x, start)[1][name].post

        return onward, self._at(first, x)

    def _at(self, site: Site | None, x: Any) -> Any:
        return self.f(x) if site is None else record(self.f, site.id)(x)[1][site.id].post


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
    if not callable(f):
        raise errors.rejected(
            rule="f is a function of a batch", got=errors.describe(f),
            do="pass lambda x: model(params, x)", kind=TypeError,
        )  # fmt: skip
    return Between(f, first, last)


def opened(f: Any, x: Any) -> tuple[Callable[[Any], Any], Any]:
    """Give the function whose Jacobian is meant, and where it is taken.

    Example:
        >>> opened(jnp.tanh, 0.5)[1]
        0.5
    """
    return f.opened(x) if isinstance(f, Between) else (f, x)


def shaped(f: Any, x: Any) -> tuple[Any, Any]:
    """Give shape and dtype of where the Jacobian is taken and of the result, without running.

    Example:
        >>> where, result = shaped(lambda x: x[:, :1], jax.ShapeDtypeStruct((2, 3), "float32"))
        >>> where.shape, result.shape
        ((2, 3), (2, 1))
    """

    def both(x: Any) -> Any:
        onward, start = opened(f, x)
        return start, onward(start)

    return jax.eval_shape(both, x)


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
