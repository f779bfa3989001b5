"""Which sites are meant: an id, a kind, a pattern on the path, a test, or a mix of them?"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from relu_jax.core import errors
from relu_jax.tap import callbacks
from relu_jax.tap.placed import Placed
from relu_jax.tap.program import Program
from relu_jax.tap.types import Site


@dataclass(frozen=True)
class Selector:
    """A choice among sites; selectors combine with & | ~.

    Args:
        means: lists the ids of those it means, of all the sites of a program.
        words: what it is, for messages.

    Example:
        >>> import jax, jax.numpy as jnp, relu_jax as rj
        >>> f = lambda x: jnp.tanh(jnp.sum(jax.nn.relu(x), axis=0))
        >>> no_tanh = ~rj.tap.select("tanh")
        >>> [seen.post.tolist() for seen in rj.tap.record(f, no_tanh)(jnp.ones((1, 2)))[1].values()]
        [[[1.0, 1.0]]]
    """

    means: Callable[[Sequence[Site]], set[str]]
    words: str

    def __call__(self, sites: Sequence[Site]) -> list[Site]:
        """List the sites it means, of all the sites of a program."""
        meant = self.means(sites)
        return [site for site in sites if site.id in meant]

    def __and__(self, other: "Selectable") -> "Selector":
        """Mean the sites both mean."""
        right = select(other)
        words = f"({self.words} & {right.words})"
        return Selector(lambda sites: self.means(sites) & right.means(sites), words)

    def __or__(self, other: "Selectable") -> "Selector":
        """Mean the sites either means."""
        right = select(other)
        words = f"({self.words} | {right.words})"
        return Selector(lambda sites: self.means(sites) | right.means(sites), words)

    def __invert__(self) -> "Selector":
        """Mean the other sites."""
        return Selector(lambda sites: _ids(sites) - self.means(sites), f"~{self.words}")


_RULE = "a selector is an id, a kind, a regular expression on the path, or a test"
Selectable = str | Selector | Callable[[Site], bool]


def select(what: Selectable) -> Selector:
    """Build a selector from an id, a kind, a regular expression on the path, or a test.

    A text is an id where a site has that id; else a kind where a site is of that kind; else a
    regular expression, searched for in the path of the weight that feeds a site.

    Raises:
        ValueError: a text that is no regular expression, or is empty.
        TypeError: it is none of these.

    Example:
        >>> (select("relu") | select("layers/[01]/")).words
        "('relu' | 'layers/[01]/')"
    """
    if isinstance(what, Selector):
        return what
    if not isinstance(what, str) and not callable(what):
        raise errors.rejected(
            rule=_RULE,
            got=f"{what!r}",
            do='combine several with |: rj.tap.select("a") | "b"',
            kind=TypeError,
        )
    if not isinstance(what, str):
        callbacks.check(what, _RULE, "site")
        words = getattr(what, "__name__", "test")
        return Selector(lambda sites: _passing(sites, what), words)
    if not what:  # as a pattern it would mean every site
        raise errors.rejected(
            rule=_RULE, got="an empty text", do='write ".*" or None for all sites'
        )
    try:
        pattern = re.compile(what)
    except re.error as wrong:
        raise errors.rejected(
            rule=_RULE,
            got=f"{what!r} ({wrong})",
            do="escape special characters with re.escape",
        ) from wrong
    return Selector(lambda sites: _named(sites, what, pattern), repr(what))


def _named(sites: Sequence[Site], word: str, pattern: re.Pattern[str]) -> set[str]:
    return (
        _ids(site for site in sites if site.id == word)
        or _ids(site for site in sites if site.kind == word)
        or _ids(site for site in sites if pattern.search(site.path))
    )


def _passing(sites: Sequence[Site], test: Callable[[Site], bool]) -> set[str]:
    found = set()
    for site in sites:
        with callbacks.at(site, test, "selector"):
            if test(site):
                found.add(site.id)
    return found


def _ids(sites: Iterable[Site]) -> set[str]:
    return {site.id for site in sites}


def chosen(read: Program, only: Selectable | None) -> tuple[Placed, ...]:
    """Pick the sites of a program a selector means.

    Raises:
        ValueError: it means none; the nearest ids and kinds are listed.
    """
    if only is None:
        return read.placed
    selector = select(only)
    meant = selector.means(read.sites)
    found = tuple(one for one in read.placed if one.site.id in meant)
    if not found:
        opaque = read.sites.coverage.opaque
        closed = f" (not looked into: {', '.join(opaque)})" if opaque else ""
        raise errors.rejected(
            rule="a selector means at least one site",
            got=f"{selector.words}, which none of {len(read.placed)} sites is{closed}",
            do=_near(selector.words.strip("'"), read.sites),
        )
    return found


def _near(word: str, sites: Sequence[Site]) -> str:
    if not sites:
        return "print rj.tap.sites(f, ...)"
    ids = errors.nearest(word, (site.id for site in sites))
    kinds = errors.nearest(word, (site.kind for site in sites))
    return f"try one of the ids {', '.join(ids)} or of the kinds {', '.join(kinds)}"
