"""Which entry of a registry bears a name, and what is said where none does?"""

import difflib
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Protocol, TypeVar, runtime_checkable

from relu_jax.core import errors

_NOTHING: Mapping[str, str] = MappingProxyType({})


@runtime_checkable
class Named(Protocol):
    """What a registry holds."""

    @property
    def name(self) -> str:
        """The word it is found by."""
        ...


Entry = TypeVar("Entry", bound=Named)


def find(entries: Sequence[Entry], name: Any) -> Entry | None:
    """Find an entry by its name; None where no entry bears it.

    Example:
        >>> from relu_jax.activations import CATALOGUE
        >>> find(CATALOGUE, "tanh").formula
        'tanh(x)'
    """
    return next((entry for entry in entries if entry.name == name), None)


def unknown(
    entries: Sequence[Named],
    name: Any,
    *,
    rule: str,
    hint: str = "",
    elsewhere: Mapping[str, str] = _NOTHING,
    aliases: Mapping[str, str] = _NOTHING,
) -> Exception:
    """Build the error for a name that `find` does not find; the caller raises it.

    Args:
        entries: the registry.
        name: none of theirs.
        rule: what the error says a name has to be.
        hint: added to advice by likeness: where other things are found.
        elsewhere: advice for names that people look for here and are kept in another place.
        aliases: what others call a name, spelled as by `folded`, and ours for it.

    Returns:
        A ValueError; its message has the name that is meant, or the nearest ones.

    Edges: aliases and other spellings are told, never taken: one function has one name.

    Example:
        >>> from relu_jax.activations import CATALOGUE
        >>> print(unknown(CATALOGUE, "Tanh", rule="a name is of the catalogue"))
        a name is of the catalogue; got str 'Tanh'; did you mean tanh?
    """
    names = [entry.name for entry in entries]
    meant = _meant(name, names, elsewhere, aliases) if isinstance(name, str) else ""
    near = meant or _near(name, names)
    do = f"{near}; {hint}" if hint and not meant else near
    return errors.rejected(rule=rule, got=errors.describe(name), do=do)


def folded(name: str) -> str:
    """Spell a name without capitals, underscores, hyphens and spaces.

    Example:
        >>> folded("Hard_Swish"), folded("hard-swish")
        ('hardswish', 'hardswish')
    """
    return "".join(letter for letter in name.lower() if letter not in "_- ")


def _meant(
    name: str, names: list[str], elsewhere: Mapping[str, str], aliases: Mapping[str, str]
) -> str:
    """Say which name is meant by an alias or another spelling; nothing where none is."""
    key = folded(name)
    spellings = {folded(known): known for known in (*elsewhere, *names)}
    told = []
    for known in dict.fromkeys((aliases.get(key, ""), spellings.get(key, ""))):
        if known in names:
            told.append(f"did you mean {known}?")
        elif known in elsewhere:
            told.append(elsewhere[known])
    return " Or: ".join(told)


def _near(name: Any, names: list[str]) -> str:
    low = name.lower() if isinstance(name, str) else ""
    close = difflib.get_close_matches(low, names, n=3)
    return f"did you mean {' or '.join(close)}?" if close else f"pick one of {', '.join(names)}"
