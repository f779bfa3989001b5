"""How much of the program was understood? The coverage record in one sentence."""

from collections.abc import Mapping
from typing import Any

from relu_jax.report.text import counted, number, value


def coverage_words(coverage: Mapping[str, Any] | None) -> str:
    """Say what was found, recognised, set aside and not entered.

    Args:
        coverage: the coverage record of a run, or None when it has none.

    Returns:
        One sentence.

    Example:
        >>> coverage_words(
        ...     {
        ...         "chains": 9,
        ...         "recognised": 8,
        ...         "unknown": 0,
        ...         "ignored": {"softmax": 1},
        ...         "opaque": [],
        ...     }
        ... )
        '9 elementwise chains, 8 recognised, 0 unknown; set aside: softmax 1; opaque: none.'
    """
    if not coverage:
        return "Not recorded."
    counts = (
        f"{counted(coverage.get('chains'), 'elementwise chain', 'elementwise chains')}, "
        f"{number(coverage.get('recognised'))} recognised, "
        f"{number(coverage.get('unknown'))} unknown"
    )
    aside = value(dict(coverage.get("ignored") or {}))
    opaque = value(list(coverage.get("opaque") or ()))
    return f"{counts}; set aside: {aside}; opaque: {opaque}."


def complete(coverage: Mapping[str, Any] | None) -> bool:
    """Say whether nothing was left unknown or opaque.

    Example:
        >>> complete({"unknown": 0, "opaque": []}), complete({"unknown": 1}), complete(None)
        (True, False, False)
    """
    return bool(coverage) and not coverage.get("unknown") and not coverage.get("opaque")
