"""What does the battery ask of a row of the catalogue: which points, how near, and what not?"""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np

from relu_jax.core.numerics import tolerance
from tests.activations.cases import CASES, LABELS

WIDEST = float(np.finfo(np.float64).max)
BLOCK = 12  # rows in one program
BLOCKS = [CASES[i : i + BLOCK] for i in range(0, len(CASES), BLOCK)]


def placed(case, dtype):
    """Points of each kind, in their dtype."""
    top, least = (float(v) for v in (jnp.finfo(dtype).max, jnp.finfo(dtype).tiny))
    cuts = np.array([float(cut) for cut in case.pieces.cuts])
    aside = 16 * float(jnp.finfo(dtype).eps) * (1 + np.abs(cuts))
    tails = np.array([12.0, 17.0, 25.0, 40.0, 80.0])
    far = np.array([300.0, 1e4, 1.5 * top**0.5, top / 2, top])
    small = [-0.04, -1e-3, 0.0, 1e-3, 0.04]
    near = [np.linspace(-9, 9, 61) + 0.013, -tails, tails, small, cuts - aside, cuts + aside]
    points = {
        "near": np.concatenate(near),
        "far": np.concatenate([-far, far]),
        "cut": cuts,
        "end": [-np.inf, np.inf],
        "nan": [np.nan],
        "zero": [-0.0, 0.0],
        "subnormal": [-least / 2, -least / 64, least / 64, least / 2],
    }
    return {kind: np.asarray(x, jnp.dtype(dtype)) for kind, x in points.items()}


def orders(act, x):
    """Value, slope and bend."""
    return [act(x), act.derivative(x), act.derivative(x, order=2)]


def stacked(act, x, alone):
    """Value, slope and bend, and if asked one number at a time, as one array: one loop."""
    ys = orders(act, x)
    if alone:
        ys += [jax.vmap(act)(x), jax.vmap(jax.grad(act))(x)]
    assert all(y.dtype == x.dtype for y in ys)
    return jnp.stack(ys)


@cache
def block(number, dtype, alone):
    """Points of each kind and what each row of a block has there: one program for all."""
    cases = BLOCKS[number]
    points = [placed(case, dtype) for case in cases]
    with jax.enable_x64(dtype == "float64"):
        xs = [np.concatenate(list(kinds.values())) for kinds in points]
        rows = jax.jit(
            lambda xs: [stacked(c.act, x, alone) for c, x in zip(cases, xs, strict=True)]
        )(xs)
    found = []
    for kinds, x, ys in zip(points, xs, rows, strict=True):
        wide = np.array([np.asarray(y, np.float64) for y in (x, *ys)])
        starts = np.cumsum([len(part) for part in kinds.values()])[:-1]
        found.append(dict(zip(kinds, np.split(wide, starts, axis=1), strict=True)))
    return found


def tower(case, dtype, alone=False):
    """For each kind of point: x, value, slope and bend; if asked, value and gradient by vmap."""
    at = LABELS.index(case.label)
    return block(at // BLOCK, dtype, alone)[at % BLOCK]


def assert_is_the_formula(case, dtype, x, ys):
    """Be as near as the exact function is at an argument a few roundings away, or infinite."""
    exact = case.pieces.exact(x, len(ys) + 1)
    top, least = (float(v) for v in (jnp.finfo(dtype).max, jnp.finfo(dtype).tiny))
    floor = 8 * (1 + np.minimum(np.abs(x), 1e4)) * least  # smaller numbers are flushed
    for order, y in enumerate(ys):
        f = exact[order]
        with np.errstate(over="ignore", invalid="ignore"):
            size = np.abs(f) + np.abs(x * exact[order + 1]) + case.slack[order]
            room = floor + tolerance(dtype) * np.minimum(size, WIDEST)
            beyond = np.isinf(f) | (np.abs(f) - room > top)
            error = np.where(
                beyond, np.where(y == np.sign(f) * np.inf, 0, np.inf),
                np.abs(np.clip(y, -top, top) - np.clip(f, -top, top)),
            )  # fmt: skip
        bad = ~(error <= room)
        assert not bad.any(), (order, x[bad], y[bad], f[bad])


def written(case):
    """The formula as a function."""
    return lambda x: case.pieces.exact(x, 1)[0].reshape(np.shape(x))


def apart(case, dtype, x):
    """Say which points no dtype takes for one where the formula changes."""
    return ~np.isin(x, tower(case, dtype)["cut"][0])


def constants(traced):
    """Give every array that a program holds, in whatever it calls as well."""
    yield from getattr(traced, "consts", ())
    for eqn in getattr(traced, "jaxpr", traced).eqns:
        yield from (v.val for v in eqn.invars if np.ndim(getattr(v, "val", 0)))
        for param in jax.tree.leaves(eqn.params, is_leaf=lambda p: hasattr(p, "eqns")):
            if hasattr(param, "eqns"):
                yield from constants(param)
