"""What does an activation cost per element, beside jax.nn, PyTorch and a copy of the same bytes?

For each function of the catalogue, in one run: nanoseconds per element of the forward pass, and of
forward and backward pass in one program, in jitted JAX; as multiples of a copy of the array (two
copies for both passes: a result and a gradient are written). Beside it the same function of
`jax.nn` and of PyTorch, eager and compiled, where they have it. The variants run in turns; a
ratio is the median over the rounds of the ratios within each round.

    python benchmarks/activation_cost.py [--json FILE] [--dtype bfloat16] [--rounds N] [--only NAME]

PyTorch is measured where it is installed (make torch).
Aim: at most 1.05 times the best of jax.nn and PyTorch; a piecewise linear forward pass at most 1.1
times the copy.
"""

import argparse
import importlib.util
import json
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import nn

from relu_jax.activations import CATALOGUE, Activation

Run = Callable[[], None]
# The names of jax.nn and of torch.nn.functional.
THEIRS: dict[str, Callable[[Any], Any]] = {
    "celu": nn.celu, "elu": nn.elu, "gelu": lambda x: nn.gelu(x, approximate=False),
    "gelu_tanh": nn.gelu, "hard_sigmoid": nn.hard_sigmoid, "hard_silu": nn.hard_silu,
    "hard_tanh": nn.hard_tanh, "leaky_relu": nn.leaky_relu, "log_sigmoid": nn.log_sigmoid,
    "mish": nn.mish, "relu": nn.relu, "relu6": nn.relu6, "selu": nn.selu, "sigmoid": nn.sigmoid,
    "silu": nn.silu, "soft_sign": nn.soft_sign, "softplus": nn.softplus,
    "sparse_plus": nn.sparse_plus, "sparse_sigmoid": nn.sparse_sigmoid,
    "squareplus": nn.squareplus, "tanh": jnp.tanh,
}  # fmt: skip
TORCH = {
    "celu": "celu", "elu": "elu", "gelu": "gelu", "gelu_tanh": "gelu:tanh",
    "hard_shrink": "hardshrink", "hard_sigmoid": "hardsigmoid", "hard_silu": "hardswish",
    "hard_tanh": "hardtanh", "leaky_relu": "leaky_relu", "log_sigmoid": "logsigmoid",
    "mish": "mish", "relu": "relu", "relu6": "relu6", "selu": "selu", "sigmoid": "sigmoid",
    "silu": "silu", "soft_shrink": "softshrink", "soft_sign": "softsign", "softplus": "softplus",
    "tanh": "tanh", "tanh_shrink": "tanhshrink",
}  # fmt: skip


def in_jax(f: Callable[[Any], Any], x: jax.Array, *, backward: bool) -> Run:
    """Compile one function, or the function with its gradient."""
    ones = jnp.ones_like(x)

    def both(x: Any) -> Any:
        y, pull = jax.vjp(f, x)
        return y, pull(ones)[0]

    run = jax.jit(both if backward else f).lower(x).compile()
    return lambda: jax.block_until_ready(run(x))


def in_torch(name: str, x: np.ndarray, dtype: str, *, backward: bool, compiled: bool) -> Run:
    """Build the same of PyTorch."""
    import torch

    word, _, form = TORCH[name].partition(":")
    function = getattr(torch.nn.functional, word)
    f = (lambda x: function(x, approximate=form)) if form else function
    torch._dynamo.reset()  # it gives up on a function it has compiled eight times
    call = torch.compile(f) if compiled else f
    tensor = torch.tensor(x, dtype=getattr(torch, dtype), requires_grad=backward)
    ones = torch.ones_like(tensor)

    def run() -> None:
        if backward:
            torch.autograd.grad(call(tensor), tensor, ones)
        else:
            call(tensor)

    return run


def variants(act: Activation, x: jax.Array, *, backward: bool, torch: bool) -> dict[str, Run]:
    """Build what is compared for one function: ours, theirs, PyTorch's, and the copy."""
    runs = {"ours": in_jax(act, x, backward=backward)}
    if act.name in THEIRS:
        runs["jax.nn"] = in_jax(THEIRS[act.name], x, backward=backward)
    if torch and act.name in TORCH:
        host, dtype = np.asarray(x, np.float32), str(x.dtype)
        for name, compiled in (("eager", False), ("compiled", True)):
            runs[name] = in_torch(act.name, host, dtype, backward=backward, compiled=compiled)
    return runs | {"copy": copying(x, copies=2 if backward else 1)}


def copying(x: jax.Array, *, copies: int) -> Run:
    """Copy the array into a new one, so many times."""
    run = jax.jit(jnp.copy).lower(x).compile()

    def copied() -> None:
        jax.block_until_ready([run(x) for _ in range(copies)])

    return copied


def timed(runs: dict[str, Run], rounds: int, repeats: int) -> dict[str, list[float]]:
    """Time all variants in turns: seconds per run, one number a round."""
    for run in runs.values():
        run()
        run()
    times: dict[str, list[float]] = {name: [] for name in runs}
    order = list(runs.items())
    for turn in range(rounds):
        # Each comes after each other one as often: what ran before leaves memory and caches.
        shift = turn % len(order)
        for name, run in order[shift:] + order[:shift]:
            start = time.perf_counter()
            for _ in range(repeats):
                run()
            times[name].append((time.perf_counter() - start) / repeats)
    return times


def measured(args: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Measure each function."""
    draw = np.random.default_rng(0).standard_normal(args.size)
    x = jnp.asarray(draw, args.dtype)
    torch = importlib.util.find_spec("torch") is not None
    for act in (a for a in CATALOGUE if args.only in a.name):
        for backward in (False, True):
            runs = variants(act, x, backward=backward, torch=torch)
            times = timed(runs, args.rounds, args.repeats)
            peers = [name for name in times if name not in ("ours", "copy")]
            yield {
                "name": act.name,
                "pass": "both" if backward else "forward",
                "dtype": args.dtype,
                "ns per element": {
                    name: 1e9 * statistics.median(t) / args.size for name, t in times.items()
                },
                "to the copy": _ratio(times["ours"], times["copy"]),
                "to the best peer": max((_ratio(times["ours"], times[p]) for p in peers),
                                        default=None),
            }  # fmt: skip


def _ratio(ours: list[float], theirs: list[float]) -> float:
    return statistics.median(a / b for a, b in zip(ours, theirs, strict=True))


def main() -> None:
    """Print the table, and write it as JSON where asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", help="also write the numbers here")
    parser.add_argument("--dtype", default="float32", help="or bfloat16 (default: %(default)s)")
    parser.add_argument("--size", type=int, default=1 << 20, help="elements")
    parser.add_argument("--rounds", type=int, default=15, help="(default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=3, help="per round (default: %(default)s)")
    parser.add_argument("--only", default="", help="functions whose name contains this")
    args = parser.parse_args()
    rows = []
    print(f"{args.dtype}, {args.size} elements; ns per element, ratios of paired medians")
    for row in measured(args):
        rows.append(row)
        cells = "  ".join(f"{k} {v:6.3f}" for k, v in row["ns per element"].items())
        best = row["to the best peer"]
        print(
            f"{row['name']:22s} {row['pass']:8s} {cells}  to copy {row['to the copy']:5.2f}"
            + (f"  to best peer {best:5.2f}" if best else ""),
            flush=True,
        )
    if args.json:
        Path(args.json).write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
