"""Every elementwise member of the catalogue at several parameters, called and written out."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax, nn
from scipy import special

from relu_jax.activations import CATALOGUE, Activation
from tests.activations.cases import CASES

Params = Mapping[str, float]
THIRD = 1 / 3
# Beside the rows of tests/activations: parameters of any size, and those where two members are one.
SETTINGS: dict[str, tuple[Params, ...]] = {
    "leaky_relu": tuple({"slope": s} for s in (0.2, THIRD, -0.5, 1e-3, 5.5, 0, -1, 11 / 48)),
    "elu": tuple({"alpha": a} for a in (2, THIRD, -0.5, 0)),
    "silu": tuple({"beta": b} for b in (THIRD, 0.1, -1, 10)),
    "softplus": tuple({"beta": b} for b in (0.3, 20, THIRD)),
    "relu_n": tuple({"n": n} for n in (THIRD, 1, 6, 100)),
    "hard_tanh": tuple(
        {"low": low, "high": high}
        for low, high in ((0, 6), (0, 1), (0, 2.5), (-THIRD, 2 / 3), (0.5, 3), (-99, 99))
    ),
    "rrelu": tuple({"low": low, "high": high} for low, high in ((0.1, 0.3), (0.25, 0.25), (0, 0))),
    "two_slope": tuple(
        {"left": left, "right": right}
        for left, right in ((1, 0), (-1, 1), (0.01, 1), (THIRD, 2 / 3), (0, 1))
    ),
    "thresholded_relu": tuple({"threshold": t} for t in (THIRD, 0.29, 0.03, 5, 0)),
    "threshold": tuple(
        {"threshold": t, "value": v}
        for t, v in ((-THIRD, 2 / 3), (0.5, 0.5), (THIRD, 0), (0, -1), (0, 0))
    ),
    "relu_general": tuple(
        {"max_value": m, "negative_slope": s, "threshold": t}
        for m, s, t in ((1, 0.1, THIRD), (1, 0, 0), (99, -0.2, 0.5))
    ),
    "soft_shrink": tuple({"width": w} for w in (THIRD, 0.01)),
    "hard_shrink": tuple({"width": w} for w in (THIRD, 0.01)),
    "linear_sigmoid": tuple(
        {"slope": s, "offset": o}
        for s, o in ((0.3, -0.6), (2, 3), (1, 0), (1 / 6, 0.5), (0.5, 0.5))
    ),
    "heaviside": tuple({"at_zero": a} for a in (1, THIRD)),
    "celu": tuple({"alpha": a} for a in (2, THIRD)),
    "smelu": tuple({"beta": b} for b in (1, THIRD, 5)),
    "star_relu": tuple({"scale": s, "bias": b} for s, b in ((1, 0), (THIRD, 0.01))),
    "repu": tuple({"power": p} for p in (7 / 3, 2)),
    "clipped_gelu": tuple(
        {"low": low, "high": high} for low, high in ((-0.1, 3), (-THIRD, 7), (-0.05, 0.5))
    ),
    "eswish": tuple({"beta": b} for b in (THIRD, 1)),
    "aria2": tuple({"alpha": a, "beta": b} for a, b in ((1, 1.702), (THIRD, 0.3))),
    "smu": tuple({"alpha": a, "mu": m} for a, m in ((0, 0.5**0.5), (-0.3, THIRD))),
    "sinlu": ({"amplitude": -2, "frequency": THIRD},),
    "snake": tuple({"frequency": f} for f in (THIRD, 3)),
    "squareplus": tuple({"b": b} for b in (THIRD, 10, 9)),
    "smu1": tuple({"alpha": a, "mu": m} for a, m in ((0.01, 0.1), (-0.5, THIRD))),
    "nlrelu": ({"beta": THIRD},),
    "isrlu": ({"alpha": THIRD},),
    "isru": ({"alpha": THIRD},),
    "scaled_tanh": tuple({"scale": s, "rate": r} for s, r in ((1, 1), (1, 0.5), (50, 0.02))),
    "penalized_tanh": tuple({"slope": s} for s in (0, 1, -0.5)),
    "soft_clipping": tuple({"sharpness": s} for s in (1, 20)),
    "laplace": tuple({"mu": m, "sigma": s} for m, s in ((0, 1), (THIRD, THIRD))),
    "gompertz": ({"b": THIRD, "c": THIRD},),
    "gaussian": tuple({"width": w} for w in (0.5**0.5, THIRD)),
    "sine": tuple({"frequency": f} for f in (1, THIRD)),
    "cosine": tuple({"frequency": f} for f in (30, THIRD)),
    "lif_rate": ({"rest": -70, "threshold": -54, "reset": -80, "resistance": 40},),
    "lif_rate_smooth": (
        {"rest": -70, "threshold": -54, "reset": -80, "resistance": 40, "width": 0.5},
    ),
}
FORMULAS = {case.act.name: case.formula for case in CASES}
# Written in another way than in the table of formulas, because of what JAX makes of that one.
WRITTEN = {
    # of 1, -1 and 0 it would be an array of integers, in whose place no float could be put
    "sign": "where(x > 0, 1.0, where(x < 0, -1.0, 0.0))",
    # softplus is 0 from 745 mV below the threshold on, in float32 from 103 mV, and the rate with it
    "lif_rate_smooth": "1/(refractory + tau*softplus(log((threshold - reset)/width) - log_softplus("
    "(resistance*x + rest - threshold)/width)))",
}


def _tail(u: Any) -> Any:
    return jnp.where(u < -30, u, jnp.log(nn.softplus(jnp.maximum(u, -30))))


# The words of the formulas in tests/activations/cases_*.py, as a user would write them ...
JAX_WORDS = {
    "sigmoid": nn.sigmoid, "softplus": nn.softplus, "Phi": jax.scipy.special.ndtr,
    "clip": jnp.clip, "relu": lambda u: jnp.maximum(u, 0), "where": jnp.where, "log": jnp.log,
    "exp": jnp.exp, "tanh": jnp.tanh, "sinh": jnp.sinh, "sqrt": jnp.sqrt, "erf": lax.erf,
    "sin": jnp.sin, "cos": jnp.cos, "atan": jnp.arctan, "asinh": jnp.arcsinh, "Abs": jnp.abs,
    "pi": np.pi, "log_softplus": _tail,
}  # fmt: skip
# ... and as NumPy has them in float64.
WORDS = {
    "sigmoid": special.expit, "softplus": lambda u: np.logaddexp(u, 0), "Phi": special.ndtr,
    "clip": np.clip, "relu": lambda u: np.maximum(u, 0), "where": np.where, "log": np.log,
    "exp": np.exp, "tanh": np.tanh, "sinh": np.sinh, "sqrt": np.sqrt, "erf": special.erf,
    "sin": np.sin, "cos": np.cos, "atan": np.arctan, "asinh": np.arcsinh, "Abs": np.abs,
    "pi": np.pi,
}  # fmt: skip
GRID = np.unique([*np.linspace(-8, 8, 4001), *np.linspace(-300, 300, 61), -1e3, 1e3])


class Row(NamedTuple):
    """A member of the catalogue with parameters."""

    act: Activation

    @property
    def label(self) -> str:
        """Name the row."""
        return f"{self.act.name}({','.join(f'{k}={v:g}' for k, v in self.act.params.items())})"

    def written(self) -> Callable[[Any], Any]:
        """Build its formula as a program of its own."""
        name = self.act.name
        code = compile(WRITTEN.get(name, FORMULAS[name]), self.label, "eval")
        return lambda x: eval(code, {}, {"x": x, **JAX_WORDS, **self.act.params})


def exact(name: str, params: Params) -> np.ndarray:
    """Evaluate the formula of a member on the grid, in float64; NaN where it overflows."""
    with np.errstate(all="ignore"):
        y = eval(FORMULAS[name], {}, {"x": GRID, **WORDS, **params})
    return np.where(np.isfinite(y), y, np.nan)


def digits(name: str, params: Params) -> np.ndarray:
    """Say how much a member changes with the seventh digit of its parameters."""
    moved = [exact(name, {**params, k: v * (1 + 5e-6)}) for k, v in params.items()]
    return sum((abs(y - exact(name, params)) for y in moved), np.zeros(GRID.shape))


def told_apart(name: str, params: Params) -> tuple[float, ...]:
    """List what the function's values tell of its parameters: mostly all of them."""
    p = dict(params)
    if name == "rrelu":
        return ((p["low"] + p["high"]) / 2,)
    if name == "clipped_gelu":  # gelu itself reaches no lower bound below -0.17
        return (max(p["low"], -0.1699712), p["high"])
    if name.startswith("lif_rate"):  # in nanoampere: the zero and the unit of the voltage are free
        widths = [p["threshold"] - p["rest"], p["threshold"] - p["reset"], p.get("width", 0)]
        return (*(width / p["resistance"] for width in widths), p["tau"], p["refractory"])
    return tuple(p[k] for k in sorted(p))


