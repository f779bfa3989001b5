"""What does `rj.lean` save in training, and what does it cost, beside jax.nn and PyTorch?

For each network and activation, in one run: the memory of a training step over that of the same
network without activations (temporary and output bytes of XLA's `memory_analysis`), with `jax.nn`
as it is and made lean; the time of a step of both, of the linear network and of eager PyTorch; and
how far the lean gradient is off, relative to the plain one. The variants run in turns; a ratio is
the median over the rounds of the ratios within each round. PyTorch's memory is what its autograd
saves beside the weights, over that of its linear network.

    python benchmarks/lean_training.py [--json FILE] [--dtype bfloat16] [--networks NAME ...]
                                       [--bits 3] [--processes 5]

How fast a step is depends on where a process happens to have its memory: one and the same program
took up to a quarter longer from one process to the next. With `--processes` each network is
measured in so many, one after the other, and a ratio is the median over them.

PyTorch is measured where it is installed (make torch).
Aims, in float32: memory at most 1.1 times the linear network's; time at most 1.05 times jax.nn's
for what is piecewise linear and 1.15 for the others; gradients off by at most 1e-6, and 1e-5 where
the slope is a fitted function of the result.
"""

import argparse
import functools
import importlib.util
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from activation_cost import Run, timed  # before PyTorch: it keeps those threads from spinning
from jax import nn
from lean_networks import NETWORKS, Act, Network, drawn

import relu_jax as rj

RATE = 1e-3


class Function(NamedTuple):
    """An activation in jax.nn and PyTorch, and the aims it has to meet."""

    jax: Act
    torch: str  # of torch.nn.functional, and how it approximates
    slower: float  # at most so many times jax.nn's time
    off: float  # at most so far from jax.nn's gradient


LINE, CLOSED, FITTED = (1.05, 1e-6), (1.15, 1e-6), (1.15, 1e-5)
FUNCTIONS = {
    "relu": Function(nn.relu, "relu", *LINE),
    "leaky_relu": Function(nn.leaky_relu, "leaky_relu", *LINE),
    "relu6": Function(nn.relu6, "relu6", *LINE),
    "hard_tanh": Function(nn.hard_tanh, "hardtanh", *LINE),
    "tanh": Function(jnp.tanh, "tanh", *CLOSED),
    "sigmoid": Function(nn.sigmoid, "sigmoid", *CLOSED),
    "elu": Function(nn.elu, "elu", *CLOSED),
    "softplus": Function(nn.softplus, "softplus", *CLOSED),
    "gelu": Function(lambda x: nn.gelu(x, approximate=False), "gelu", *FITTED),
    "gelu_tanh": Function(nn.gelu, "gelu:tanh", *FITTED),
    "silu": Function(nn.silu, "silu", *FITTED),
    "mish": Function(nn.mish, "mish", *FITTED),
}


def loss_of(act: Act, net: Network) -> Callable[..., Any]:
    """Build the loss: the mean square of what the network gives."""

    def loss(weights: Any, x: Any) -> Any:
        return jnp.mean(jnp.square(net.apply(act, weights, x).astype(jnp.float32)))

    return loss


def lowered(loss: Callable[..., Any], weights: Any, x: Any) -> Any:
    """Lower one step of gradient descent."""

    def step(weights: Any, x: Any) -> Any:
        value, grads = jax.value_and_grad(loss)(weights, x)
        return [w - (RATE * g).astype(w.dtype) for w, g in zip(weights, grads, strict=True)], value

    return jax.jit(step).lower(weights, x)


def held(step: Any) -> int:
    """Read how many bytes a step takes beside its arguments."""
    sizes = step.memory_analysis()
    return sizes.temp_size_in_bytes + sizes.output_size_in_bytes


def gradient(loss: Callable[..., Any], weights: Any, x: Any) -> Any:
    """Lower the gradient, to see how far another one is off."""
    # TensorFloat-32, which a GPU multiplies in by default, would drown the difference.
    with jax.default_matmul_precision("highest"):
        return jax.jit(jax.grad(loss)).lower(weights, x)


def off(plain: Any, lean: Any) -> float:
    """Measure how far the lean gradient is from the plain one: the largest over the weights."""

    def size(a: Any) -> Any:
        return jnp.sqrt(jnp.sum(jnp.square(a.astype(jnp.float32))))

    return max(float(size(a - b) / size(a)) for a, b in zip(plain, lean, strict=True))


