"""What does it cost to watch every activation while training?

For two networks, in one run, in turns: the time of a jitted training step (value, gradient, SGD
update) with `relu_jax.monitor.value_and_grad` in the place of `jax.value_and_grad`, at every step
and at every tenth, over that of the plain step. Beside it, where PyTorch is installed, eager
PyTorch's step with module hooks that compute the same numbers, over its own plain step.

    python benchmarks/monitor_overhead.py [--json FILE] [--rounds N] [--steps N] [--only NAME]

Aim: 1.10 at every step, 1.02 at every tenth.
"""

import argparse
import itertools
import json
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

import relu_jax as rj
from relu_jax import models

ACTS = ("relu", "gelu_tanh")
SETTLE = 0.05  # seconds for threads of the last way to end, before a clock starts
AIMS = {"every 1": 1.10, "every 10": 1.02}


def networks() -> dict[str, tuple[Any, tuple[np.ndarray, np.ndarray]]]:
    """Build the networks on random images."""
    draw = np.random.default_rng(0)
    found = {}
    for act in ACTS:
        for name, model, shape in (
            ("mlp 784-512-512-512-10, batch 256",
             models.mlp([784, 512, 512, 512, 10], activation=rj.activations.get(act)), (256, 784)),
            ("cnn 28x28x1-16-32-10, batch 128",
             models.convnet((28, 28, 1), [16, 32], 10, activation=rj.activations.get(act)),
             (128, 28, 28, 1)),
        ):  # fmt: skip
            batch = draw.standard_normal(shape).astype(np.float32)
            labels = draw.integers(0, 10, shape[0]).astype(np.int32)
            found[f"{name}, {act}"] = model, (batch, labels)
    return found


def steps_of(model: Any, batch: Any) -> dict[str, Callable[[], None]]:
    """Build the plain step and the watched ones, each of which is waited for."""

    def loss(params: Any, batch: Any) -> Any:
        logits = model.apply(params, batch[0])
        return optax.softmax_cross_entropy_with_integer_labels(logits, batch[1]).mean()

    def plain(params: Any, _number: Any) -> Any:
        return jax.value_and_grad(loss)(params, batch)

    def watched(every: int) -> Callable[..., Any]:
        watch = rj.monitor.value_and_grad(loss, every=every)

        def run(params: Any, number: Any) -> Any:
            return watch(params, batch, **({} if every == 1 else {"step": number}))

        return run

    ways = {"plain": plain, "every 1": watched(1), "every 10": watched(10), "again": plain}
    return {name: _waited(way, model.init(jax.random.key(0))) for name, way in ways.items()}


def _waited(way: Callable[..., Any], params: Any) -> Callable[[], None]:
    @jax.jit
    def step(params: Any, number: Any) -> Any:
        told, grads = way(params, number)
        return told, jax.tree.map(lambda p, g: p - 1e-6 * g, params, grads), number + 1

    carried = [params, jnp.int32(0)]

    def run() -> None:
        told, carried[0], carried[1] = step(*carried)
        jax.block_until_ready((told, carried[0]))

    run()
    return run


def torch_steps(name: str, batch: Any) -> dict[str, Callable[[], None]]:
    """Build PyTorch's plain step, and the one with hooks; none where it is not installed."""
    try:
        import torch
    except ImportError:
        return {}
    if not name.startswith("mlp"):
        return {}
    torch.set_num_threads(os.cpu_count() or 1)
    smooth = not name.endswith("relu")
    inputs, labels = torch.from_numpy(batch[0]), torch.from_numpy(batch[1]).long()

    def rms(x: Any) -> Any:
        return x.detach().pow(2).mean().sqrt()

    def build(*, hooked: bool) -> Callable[[], None]:
        layers = []
        for n_in, n_out in itertools.pairwise((784, 512, 512, 512)):
            act = torch.nn.GELU("tanh") if smooth else torch.nn.ReLU()
            layers += [torch.nn.Linear(n_in, n_out), act]
        net = torch.nn.Sequential(*layers, torch.nn.Linear(512, 10))
        optimizer = torch.optim.SGD(net.parameters(), lr=1e-6)
        told: dict[Any, Any] = {}

        def ahead(module: Any, given: Any, post: Any) -> None:
            pre = given[0].detach()
            told[module] = [rms(pre), rms(post), (post == 0).float().mean()]
            if not smooth:
                told[module] += [(pre > 0).any(dim=0)]

        def back(module: Any, d_pre: Any, _: Any) -> None:
            told[module].append(rms(d_pre[0]))

        for layer in layers[1::2] if hooked else ():
            layer.register_forward_hook(ahead)
            layer.register_full_backward_hook(back)

        def run() -> None:
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(net(inputs), labels).backward()
            if hooked:
                told["leaves"] = [(rms(p), rms(p.grad)) for p in net.parameters()]
            optimizer.step()

        run()
        return run

    return {"PyTorch plain": build(hooked=False), "PyTorch hooks": build(hooked=True)}


def measured(
    ways: dict[str, Callable[[], None]], rounds: int, steps: int
) -> dict[str, list[float]]:
    """Time all ways in turns, in milliseconds per step; a round begins with another one each."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    order = list(ways)
    for number in range(rounds):
        turn = number % len(order)
        for name in order[turn:] + order[:turn]:
            time.sleep(SETTLE)
            start = time.perf_counter()
            for _ in range(steps):
                ways[name]()
            times[name].append(1e3 * (time.perf_counter() - start) / steps)
    return times


def ratio(times: dict[str, list[float]], name: str, base: str) -> float:
    """Take the median of paired ratios."""
    return statistics.median(a / b for a, b in zip(times[name], times[base], strict=True))


def main() -> None:
    """Print the table, and write it as JSON where asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", help="also write the numbers here")
    parser.add_argument("--rounds", type=int, default=15, help="(default: %(default)s)")
    parser.add_argument("--steps", type=int, default=20, help="per round (default: %(default)s)")
    parser.add_argument("--only", default="", help="networks whose name contains this")
    args = parser.parse_args()
    rows = []
    for name, (model, batch) in networks().items():
        if args.only not in name:
            continue
        times = measured(steps_of(model, batch) | torch_steps(name, batch), args.rounds, args.steps)
        row = {key: ratio(times, key, "plain") for key in ("every 1", "every 10", "again")}
        if "PyTorch hooks" in times:
            row["PyTorch hooks"] = ratio(times, "PyTorch hooks", "PyTorch plain")
        medians = {key: statistics.median(value) for key, value in times.items()}
        rows.append({"network": name, "ms": medians, "ratios": row})
        told = ", ".join(
            f"{key} {value:.3f}" + (f" (aim {AIMS[key]:.2f})" if key in AIMS else "")
            for key, value in row.items()
        )
        print(f"{name}\n  plain step {medians['plain']:.2f} ms; over it: {told}", flush=True)
    if args.json:
        Path(args.json).write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
