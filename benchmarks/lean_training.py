"""What does `rj.lean` save in training, and what does it cost, beside jax.nn and PyTorch?

For each network and activation, in one run: the memory of a training step over that of the same
network without activations (temporary and output bytes of XLA's `memory_analysis`), with `jax.nn`
as it is and made lean; the time of a step of both, of the linear network and of eager PyTorch; and
how far the lean gradient is off, relative to the plain one. The variants run in turns; a ratio is
the median over the rounds of the ratios within each round. PyTorch's memory is what its autograd
saves beside the weights, over that of its linear network.

    python benchmarks/lean_training.py [--json FILE] [--dtype bfloat16] [--networks NAME ...]
                                       [--bits 3]

Batches are at least four times the width: XLA would hide activations in the output buffers of the
weights else. PyTorch is measured where it is installed (make torch).
Aims, in float32: memory at most 1.1 times the linear network's; time at most 1.05 times jax.nn's
for what is piecewise linear and 1.15 for the others; gradients off by at most 1e-6, and 1e-5 where
the slope is a fitted function of the result.
"""

import argparse
import importlib.util
import json
import statistics
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from activation_cost import Run, timed  # before PyTorch: it keeps those threads from spinning
from jax import lax, nn

import relu_jax as rj

Act = Callable[[Any], Any]
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


class Network(NamedTuple):
    """Eight products with an activation after each, and a head."""

    shape: tuple[int, ...]  # of a batch
    weights: tuple[tuple[int, ...], ...]
    rounds: float  # times those asked for

    @property
    def convolutional(self) -> bool:
        """Whether the products are convolutions."""
        return len(self.shape) == 4


def mlp(width: int, batch: int, rounds: float) -> Network:
    """Describe eight dense layers of one width."""
    return Network((batch, width), ((width, width),) * 8, rounds)


NETWORKS = {
    "mlp 256": mlp(256, 4096, 2),
    "mlp 1024": mlp(1024, 4096, 1),
    "mlp 2048": mlp(2048, 8192, 0),
    "cnn": Network((64, 16, 16, 64), ((3, 3, 64, 64),) * 8, 1),
}


def drawn(net: Network, dtype: str) -> tuple[list[jax.Array], jax.Array]:
    """Draw weights that keep the signal's size, and a batch."""
    draw = np.random.default_rng(0)
    fans = [np.prod(shape[:-1]) for shape in net.weights]
    weights = [
        jnp.asarray(draw.standard_normal(shape) * np.sqrt(1.5 / fan), dtype)
        for shape, fan in zip(net.weights, fans, strict=True)
    ]
    return weights, jnp.asarray(draw.standard_normal(net.shape), dtype)


def loss_of(act: Act, net: Network) -> Callable[..., Any]:
    """Build the loss: the mean square of what the last layer gives."""

    def loss(weights: Any, x: Any) -> Any:
        for w in weights[:-1]:
            x = act(_times(x, w, net))
        return jnp.mean(jnp.square(_times(x, weights[-1], net).astype(jnp.float32)))

    return loss


def _times(x: Any, w: Any, net: Network) -> Any:
    if not net.convolutional:
        return x @ w
    return lax.conv_general_dilated(
        x, w, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
    )


def compiled(loss: Callable[..., Any], weights: Any, x: Any) -> Any:
    """Compile one step of gradient descent."""

    def step(weights: Any, x: Any) -> Any:
        value, grads = jax.value_and_grad(loss)(weights, x)
        return [w - (RATE * g).astype(w.dtype) for w, g in zip(weights, grads, strict=True)], value

    return jax.jit(step).lower(weights, x).compile()


def held(step: Any) -> int:
    """Read how many bytes a step takes beside its arguments."""
    sizes = step.memory_analysis()
    return sizes.temp_size_in_bytes + sizes.output_size_in_bytes


def off(weights: Any, x: Any, plain: Callable[..., Any], lean: Callable[..., Any]) -> float:
    """Measure how far the lean gradient is from the plain one: the largest over the weights."""
    pairs = zip(*(jax.jit(jax.grad(loss))(weights, x) for loss in (plain, lean)), strict=True)
    return max(
        float(np.linalg.norm((a - b).ravel()) / np.linalg.norm(a.ravel()))
        for a, b in ((np.asarray(a, np.float64), np.asarray(b, np.float64)) for a, b in pairs)
    )


