"""What does an activation cost per element, beside jax.nn, PyTorch and a copy of the same bytes?

For each function of the catalogue, in one run: nanoseconds per element of the forward pass, and of
forward and backward pass in one program, in jitted JAX, and how many times as long that is as the
same function of `jax.nn`, of PyTorch, eager and compiled, and as a copy of the array into a new
one (two copies for both passes: an argument and a cotangent are read, a result and a gradient are
written). The cotangent is drawn, and handed in: XLA would fold a constant one into the program.
The variants run in a random order; a ratio is the median over the rounds of the ratios within each
round. `control` is jax.nn to jax.nn itself, compiled once more: what differs from 1 there is noise.

    python benchmarks/activation_cost.py [--json FILE] [--dtype bfloat16] [--size N] [--only NAME]

An array of 2^24 elements is a batch of 256 images of 32 x 32 with 64 channels, and does not fit the
caches; one of 2^20 does (--size 1048576 --rounds 25 --repeats 3).
PyTorch is measured where it is installed (make torch).
Aim: at most 1.05 times the best of jax.nn and PyTorch; a piecewise linear forward pass at most 1.1
times the copy.
"""

import argparse
import importlib.util
import json
import os
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

# PyTorch's threads would wait for their next work at full speed, on the cores JAX runs on.
os.environ |= {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "0", "KMP_BLOCKTIME": "0"}

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

    def both(x: Any, cotangent: Any) -> Any:
        y, pull = jax.vjp(f, x)
        return y, pull(cotangent)[0]

    handed = (x, jnp.asarray(cotangent(x.shape), x.dtype)) if backward else (x,)
    run = jax.jit(both if backward else f).lower(*handed).compile()
    return lambda: jax.block_until_ready(run(*handed))


def cotangent(shape: tuple[int, ...]) -> np.ndarray:
    """Draw what a backward pass begins with."""
    return np.random.default_rng(1).standard_normal(shape, np.float32)


def in_torch(name: str, x: np.ndarray, dtype: str, *, backward: bool, compiled: bool) -> Run:
    """Build the same of PyTorch."""
    import torch

    word, _, form = TORCH[name].partition(":")
    function = getattr(torch.nn.functional, word)
    f = (lambda x: function(x, approximate=form)) if form else function
    torch._dynamo.reset()  # it gives up on a function it has compiled eight times
    call = torch.compile(f) if compiled else f
    tensor = torch.tensor(x, dtype=getattr(torch, dtype), requires_grad=backward)
    arriving = torch.tensor(cotangent(x.shape), dtype=tensor.dtype)

    def run() -> None:
        if backward:
            torch.autograd.grad(call(tensor), tensor, arriving)
        else:
            call(tensor)

    return run


def in_jax_alone(act: Activation, x: jax.Array, *, backward: bool) -> dict[str, Run]:
    """Build what JAX runs for one function: ours, theirs twice as a control, and the copy."""
    runs = {"ours": in_jax(act, x, backward=backward)}
    if act.name in THEIRS:
        theirs = THEIRS[act.name]
        runs["jax.nn"] = in_jax(theirs, x, backward=backward)
        runs["jax.nn again"] = in_jax(theirs, x, backward=backward)
    return runs | {"copy": copying(x, copies=2 if backward else 1)}


def beside_torch(act: Activation, x: jax.Array, *, backward: bool) -> dict[str, Run]:
    """Build ours and PyTorch's, eager and compiled."""
    host, dtype = np.asarray(x, np.float32), str(x.dtype)
    return {"ours": in_jax(act, x, backward=backward)} | {
        name: in_torch(act.name, host, dtype, backward=backward, compiled=compiled)
        for name, compiled in (("eager", False), ("compiled", True))
    }


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
    shuffle = np.random.default_rng(0)
    names = list(runs)
    for _ in range(rounds):
        # In any order: what ran before leaves its memory and its caches.
        for name in shuffle.permutation(names).tolist():
            run = runs[name]
            start = time.perf_counter()
            for _ in range(repeats):
                run()
            times[name].append((time.perf_counter() - start) / repeats)
    return times


def measured(args: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Measure each function: within JAX, then beside PyTorch, whose threads disturb it."""
    draw = np.random.default_rng(0).standard_normal(args.size)
    x = jnp.asarray(draw, args.dtype)
    torch = importlib.util.find_spec("torch") is not None
    for act in (a for a in CATALOGUE if args.only in a.name):
        for backward in (False, True):
            alone = timed(in_jax_alone(act, x, backward=backward), args.rounds, args.repeats)
            ratios = {
                name: _ratio(alone["ours"], alone[name])
                for name in ("copy", "jax.nn")
                if name in alone
            }
            if "jax.nn" in alone:
                ratios["control"] = _ratio(alone["jax.nn again"], alone["jax.nn"])
            if torch and act.name in TORCH:
                both = timed(beside_torch(act, x, backward=backward), args.rounds, args.repeats)
                ratios |= {k: _ratio(both["ours"], both[k]) for k in ("eager", "compiled")}
            yield {
                "name": act.name,
                "pass": "both" if backward else "forward",
                "dtype": args.dtype,
                "size": args.size,
                "ns per element": 1e9 * statistics.median(alone["ours"]) / args.size,
                "ours to": ratios,
            }


def _ratio(ours: list[float], theirs: list[float]) -> float:
    return statistics.median(a / b for a, b in zip(ours, theirs, strict=True))


def main() -> None:
    """Print the table, and write it as JSON where asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", help="also write the numbers here")
    parser.add_argument("--dtype", default="float32", help="or bfloat16 (default: %(default)s)")
    parser.add_argument("--size", type=int, default=1 << 24, help="elements (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=9, help="(default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=1, help="per round (default: %(default)s)")
    parser.add_argument("--only", default="", help="functions whose name contains this")
    args = parser.parse_args()
    rows = []
    print(f"{args.dtype}, {args.size} elements; ns per element, and how many times as long as ...")
    for row in measured(args):
        rows.append(row)
        cells = "  ".join(f"{name} {ratio:5.2f}" for name, ratio in row["ours to"].items())
        print(
            f"{row['name']:18s} {row['pass']:8s} {row['ns per element']:6.3f}  {cells}", flush=True
        )
    if args.json:
        Path(args.json).write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
