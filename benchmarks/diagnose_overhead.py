"""What does a diagnosis cost, beside training on the same batches?

For two networks, in one run: the time of `relu_jax.diagnose` per batch over the time of one
jitted training step (value, gradient and an SGD update), the two measured in turns; and the
peak memory of a process that diagnoses 1, 10 or 100 batches.

    python benchmarks/diagnose_overhead.py [--json FILE] [--rounds N] [--steps N] [--only NAME]

Aim: a ratio of at most 1.3 for both, and a peak that does not grow with the number of batches.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
import optax

import relu_jax as rj
from relu_jax import models

BATCHES = (1, 10, 100)
SETTLE = 0.05  # seconds for work under way to end, before a clock starts


class Network(NamedTuple):
    """A network and its batch."""

    name: str
    model: models.Model
    batch: tuple[np.ndarray, np.ndarray]


def networks() -> tuple[Network, ...]:
    """Build the two networks on random images."""
    draw = np.random.default_rng(0)

    def batch(n: int, *shape: int) -> tuple[np.ndarray, np.ndarray]:
        images = draw.standard_normal((n, *shape)).astype(np.float32)
        return images, draw.integers(0, 10, n).astype(np.int32)

    return (
        Network("mlp 784-512-512-512-10, batch 256", models.mlp([784, 512, 512, 512, 10]),
                batch(256, 784)),
        Network("cnn 28x28x1-16-32-10, batch 128", models.convnet((28, 28, 1), [16, 32], 10),
                batch(128, 28, 28, 1)),
    )  # fmt: skip


def loss_of(network: Network) -> Callable[[Any, Any], Any]:
    """Build the mean cross-entropy."""

    def loss(params: Any, batch: Any) -> Any:
        logits = network.model.apply(params, batch[0])
        return optax.softmax_cross_entropy_with_integer_labels(logits, batch[1]).mean()

    return loss


def training(network: Network) -> Callable[[], None]:
    """Build one jitted training step that is waited for."""
    optimizer = optax.sgd(1e-6)
    loss = loss_of(network)

    @jax.jit
    def step(params: Any, state: Any, batch: Any) -> Any:
        value, gradient = jax.value_and_grad(loss)(params, batch)
        updates, state = optimizer.update(gradient, state, params)
        return value, optax.apply_updates(params, updates), state

    params = network.model.init(jax.random.key(0))
    state = optimizer.init(params)

    def run() -> None:
        jax.block_until_ready(step(params, state, network.batch))

    run()
    return run


def ratios(network: Network, rounds: int, steps: int) -> tuple[list[float], list[float]]:
    """Time both in turns: milliseconds per training step, and per diagnosed batch, by round.

    The clock of the diagnosis runs while it asks for batches. It works one batch ahead, so that
    only steps - 1 of the batches are surely finished in that time: those are counted.
    """
    train = training(network)
    trained: list[float] = []
    diagnosed: list[float] = []

    def batches() -> Iterator[Any]:
        yield network.batch  # compiles
        yield network.batch
        for _ in range(rounds):
            time.sleep(SETTLE)
            start = time.perf_counter()
            for _ in range(steps):
                train()
            trained.append(1e3 * (time.perf_counter() - start) / steps)
            start = time.perf_counter()
            for _ in range(steps):
                yield network.batch
            diagnosed.append(1e3 * (time.perf_counter() - start) / (steps - 1))

    rj.diagnose(loss_of(network), network.model.init(jax.random.key(0)), batches())
    return trained, diagnosed


def peak(name: str, n: int) -> float:
    """Measure the peak memory of a fresh process that diagnoses n batches, in MiB."""
    command = [sys.executable, str(Path(__file__).resolve()), "--peak", str(n), "--only", name]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def diagnose_and_tell(network: Network, n: int) -> None:
    """Diagnose n batches, and print the peak memory of this process."""
    batches = (network.batch for _ in range(n))
    rj.diagnose(loss_of(network), network.model.init(jax.random.key(0)), batches)
    print(own_peak())


def own_peak() -> float:
    """Read the peak memory of this process, in MiB.

    Linux tells it of the program alone; getrusage there begins with the parent's.
    """
    status = Path("/proc/self/status")
    if status.exists():
        line = next(x for x in status.read_text().splitlines() if x.startswith("VmHWM"))
        return int(line.split()[1]) / 2**10
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def measured(network: Network, rounds: int, steps: int) -> dict[str, Any]:
    """Measure one network."""
    trained, diagnosed = ratios(network, rounds, steps)
    paired = [d / t for d, t in zip(diagnosed, trained, strict=True)]
    return {
        "network": network.name,
        "training step, ms": statistics.median(trained),
        "diagnosis per batch, ms": statistics.median(diagnosed),
        "ratio": statistics.median(paired),
        "ratios": paired,
        "peak MiB by batches": {str(n): peak(network.name, n) for n in BATCHES},
    }


def main() -> None:
    """Print the table, and write it as JSON where asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", help="also write the numbers here")
    parser.add_argument("--rounds", type=int, default=15, help="pairs (default: %(default)s)")
    parser.add_argument("--steps", type=int, default=30, help="per round (default: %(default)s)")
    parser.add_argument("--only", default="", help="networks whose name contains this")
    parser.add_argument("--peak", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    chosen = [network for network in networks() if args.only in network.name]
    if args.peak:
        diagnose_and_tell(chosen[0], args.peak)
        return
    rows = [measured(network, args.rounds, max(2, args.steps)) for network in chosen]
    for row in rows:
        low, high = min(row["ratios"]), max(row["ratios"])
        peaks = ", ".join(f"{n}: {mib:.0f}" for n, mib in row["peak MiB by batches"].items())
        print(
            f"{row['network']}\n  training step {row['training step, ms']:.2f} ms, diagnosis per "
            f"batch {row['diagnosis per batch, ms']:.2f} ms: ratio {row['ratio']:.2f} "
            f"({low:.2f} to {high:.2f}; aim 1.3)\n  peak MiB by batches: {peaks}"
        )
    if args.json:
        Path(args.json).write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