def in_torch(word: str, weights: Any, x: Any, dtype: str, net: Network) -> tuple[Run, int]:
    """Build a step of eager PyTorch, and count the bytes its autograd saves."""
    import torch

    name, _, form = word.partition(":")
    act = getattr(torch.nn.functional, name) if name else (lambda x: x)
    act = partial(act, approximate=form) if form else act

    def tensor(a: Any) -> Any:
        return torch.tensor(np.asarray(a, np.float32), dtype=getattr(torch, dtype))

    batch, ws = tensor(x), [tensor(w) for w in weights]
    if net.convolutional:  # as PyTorch has them
        batch = batch.permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)
        ws = [w.permute(3, 2, 0, 1).contiguous(memory_format=torch.channels_last) for w in ws]
    for w in ws:
        w.requires_grad_(True)

    def times(x: Any, w: Any) -> Any:
        return torch.nn.functional.conv2d(x, w, padding=1) if net.convolutional else x @ w

    def loss() -> Any:
        h = batch
        for w in ws[:-1]:
            h = act(times(h, w))
        return times(h, ws[-1]).float().square().mean()

    def run() -> None:
        grads = torch.autograd.grad(loss(), ws)
        with torch.no_grad():
            for w, g in zip(ws, grads, strict=True):
                w -= RATE * g

    saved: dict[int, int] = {}
    own = {w.data_ptr() for w in (*ws, batch)}

    def keep(t: Any) -> Any:
        if t.data_ptr() not in own:
            saved[t.data_ptr()] = t.untyped_storage().nbytes()
        return t

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda t: t):
        kept = loss()  # held: its tensors are not freed, so no address is used twice
    del kept
    return run, sum(saved.values())


def row(name: str, net_name: str, args: argparse.Namespace) -> dict[str, Any]:
    """Measure one activation in one network."""
    net, function = NETWORKS[net_name], FUNCTIONS[name]
    weights, x = drawn(net, args.dtype)
    losses = {
        "linear": loss_of(lambda x: x, net),
        "plain": (plain := loss_of(function.jax, net)),
        "lean": (lean := rj.lean(plain, bits=args.bits)),
    }
    steps = {key: compiled(loss, weights, x) for key, loss in losses.items()}
    memory = {key: held(step) for key, step in steps.items()}

    def running(step: Any) -> Run:
        return lambda: jax.block_until_ready(step(weights, x))

    runs = {key: running(step) for key, step in steps.items()}
    if importlib.util.find_spec("torch") is not None:
        runs["torch"], memory["torch"] = in_torch(function.torch, weights, x, args.dtype, net)
        _, memory["torch linear"] = in_torch("", weights, x, args.dtype, net)
    rounds = round(args.rounds * net.rounds)
    times = timed(runs, rounds, 1) if rounds else {}
    seconds = {key: statistics.median(took) for key, took in times.items()}
    ratios = {
        key: statistics.median(a / b for a, b in zip(times["lean"], times[key], strict=True))
        for key in seconds
    }
    return {
        "network": net_name,
        "function": name,
        "bytes": memory,
        "seconds": seconds,
        "lean_over": ratios,
        "off": off(weights, x, plain, lean) if rounds else None,
    }


def told(found: dict[str, Any]) -> str:
    """Write a row of the table."""
    memory, function = found["bytes"], FUNCTIONS[found["function"]]
    cells = [f"{found['network']:9} {found['function']:11}"]
    cells += [f"{memory[key] / memory['linear']:6.2f}" for key in ("plain", "lean")]
    if "torch" in memory:
        cells.append(f"{memory['torch'] / memory['torch linear']:6.2f}")
    if found["seconds"]:
        cells += [f"{found['seconds']['plain'] * 1e3:9.0f} ms"]
        cells += [f"{found['lean_over'][k]:6.2f}" for k in ("plain", "linear", "torch") if k in
                  found["lean_over"]]  # fmt: skip
        cells.append(f"{found['off']:9.1e}")
    missed = [word for word, holds in _aims(found, function).items() if not holds]
    return " ".join([*cells, f"  above: {', '.join(missed)}" if missed else ""]).rstrip()


def _aims(found: dict[str, Any], function: Function) -> dict[str, bool]:
    memory = found["bytes"]
    aims = {"memory": memory["lean"] <= 1.1 * memory["linear"]}
    if found["seconds"]:
        aims["time"] = found["lean_over"]["plain"] <= function.slower
        aims["gradient"] = found["off"] <= function.off
    return aims


def rows(args: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Measure every network and activation asked for."""
    for net_name in args.networks:
        for name in FUNCTIONS:
            if args.only in name:
                yield row(name, net_name, args)


def main() -> None:
    """Print the table, and write it where a file is named."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", help="write the numbers here")
    parser.add_argument("--dtype", default="float32", choices=("float32", "bfloat16"))
    parser.add_argument("--networks", nargs="+", default=list(NETWORKS), choices=list(NETWORKS))
    parser.add_argument("--bits", type=int, help="as of rj.lean")
    parser.add_argument("--only", default="", help="functions whose name holds this")
    parser.add_argument("--rounds", type=int, default=5, help="of the networks of middle size")
    args = parser.parse_args()
    print(f"{args.dtype} on {jax.devices()[0].device_kind}, jax {jax.__version__}")
    print(
        "memory over the linear network's: jax.nn, lean, PyTorch; then a step of jax.nn, the time "
        "of lean over jax.nn's, the linear network's and PyTorch's; gradient off by"
    )
    found = []
    for one in rows(args):
        found.append(one)
        print(told(one), flush=True)
    if args.json:
        about = {
            "dtype": args.dtype,
            "jax": jax.__version__,
            "rounds": args.rounds,
            "bits": args.bits,
        }
        Path(args.json).write_text(json.dumps({**about, "rows": found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