@functools.cache
def tensors(net_name: str, dtype: str) -> tuple[list[Any], Any]:
    """Hand the weights and the batch of a network to PyTorch."""
    import torch

    device = "cuda" if jax.default_backend() == "gpu" else "cpu"
    if device == "cuda":  # as JAX multiplies float32 there
        torch.set_float32_matmul_precision("high")

    def tensor(a: Any) -> Any:
        return torch.tensor(np.asarray(a, np.float32), dtype=getattr(torch, dtype), device=device)

    weights, x = drawn(NETWORKS[net_name], dtype)
    batch, ws = tensor(x), [tensor(w) for w in weights]
    if batch.ndim == 4:  # images, as PyTorch has them
        batch = batch.permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)
        ws = [w.permute(3, 2, 0, 1).contiguous(memory_format=torch.channels_last) for w in ws]
    for w in ws:
        w.requires_grad_(True)
    return ws, batch


@functools.cache
def in_torch(word: str, net_name: str, dtype: str) -> tuple[Run, int]:
    """Build a step of eager PyTorch, and count the bytes its autograd saves."""
    import torch

    name, _, form = word.partition(":")
    act = getattr(torch.nn.functional, name) if name else (lambda x: x)
    act = functools.partial(act, approximate=form) if form else act
    net, (ws, batch) = NETWORKS[net_name], tensors(net_name, dtype)

    def loss() -> Any:
        return net.in_torch(act, ws, batch).float().square().mean()

    def run() -> None:
        grads = torch.autograd.grad(loss(), ws)
        with torch.no_grad():
            for w, g in zip(ws, grads, strict=True):
                w -= RATE * g
        if batch.is_cuda:
            torch.cuda.synchronize()

    saved: dict[int, int] = {}
    own = {t.untyped_storage().data_ptr() for t in (*ws, batch)}

    def keep(t: Any) -> Any:
        storage = t.untyped_storage()  # once, whatever is a view of it
        if storage.data_ptr() not in own:
            saved[storage.data_ptr()] = storage.nbytes()
        return t

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda t: t):
        kept = loss()  # held: its tensors are not freed, so no address is used twice
    del kept
    return run, sum(saved.values())


