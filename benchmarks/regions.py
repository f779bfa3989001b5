"""How fast are the linear regions of a network found, and the cells of a slice?

In one run, in turns: `rj.analyses.regions` along segments through an MLP 784-256-256-256-10 and a
CNN, beside a plain batched NumPy version (for the MLP) and the matrix products of the network alone
(activations left out, one program) at as many points; and `rj.analyses.cells` on a slice of a
2-64-64-64-1 network, beside the same subdivision cell by cell in plain NumPy.

    python benchmarks/regions.py [--json FILE] [--rounds N] [--segments N] [--pictures N]

Aims: segments within 4 times the products; the slice 7,800 cells per second: ten times SplineCam
(Humayun et al. 2023), which found 17,142 cells in 22 s, 780 per second, on two such cores. It is in
no lock, needs PyTorch and graph-tool, and is not run here.
"""

import argparse
import itertools
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import relu_jax as rj

WIDE, NARROW = (784, 256, 256, 256, 10), (2, 64, 64, 64, 1)
CHANNELS, SIDE = (1, 8, 16), 28
PRODUCTS, PER_SECOND = 4.0, 7800.0
Layers = list[tuple[np.ndarray, np.ndarray]]


def drawn(dims: tuple[int, ...], bias: float, seed: int = 0) -> Layers:
    """Draw He's weights, and biases."""
    rng, found = np.random.default_rng(seed), []
    for n_in, n_out in itertools.pairwise(dims):
        w = rng.standard_normal((n_in, n_out)) * (2 / n_in) ** 0.5
        found.append((w.astype("f"), (bias * rng.standard_normal(n_out)).astype("f")))
    return found


def mlp(layers: Layers, act: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Build a network of dense layers."""
    given = [(jnp.asarray(w), jnp.asarray(b)) for w, b in layers]

    def f(x: Any) -> Any:
        for w, b in given[:-1]:
            x = act(x @ w + b)
        return x @ given[-1][0] + given[-1][1]

    return f


def cnn(act: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Build a network of two convolutions, the second with a stride, and a dense layer."""
    rng = np.random.default_rng(1)
    kernels = [
        jnp.asarray(rng.standard_normal((3, 3, a, b)) * (2 / (9 * a)) ** 0.5, jnp.float32)
        for a, b in itertools.pairwise(CHANNELS)
    ]
    n = (SIDE // 4) ** 2 * CHANNELS[-1]
    last = jnp.asarray(rng.standard_normal((n, 10)) / n**0.5, jnp.float32)

    def f(x: Any) -> Any:
        for kernel in kernels:
            y = jax.lax.conv_general_dilated(
                x, kernel, (2, 2), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
            )
            x = act(y + 0.1)
        return x.reshape(len(x), -1) @ last

    return f


def in_numpy(layers: Layers, starts: np.ndarray, ends: np.ndarray) -> int:
    """Count breakpoints along all segments at once, layer by layer."""
    n = len(starts)
    segment, at = np.repeat(np.arange(n), 2), np.tile([0.0, 1.0], n)
    h = np.stack([starts, ends], axis=1).reshape(2 * n, -1)
    for w, b in layers[:-1]:
        z = h @ w + b
        above = z > 0
        crossed = (above[1:] != above[:-1]) & (segment[1:] == segment[:-1])[:, None]
        row, unit = np.nonzero(crossed)
        share = z[row, unit] / (z[row, unit] - z[row + 1, unit])
        new = z[row] + share[:, None] * (z[row + 1] - z[row])
        where = at[row] + share * (at[row + 1] - at[row])
        segment = np.concatenate([segment, segment[row]])
        at = np.concatenate([at, where])
        order = np.lexsort((at, segment))
        segment, at = segment[order], at[order]
        h = np.maximum(np.concatenate([z, new])[order], 0)
    return len(at) - 2 * n


def cell_by_cell(layers: Layers, size: float) -> int:
    """Count the cells of a square, cutting one polygon after the other."""
    square = size * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], float)
    pieces = [(square, square)]
    for w, b in layers[:-1]:
        split = []
        for corners, h in pieces:
            parts = [(corners, h @ w + b)]
            for unit in range(w.shape[1]):
                parts = [half for part in parts for half in _halves(*part, unit)]
            split += [(corners, np.maximum(z, 0) * (z.mean(axis=0) > 0)) for corners, z in parts]
        pieces = split
    return len(pieces)


