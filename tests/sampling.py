"""Which cases of a long list run by default? The others are thorough: .ci/run runs all of them."""

from collections.abc import Iterable, Sequence
from typing import Any

import pytest

THOROUGH = pytest.mark.thorough("the default tests have some such cases, on both JAX releases")


def some(cases: Iterable[Any], every: int, ids: Sequence[str] | None = None) -> list[Any]:
    """Make parameters of cases: the first, and every so many after it, run by default.

    Args:
        cases: each a value, or a tuple of the values of one case.
        every: of how many cases one runs by default.
        ids: their names.
    """
    rows = list(cases)
    return [
        pytest.param(
            *(row if type(row) is tuple else (row,)),
            id=ids[i] if ids else None,
            marks=THOROUGH if i % every else (),
        )
        for i, row in enumerate(rows)
    ]
