"""Which entry of a registry bears a name, and what is said where none does?"""

import difflib
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeVar, runtime_checkable

from relu_jax.core import errors


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
    elsewhere: Mapping[str, str] | None = None,
) -> Entry:
    """Find an entry by its name.

    Args:
        entries: the registry.
        name: one of theirs.
        rule: what the error says a name has to be.
        hint: added to every advice: where other things are found.
        elsewhere: advice for names that people look for here and are kept in another place.

    Raises:
        ValueError: an unknown name; the message has the nearest ones.

    Example:
        >>> from relu_jax.activations import CATALOGUE
        >>> find(CATALOGUE, "tanh", rule="a name of the catalogue").formula
        '(e^x - e^-x) / (e^x + e^-x)'
    """
    names = [entry.name for entry in entries]
    if name in names:
        return entries[names.index(name)]
    close = difflib.get_close_matches(str(name), names, n=3)
    near = f"did you mean {' or '.join(close)}?" if close else f"pick one of {', '.join(names)}"
    advice = (elsewhere or {}).get(str(name)) or (f"{near}; {hint}" if hint else near)
    raise errors.rejected(rule=rule, got=errors.describe(name), do=advice)