def _halves(corners: np.ndarray, z: np.ndarray, unit: int) -> list[tuple[np.ndarray, np.ndarray]]:
    d = z[:, unit]
    if not d.min() < -1e-9 < 1e-9 < d.max():
        return [(corners, z)]
    ahead = np.roll(np.arange(len(d)), -1)
    cut = np.flatnonzero(d * d[ahead] < 0)
    share = (d[cut] / (d[cut] - d[ahead[cut]]))[:, None]
    both = np.concatenate([corners, z], axis=1)
    new = both[cut] + share * (both[ahead[cut]] - both[cut])
    new[:, 2 + unit] = 0
    whole = np.insert(both, cut + 1, new, axis=0)
    side = np.insert(d, cut + 1, 0)
    return [(part[:, :2], part[:, 2:]) for part in (whole[side >= 0], whole[side <= 0])]


def products(f: Callable[[Any], Any], shape: tuple[int, ...], points: int) -> Callable[[], None]:
    """Build a run of the linear network at so many points, a batch at a time."""
    run, batch = jax.jit(f), jnp.ones((1024, *shape), jnp.float32)
    # The last batch counts in part: time is taken per batch, and multiplied.
    run(batch).block_until_ready()

    def runs() -> None:
        for _ in range(max(1, round(points / 1024))):
            run(batch).block_until_ready()

    return runs


def in_turns(ways: dict[str, Callable[[], Any]], rounds: int) -> dict[str, list[float]]:
    """Time all ways in turns, in seconds; a round begins with another one each."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    order = list(ways)
    for run in ways.values():
        run()
    for number in range(rounds):
        turn = number % len(order)
        for name in order[turn:] + order[:turn]:
            start = time.perf_counter()
            ways[name]()
            times[name].append(time.perf_counter() - start)
    return times


def told(name: str, what: str, found: int, times: dict[str, list[float]]) -> dict[str, Any]:
    """Print what one network took, and give it as a row."""
    ours = times["ours"]
    row: dict[str, Any] = {
        "network": name,
        what: found,
        "per second": found / statistics.median(ours),
    }
    words = [f"{found:,} {what}, {row['per second']:,.0f} per second"]
    for other, theirs in times.items():
        if other != "ours":
            row[other] = statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
            words.append(f"{row[other]:.2f} times the time of {other}")
    print(f"{name}\n  {'; '.join(words)}", flush=True)
    return row


def along(name: str, f: Any, linear: Any, ends: np.ndarray, more: Any, rounds: int) -> Any:
    """Measure segments."""
    found = len(rj.analyses.regions(f, *ends).at)
    ways = {
        "ours": lambda: rj.analyses.regions(f, *ends),
        "the products": products(linear, ends.shape[2:], found),
        **more,
    }
    return told(name, "breakpoints", found, in_turns(ways, rounds))


def main() -> None:
    """Print the table, and write it as JSON where asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", help="also write the numbers here")
    parser.add_argument("--rounds", type=int, default=5, help="(default: %(default)s)")
    parser.add_argument("--segments", type=int, default=1000, help="(default: %(default)s)")
    parser.add_argument("--pictures", type=int, default=100, help="(default: %(default)s)")
    args = parser.parse_args()
    rng = np.random.default_rng(0)
    layers = drawn(WIDE, 0.1)
    ends = rng.standard_normal((2, args.segments, WIDE[0])).astype("f")
    plain = in_numpy(layers, *ends)
    rows = [along(
        f"{args.segments} segments, mlp {'-'.join(map(str, WIDE))}",
        mlp(layers, jax.nn.relu), mlp(layers, lambda z: z), ends,
        {"plain NumPy": lambda: in_numpy(layers, *ends)}, args.rounds,
    )]  # fmt: skip
    print(f"  plain NumPy finds {plain:,}")
    ends = rng.standard_normal((2, args.pictures, SIDE, SIDE, 1)).astype("f")
    rows.append(along(
        f"{args.pictures} segments, cnn {SIDE}x{SIDE}x{'-'.join(map(str, CHANNELS))}, strides 2",
        cnn(jax.nn.relu), cnn(lambda z: z), ends, {}, args.rounds,
    ))  # fmt: skip
    layers, size = drawn(NARROW, 0.3), 16.0
    f = mlp(layers, jax.nn.relu)
    square = np.array([[-size, -size], [2 * size, 0], [0, 2 * size]], np.float32)
    found = rj.analyses.cells(f, *square).count
    ways = {
        "ours": lambda: rj.analyses.cells(f, *square),
        "cell by cell": lambda: cell_by_cell(layers, size),
    }
    slow = cell_by_cell(layers, size)
    rows.append(
        told(
            f"a slice of {'-'.join(map(str, NARROW))}", "cells", found, in_turns(ways, args.rounds)
        )
    )
    print(f"  cell by cell finds {slow:,}")
    print(f"aims: {PRODUCTS:g} times the products; {PER_SECOND:,.0f} cells per second")
    if args.json:
        Path(args.json).write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