def _reading(name: str) -> tuple[str, Params]:
    """Read "elu(alpha=1)" back."""
    kind, _, words = name.rstrip(")").partition("(")
    pairs = (word.split("=") for word in words.split(", ") if word)
    return kind, {k: float(v) for k, v in pairs}


def names(site: Any) -> tuple[list[tuple[str, Params]], list[tuple[str, Params]]]:
    """List the names of a site's function, then those of the whole where it has others."""
    own = [(site.kind, site.params), *map(_reading, site.also)]
    return own, [_reading(name) for name in site.scaled] or own


def is_among(told: list[tuple[str, Params]], kind: str, params: Params) -> bool:
    """Say whether a function is one of those told, with the same parameters."""
    want = pytest.approx(told_apart(kind, params), rel=1e-5)
    return any(name == kind and told_apart(name, found) == want for name, found in told)


def _rows(act: Activation) -> list[Row]:
    """List a member at its own parameters, at those of its other cases, and at the rest."""
    acts = [act, *(case.act for case in CASES if case.act.name == act.name)]
    acts += [act.with_params(**params) for params in SETTINGS.get(act.name, ())]
    return list({row.label: row for row in map(Row, acts)}.values())


_ALL = [_rows(act) for act in CATALOGUE if act.name != "identity"]
FIRST = [row for rows in _ALL for row in rows[:2]]
REST = [row for rows in _ALL for row in rows[2:]]
ROWS = (*FIRST, *REST)
