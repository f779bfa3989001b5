"""What does it take to diagnose a language model of 100 million parameters on a laptop's processor?

A causal transformer as GPT-2 has it (12 blocks of 768, 12 heads, GELU, layer norms before, tied
embeddings of 20,000 words) with GPT-2's initialisation, on random tokens: the time of the processor
and the peak memory of this process, from the first import to the last finding, beside those of one
training step (value, gradient, SGD) once it is compiled.

    python benchmarks/diagnose_transformer.py [--json FILE] [--batches N] [--batch N] [--tokens N]

Aim: 8 GB and 180 seconds of the processor.
"""

import argparse
import json
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from diagnose_overhead import own_peak
from jax import nn

import relu_jax as rj

BLOCKS, WIDTH, HEADS, WORDS = 12, 768, 12, 20_000
SECONDS, MIB = 180, 8 * 1000**3 / 2**20


def initial(tokens: int) -> dict[str, Any]:
    """Draw the parameters as GPT-2's: deviations of 0.02, less for what is added to the stream."""
    rng = np.random.default_rng(0)

    def normal(*shape: int, scale: float = 0.02) -> jax.Array:
        return jnp.asarray(rng.standard_normal(shape, np.float32) * np.float32(scale))

    added = 0.02 / (2 * BLOCKS) ** 0.5
    sizes = {"qkv": (WIDTH, 3 * WIDTH), "out": (WIDTH, WIDTH), "up": (WIDTH, 4 * WIDTH),
             "down": (4 * WIDTH, WIDTH)}  # fmt: skip
    blocks = [
        {
            name: {
                "w": normal(*shape, scale=added if name in ("out", "down") else 0.02),
                "b": jnp.zeros(shape[1]),
            }
            for name, shape in sizes.items()
        }
        for _ in range(BLOCKS)
    ]
    return {"words": normal(WORDS, WIDTH), "places": normal(tokens, WIDTH), "blocks": blocks}


def dense(layer: dict[str, Any], x: Any) -> Any:
    """Apply one dense layer."""
    return x @ layer["w"] + layer["b"]


def loss(params: Any, tokens: Any) -> Any:
    """Take the mean cross-entropy of the next word."""
    x = params["words"][tokens] + params["places"]
    for block in params["blocks"]:
        parts = dense(block["qkv"], nn.standardize(x)).reshape(*x.shape[:-1], 3, HEADS, -1)
        mixed = nn.dot_product_attention(*(parts[..., i, :, :] for i in range(3)), is_causal=True)
        x = x + dense(block["out"], mixed.reshape(x.shape))
        x = x + dense(block["down"], nn.gelu(dense(block["up"], nn.standardize(x))))
    logits = nn.standardize(x) @ params["words"].T
    return optax.softmax_cross_entropy_with_integer_labels(logits[:, :-1], tokens[:, 1:]).mean()


def step_time(params: Any, tokens: Any) -> float:
    """Measure the time of the processor that one training step takes, compiled, in seconds."""

    @partial(jax.jit, donate_argnums=0)
    def step(params: Any, tokens: Any) -> Any:
        gradient = jax.grad(loss)(params, tokens)
        return jax.tree.map(lambda p, g: p - 1e-3 * g, params, gradient)

    params = jax.block_until_ready(step(params, tokens))
    start = time.process_time()
    jax.block_until_ready(step(params, tokens))
    return time.process_time() - start


def main() -> None:
    """Print what it took, and write it as JSON where asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", help="also write the numbers here")
    parser.add_argument("--batches", type=int, default=4, help="(default: %(default)s)")
    parser.add_argument("--batch", type=int, default=4, help="sequences (default: %(default)s)")
    parser.add_argument("--tokens", type=int, default=128, help="(default: %(default)s)")
    args = parser.parse_args()
    began = time.perf_counter()
    params = initial(args.tokens)
    size = sum(leaf.size for leaf in jax.tree.leaves(params))

    def batches() -> Iterator[Any]:
        for i in range(args.batches):
            rng = np.random.default_rng(i)
            yield rng.integers(0, WORDS, (args.batch, args.tokens)).astype(np.int32)

    found = rj.diagnose(loss, params, batches())
    seconds, wall, peak = time.process_time(), time.perf_counter() - began, own_peak()
    told = {
        "jax": jax.__version__, "parameters": size, "batches": args.batches,
        "sequences": args.batch, "tokens": args.tokens, "sites": len(found.sites),
        "processor, s": seconds, "wall, s": wall, "peak MiB": peak,
        "training step, processor, s": step_time(params, next(batches())),
        "findings": [f"{f.severity}: {f.kind}" for f in found.findings],
    }  # fmt: skip
    print(
        f"{size / 1e6:.1f} million parameters, {len(found.sites)} activations, {args.batches} "
        f"batches of {args.batch} x {args.tokens} tokens\n"
        f"  {seconds:.0f} s of the processor (aim {SECONDS}), {wall:.0f} s by the clock\n"
        f"  peak {peak:.0f} MiB (aim {MIB:.0f})\n"
        f"  one training step: {told['training step, processor, s']:.1f} s of the processor\n"
        f"  findings: {', '.join(told['findings']) or 'none'}"
    )
    if args.json:
        Path(args.json).write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
