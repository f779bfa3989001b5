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


def find(
    entries: Sequence[Entry],
    name: Any,
    *,
    rule: str,
    hint: str = "",
    elsewhere: Mapping[str, str] = _NOTHING,
    aliases: Mapping[str, str] = _NOTHING,
) -> Entry:
    """Find an entry by its name.

    Args:
        entries: the registry.
        name: one of theirs.
        rule: what the error says a name has to be.
        hint: added to advice by likeness: where other things are found.
        elsewhere: advice for names that people look for here and are kept in another place.
        aliases: what others call a name, spelled as by `folded`, and ours for it.

    Raises:
        ValueError: an unknown name; the message has the one that is meant, or the nearest ones.

    Edges: aliases and other spellings are told, never taken: one function has one name.

    Example:
        >>> from relu_jax.activations import CATALOGUE
        >>> find(CATALOGUE, "tanh", rule="a name of the catalogue").formula
        'tanh(x)'
    """
    names = [entry.name for entry in entries]
    if isinstance(name, str) and name in names:
        return entries[names.index(name)]
    meant = _meant(name, names, elsewhere, aliases) if isinstance(name, str) else ""
    near = meant or _near(name, names)
    do = f"{near}; {hint}" if hint and not meant else near
    raise errors.rejected(rule=rule, got=errors.describe(name), do=do)


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