def rows(net_name: str, args: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Measure a network with every activation asked for: all compiled ahead, then one by one."""
    net, names = NETWORKS[net_name], [name for name in FUNCTIONS if args.only in name]
    inputs = drawn(net, args.dtype)
    rounds = round(args.rounds * (net.rounds if jax.default_backend() == "cpu" else 1))
    programs: dict[tuple[str, ...], Any] = {
        ("linear", "step"): lowered(loss_of(lambda x: x, net), *inputs)
    }
    for name in names:
        plain = loss_of(FUNCTIONS[name].jax, net)
        for key, loss in {"plain": plain, "lean": rj.lean(plain, bits=args.bits)}.items():
            programs[name, key] = lowered(loss, *inputs)
            if rounds:
                programs[name, key, "gradient"] = gradient(loss, *inputs)
    with ThreadPoolExecutor() as pool:  # a compiler uses one core
        done = pool.map(lambda program: program.compile(), programs.values())
        compiled = dict(zip(programs, done, strict=True))
    for name in names:
        steps = {key: compiled[name, key] for key in ("plain", "lean")}
        steps["linear"] = compiled["linear", "step"]
        torch = {}
        if importlib.util.find_spec("torch") is not None:
            words = {"torch": FUNCTIONS[name].torch, "torch linear": ""}
            torch = {key: in_torch(word, net_name, args.dtype) for key, word in words.items()}
        found = {"network": net_name, "function": name, **row(steps, torch, inputs, rounds)}
        if rounds:
            grads = (compiled[name, key, "gradient"](*inputs) for key in ("plain", "lean"))
            found["off"] = off(*grads)
        yield found


def row(steps: Any, torch: dict[str, tuple[Run, int]], inputs: Any, rounds: int) -> dict[str, Any]:
    """Measure the steps of one activation in one network, in turns with PyTorch's."""

    def running(step: Any) -> Run:
        return lambda: jax.block_until_ready(step(*inputs))

    memory = {key: held(step) for key, step in steps.items()}
    memory |= {key: saved for key, (_, saved) in torch.items()}
    runs = {key: running(step) for key, step in steps.items()}
    runs |= {key: run for key, (run, _) in torch.items() if key == "torch"}
    times = timed(runs, rounds, 1) if rounds else {}
    seconds = {key: statistics.median(took) for key, took in times.items()}
    ratios = {
        key: statistics.median(a / b for a, b in zip(times["lean"], times[key], strict=True))
        for key in seconds
    }
    return {"bytes": memory, "seconds": seconds, "lean_over": ratios}


def told(found: dict[str, Any], dtype: str) -> str:
    """Write a row of the table."""
    memory, function = found["bytes"], FUNCTIONS[found["function"]]
    cells = [f"{found['network']:16} {found['function']:11}"]
    cells += [f"{memory[key] / memory['linear']:6.2f}" for key in ("plain", "lean")]
    if "torch" in memory:
        cells.append(f"{memory['torch'] / memory['torch linear']:6.2f}")
    if found["seconds"]:
        cells += [f"{found['seconds']['plain'] * 1e3:9.1f} ms"]
        cells += [f"{found['lean_over'][k]:6.2f}" for k in ("plain", "linear", "torch") if k in
                  found["lean_over"]]  # fmt: skip
        cells.append(f"{found['off']:9.1e}")
    missed = [word for word, holds in _aims(found, function, dtype).items() if not holds]
    return " ".join([*cells, f"  above: {', '.join(missed)}" if missed else ""]).rstrip()


def _aims(found: dict[str, Any], function: Function, dtype: str) -> dict[str, bool]:
    memory = found["bytes"]
    aims = {"memory": memory["lean"] <= 1.1 * memory["linear"]}
    if found["seconds"]:
        aims["time"] = found["lean_over"]["plain"] <= function.slower
    if found["seconds"] and dtype == "float32":
        aims["gradient"] = found["off"] <= function.off
    return aims


def in_processes(net_name: str, args: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Measure a network in several processes: medians over them, and the ratios of each."""
    words = ["--dtype", args.dtype, "--only", args.only, "--rounds", str(args.rounds)]
    words += ["--bits", str(args.bits)] if args.bits else []
    tables = []
    for _ in range(args.processes):
        with tempfile.NamedTemporaryFile(suffix=".json") as file:
            program = [sys.executable, __file__, *words, "--networks", net_name]
            subprocess.run([*program, "--json", file.name], check=True, stdout=subprocess.DEVNULL)
            tables.append(json.loads(Path(file.name).read_text())["rows"])
    for ones in zip(*tables, strict=True):
        row = dict(ones[0])
        for key in ("seconds", "lean_over"):
            of_each = {name: [one[key][name] for one in ones] for name in row[key]}
            row[key] = {name: statistics.median(found) for name, found in of_each.items()}
        row["lean_over_plain_per_process"] = [one["lean_over"].get("plain") for one in ones]
        yield row


def main() -> None:
    """Print the table, and write it where a file is named."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", help="write the numbers here")
    parser.add_argument("--dtype", default="float32", choices=("float32", "bfloat16"))
    parser.add_argument("--networks", nargs="+", default=list(NETWORKS), choices=list(NETWORKS))
    parser.add_argument("--bits", type=int, help="as of rj.lean")
    parser.add_argument("--only", default="", help="functions whose name holds this")
    parser.add_argument("--rounds", type=int, default=5, help="of the networks of middle size")
    parser.add_argument("--processes", type=int, default=1, help="to measure each network in")
    args = parser.parse_args()
    measured = in_processes if args.processes > 1 else rows
    device = jax.devices()[0].device_kind
    print(f"{args.dtype} on {device}, jax {jax.__version__}")
    print(
        "memory over the linear network's: jax.nn, lean, PyTorch; then a step of jax.nn, the time "
        "of lean over jax.nn's, the linear network's and PyTorch's; gradient off by"
    )
    about = {"dtype": args.dtype, "jax": jax.__version__, "device": device}
    about |= {"rounds": args.rounds, "bits": args.bits, "processes": args.processes}
    found = []
    for net_name in args.networks:
        for one in measured(net_name, args):
            found.append(one)
            print(told(one, args.dtype), flush=True)
        if args.json:
            Path(args.json).write_text(json.dumps({**about, "rows": found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
