"""How fast are Jacobians and their singular values, beside what one would write instead?

Questions about an MLP 784-512-512-512-10 (relu, He), each in one run, in turns, as medians of the
ratios within each round:

- the Jacobian of the logits, 256 examples at once, by `rj.analyses.jacobian`, by
  `jax.vmap(jax.jacrev(...))` and by PyTorch's `vmap(jacrev(...))`, over the matrix products that
  any of them has to do, alone;
- all singular values of the Jacobians of the three hidden layers, from the result of one site to
  that of the next, for 32 examples: `rj.analyses.spectrum_of`, `jnp.linalg.svd` (jitted) and
  `torch.linalg.svdvals` of the same matrices, and beside them `rj.analyses.singular_values`, which
  is handed the network and traces, compiles and differentiates it in every call. Accuracy is told
  against NumPy's in float64: of the largest, and of the smallest that is not 0;
- the peak memory of a process that takes all of them of 128 and of 2,048 examples with a max_bytes
  of 64 MiB, or the ten largest of 32 and of 512 with 16 MiB.

    python benchmarks/jacobian.py [--json FILE] [--rounds N]

PyTorch is measured where it is installed (make torch).
Aims: 1.1 times the products; 5 times as fast as either, to 1e-5 of the largest value and to 1e-4 of
the smallest that is not 0; memory that does not grow with the examples.
"""

import argparse
import importlib.util
import itertools
import json
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from diagnose_overhead import own_peak
from monitor_overhead import measured, ratio

import relu_jax as rj

WIDTHS = (784, 512, 512, 512, 10)
# Examples, how many values, max_bytes.
HELD = {
    "all": ((128, 0, 2**26), (2048, 0, 2**26)),
    "largest ten": ((32, 10, 2**24), (512, 10, 2**24)),
}
HAS_TORCH = importlib.util.find_spec("torch") is not None
Way = Callable[[], Any]


def weights() -> list[np.ndarray]:
    """Draw the weights by He's rule."""
    rng = np.random.default_rng(0)
    shapes = itertools.pairwise(WIDTHS)
    return [(rng.standard_normal(s) * (2 / s[0]) ** 0.5).astype(np.float32) for s in shapes]


def network(ws: list[Any]) -> Callable[[Any], Any]:
    """Build the network of a batch."""

    def f(x: Any) -> Any:
        for w in ws[:-1]:
            x = jax.nn.relu(x @ w)
        return x @ ws[-1]

    return f


def of_logits(ws: list[np.ndarray], x: np.ndarray) -> dict[str, Way]:
    """Build the ways to the Jacobian of the logits; the first is the products alone."""
    f = network([jnp.asarray(w) for w in ws])
    n = len(x)

    @jax.jit
    def products(x: Any, ws: Any) -> Any:
        for w in ws:  # forward
            x = x @ w
        back = jnp.repeat(ws[-1].T, n, axis=0)  # a row per logit and example
        for w in ws[-2::-1]:
            back = back @ w.T
        return x, back

    theirs = jax.jit(jax.vmap(jax.jacrev(lambda one: f(one[None])[0])))
    ours = jax.jit(lambda x: rj.analyses.jacobian(f, x))
    held, params = jnp.asarray(x), [jnp.asarray(w) for w in ws]
    ways = {
        "products": lambda: products(held, params),
        "relu_jax": lambda: ours(held),
        "jax vmap(jacrev)": lambda: theirs(held),
    }
    return ways | (_torch_jacobian(ws, x) if HAS_TORCH else {})


def _torch_jacobian(ws: list[np.ndarray], x: np.ndarray) -> dict[str, Way]:
    import torch

    matrices, inputs = [torch.from_numpy(w) for w in ws], torch.from_numpy(x)

    def f(one: Any) -> Any:
        for w in matrices[:-1]:
            one = torch.relu(one @ w)
        return one @ matrices[-1]

    run = torch.func.vmap(torch.func.jacrev(f))
    return {"PyTorch vmap(jacrev)": lambda: run(inputs)}


def of_layers(ws: list[np.ndarray], x: np.ndarray) -> tuple[dict[str, Way], list[np.ndarray]]:
    """Build the ways to the singular values of each hidden layer, and give its Jacobians."""
    f = network([jnp.asarray(w) for w in ws])
    ends = [None, "site#1", "site#2", "site#3"]
    parts = [rj.analyses.between(f, a, b) for a, b in itertools.pairwise(ends)]
    held = jnp.asarray(x)
    matrices = [rj.analyses.jacobian(part, held) for part in parts]
    svd = jax.jit(lambda a: jnp.linalg.svd(a, compute_uv=False))
    ways: dict[str, Way] = {
        "relu_jax": lambda: [rj.analyses.spectrum_of(a).values for a in matrices],
        "from the network": lambda: [rj.analyses.singular_values(p, held).values for p in parts],
        "jnp.linalg.svd": lambda: [svd(a) for a in matrices],
    }
    if HAS_TORCH:
        import torch

        theirs = [torch.from_numpy(np.array(a)) for a in matrices]
        ways["torch.linalg.svdvals"] = lambda: [torch.linalg.svdvals(a) for a in theirs]
    return ways, [np.asarray(a) for a in matrices]


