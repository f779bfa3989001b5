"""Which sites are meant: an id, a kind, a pattern on the path, a test, or a mix of them?"""

import difflib
import re
from collections.abc import Callable
from dataclasses import dataclass

from relu_jax.core import errors
from relu_jax.tap.program import Placed, Program
from relu_jax.tap.types import Site


@dataclass(frozen=True)
class Selector:
    """A test on sites; selectors combine with & | ~.

    Example:
        >>> import jax, jax.numpy as jnp, relu_jax as rj
        >>> f = lambda x: jnp.tanh(jnp.sum(jax.nn.relu(x), axis=0))
        >>> no_tanh = ~rj.tap.select("tanh")
        >>> [seen.post.tolist() for seen in rj.tap.record(f, no_tanh)(jnp.ones((1, 2)))[1].values()]
        [[[1.0, 1.0]]]
    """

    test: Callable[[Site], bool]
    words: str

    def __call__(self, site: Site) -> bool:
        """Say whether a site is meant."""
        return self.test(site)

    def __and__(self, other: "Selectable") -> "Selector":
        """Mean the sites both mean."""
        right = select(other)
        return Selector(lambda s: self(s) and right(s), f"({self.words} & {right.words})")

    def __or__(self, other: "Selectable") -> "Selector":
        """Mean the sites either means."""
        right = select(other)
        return Selector(lambda s: self(s) or right(s), f"({self.words} | {right.words})")

    def __invert__(self) -> "Selector":
        """Mean the other sites."""
        return Selector(lambda s: not self(s), f"~{self.words}")


Selectable = str | Selector | Callable[[Site], bool]


def select(what: Selectable) -> Selector:
    """Build a selector from an id, a kind, a regular expression on the path, or a test.

    Raises:
        ValueError: a text that is no regular expression.

    Example:
        >>> (select("relu") | select("layers/[01]/")).words
        "('relu' | 'layers/[01]/')"
    """
    if isinstance(what, Selector):
        return what
    if not isinstance(what, str):
        return Selector(what, getattr(what, "__name__", "test"))
    try:
        pattern = re.compile(what)
    except re.error as wrong:
        raise errors.rejected(
            rule="a selector is an id, a kind, a regular expression on the path, or a test",
            got=f"{what!r} ({wrong})",
            do="escape special characters with re.escape",
        ) from wrong
    return Selector(
        lambda s: what in (s.id, s.kind) or bool(s.path and pattern.search(s.path)), repr(what)
    )


def chosen(read: Program, only: Selectable | None) -> tuple[Placed, ...]:
    """Pick the sites of a program a selector means.

    Raises:
        ValueError: it means none; the nearest ids are listed.
    """
    if only is None:
        return read.placed
    selector = select(only)
    found = tuple(one for one in read.placed if selector(one.site))
    if not found:
        ids = [one.site.id for one in read.placed]
        near = difflib.get_close_matches(str(only), ids, n=3, cutoff=0.0) if ids else []
        opaque = read.sites.coverage.opaque
        closed = f" (not looked into: {', '.join(opaque)})" if opaque else ""
        raise errors.rejected(
            rule="a selector means at least one site",
            got=f"{selector.words}, which none of {len(ids)} sites is{closed}",
            do=f"try one of {', '.join(near)}" if near else "print rj.tap.sites(f, ...)",
        )
    return found
