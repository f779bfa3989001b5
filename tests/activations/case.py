"""A row of the battery: an activation, and what is true of it whatever our code says."""

from typing import NamedTuple

import numpy as np

from relu_jax.activations import Activation
from tests.activations import oracle

INF = np.inf


class Case(NamedTuple):
    """One activation with its formula and its limits."""

    act: Activation
    formula: str  # in SymPy's notation: see tests/activations/oracle.py
    limits: tuple[float, float]  # f(-inf), f(inf)
    slopes: tuple[float, float]  # f'(-inf), f'(inf)
    ends: tuple[float, float]  # infimum and supremum of f over the real numbers
    # Rounding above that of one function of x, for f, f' and f'', and the reason where not 0:
    # c eps (|f| + |x f'| + slack[0]), c eps (|f'| + |x f''| + slack[1]), and so on.
    slack: tuple[float, float, float] = (0.0, 0.0, 0.0)
    why: str = ""
    bends: tuple[float, float] = (0.0, 0.0)  # f''(-inf), f''(inf)
    kink_slopes: tuple[float, ...] = ()  # f' where it jumps, ascending: the convention
    nan_slope: float = np.nan  # f'(NaN)

    @property
    def label(self) -> str:
        """Name the row by activation and parameters."""
        values = ",".join(f"{k}={v:g}" for k, v in self.act.params.items())
        return f"{self.act.name}({values})"

    @property
    def pieces(self) -> oracle.Pieces:
        """Read the formula."""
        return oracle.pieces(self.formula, tuple(self.act.params.items()))

    @property
    def kinks(self) -> tuple[float, ...]:
        """Find where f or f' jumps, by the formula."""
        return tuple(sorted({*self.pieces.jumps(0), *self.pieces.jumps(1)}))