def off(values: list[Any], matrices: list[np.ndarray]) -> tuple[float, float]:
    """Measure how far values are off, relatively: the largest, and the smallest that is not 0."""
    largest, smallest = [], []
    for found, jacobians in zip(values, matrices, strict=True):
        for mine, one in zip(np.asarray(found, np.float64), jacobians, strict=True):
            kept = one[one.any(axis=1)][:, one.any(axis=0)].astype(np.float64)
            true = np.linalg.svd(kept, compute_uv=False)
            last = len(true) - 1
            largest.append(abs(mine[0] / true[0] - 1))
            smallest.append(abs(mine[last] / true[last] - 1))
    return max(largest), max(smallest)


def peak(*what: int) -> float:
    """Measure the peak memory of a fresh process that takes the values, in MiB."""
    command = [sys.executable, str(Path(__file__).resolve()), "--peak", *map(str, what)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def take_and_tell(n: int, k: int, max_bytes: int) -> None:
    """Take the singular values of n Jacobians of a hidden layer, and print this process's peak."""
    f = network([jnp.asarray(w) for w in weights()])
    x = np.random.default_rng(1).standard_normal((n, WIDTHS[0])).astype(np.float32)
    part = rj.analyses.between(f, "site#1", "site#2")
    rj.analyses.singular_values(part, x, k=k or None, max_bytes=max_bytes)
    print(own_peak())


def timed(ways: dict[str, Way], rounds: int) -> dict[str, list[float]]:
    """Time all ways in turns, in milliseconds, each waited for and run once before."""
    waited = {name: lambda way=way: jax.block_until_ready(way()) for name, way in ways.items()}
    for way in waited.values():
        way()
    return measured(waited, rounds, steps=1)


def main() -> None:
    """Print both tables, and write them as JSON where asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", help="also write the numbers here")
    parser.add_argument("--rounds", type=int, default=9, help="(default: %(default)s)")
    parser.add_argument("--peak", type=int, nargs=3, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.peak:
        take_and_tell(*args.peak)
        return
    rng, ws = np.random.default_rng(1), weights()
    batch = rng.standard_normal((256, WIDTHS[0])).astype(np.float32)
    told: dict[str, Any] = {"jax": jax.__version__}

    times = timed(of_logits(ws, batch), args.rounds)
    ratios = {name: ratio(times, name, "products") for name in times if name != "products"}
    told["logits"] = {"ms": _medians(times), "over the products": ratios}
    print(f"Jacobian of the logits, 256 examples: products {_medians(times)['products']:.1f} ms")
    for name, value in ratios.items():
        print(f"  {name:22s} {value:.2f} times the products (aim 1.10)", flush=True)

    ways, matrices = of_layers(ws, batch[:32])
    times = timed(ways, args.rounds)
    errors = {name: off(way(), matrices) for name, way in ways.items()}
    faster = {name: ratio(times, name, "relu_jax") for name in times if name != "relu_jax"}
    told["singular values"] = {"ms": _medians(times), "relu_jax faster by": faster, "off": errors}
    print(f"\nsingular values, 3 layers, 32 examples: {_medians(times)['relu_jax']:.0f} ms")
    for name, (largest, smallest) in errors.items():
        aim = "" if name == "from the network" else " (aim 5)"
        by = f"{faster[name]:.2f} times as long{aim}" if name in faster else ""
        print(f"  {name:22s} off {largest:.0e} largest, {smallest:.0e} smallest  {by}")

    peaks = {name: {str(run[0]): peak(*run) for run in runs} for name, runs in HELD.items()}
    told["peak MiB by examples"] = peaks
    for name, by_examples in peaks.items():
        shown = ", ".join(f"{n} examples {mib:.0f} MiB" for n, mib in by_examples.items())
        print(f"peak memory, {name}: {shown}")
    if args.json:
        Path(args.json).write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


def _medians(times: dict[str, list[float]]) -> dict[str, float]:
    return {name: statistics.median(values) for name, values in times.items()}


if __name__ == "__main__":
    main()
