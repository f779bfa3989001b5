"""How much does a compiled gradient hold, and how far is it off?"""

import jax
import numpy as np

import relu_jax as rj


def held(loss, *args, changed=jax.grad):
    sizes = jax.jit(changed(loss)).lower(*args).compile().memory_analysis()
    return sizes.temp_size_in_bytes + sizes.output_size_in_bytes


def beyond(loss_of, act, size, *args):
    """Measure how many arrays, of so many bytes, a network keeps that a linear one does not."""
    linear = held(loss_of(lambda z: z), *args)
    return [(held(f(loss_of(act)), *args) - linear) / size for f in (lambda f: f, rj.lean)]


def off(got, want):
    """Measure by how much the worst of some arrays is off, in shares of its size."""
    pairs = zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True)
    pairs = [(np.asarray(a, np.float64), np.asarray(b, np.float64)) for a, b in pairs]
    return max(np.linalg.norm(a - b) / np.linalg.norm(b) for a, b in pairs)
