"""How much does an activation look like the firing rate of a neuron? Three scores of ours.

A neuron does not answer inhibition, answers a wide range of excitation, and is silent most of
the time. Each score is in [0, 1], is 1 for the neuron of the textbook, and is a definition made
here: the literature names the three properties and no measure.
"""

import math
from typing import NamedTuple

import numpy as np

from relu_jax.activations.activation import Activation
from relu_jax.activations.curves import evaluate, normal_nodes
from relu_jax.activations.zeros import Zeros

DRIVES = 10.0  # standard deviations of excitation that a neuron should tell apart


class NeuronScores(NamedTuple):
    """Hold three numbers in [0, 1]."""

    one_sidedness: float
    width: float
    sparsity: float


def neuron_scores(act: Activation, zero: Zeros, variance: float) -> NeuronScores:
    """Score an activation f under the drive x ~ N(0, variance).

    one_sidedness = max(0, 1 - E |f(-|x|)| / E |f(|x|)|): how much weaker inhibition is answered
    than excitation. 1 for relu, 0.66 for softplus, 0.5 for sigmoid, 0 for tanh.

    width = min(1, 2 h / U), where h is the first drive above 0 at which f has covered half of
    its way from f(0+) to f(U), and U is 10 standard deviations. 1 for relu and for what grows
    faster, 0.22 for sigmoid, 0.11 for tanh; 0 where f(U) is not above f(0+).

    sparsity = P(f(x) = 0), in real numbers, over an interval. 0.5 for relu, 0 for the others.

    Args:
        act: any activation.
        zero: where it is 0, from `zeros.zeros`.
        variance: above 0.

    Source: the properties are those of Dayan & Abbott 2001 as told by Glorot, Bordes & Bengio
    2011, section 2.1; the measures are ours.

    Example:
        >>> from relu_jax.activations.flat_parts import Interval
        >>> from relu_jax.activations.rectifiers import RELU
        >>> neuron_scores(RELU, Zeros((), (Interval(-math.inf, 0.0),), 0), 1.0)
        NeuronScores(one_sidedness=1.0, width=1.0, sparsity=0.5)
    """
    deviation = math.sqrt(variance)
    silent = sum(
        _below(piece.high / deviation) - _below(piece.low / deviation) for piece in zero.intervals
    )
    return NeuronScores(_one_sidedness(act, zero, variance), _width(act, deviation), silent)


def _one_sidedness(act: Activation, zero: Zeros, variance: float) -> float:
    x, w = normal_nodes((*act.kinks, *zero.points), variance)
    answer = np.abs(evaluate(act, x)[0]) * w
    inhibited, excited = answer[x < 0].sum(), answer[x > 0].sum()
    return float(max(0.0, 1 - inhibited / excited)) if excited > 0 else 0.0


def _width(act: Activation, deviation: float) -> float:
    top = DRIVES * deviation
    x = np.concatenate([[1e-12], np.linspace(0, top, 4001)[1:]])
    y = evaluate(act, x)[0]
    if not y[-1] > y[0]:
        return 0.0
    middle = (y[0] + y[-1]) / 2
    i = int((y >= middle).argmax())
    share = (middle - y[i - 1]) / (y[i] - y[i - 1])
    half = x[i - 1] + share * (x[i] - x[i - 1])
    return float(min(1.0, 2 * half / top))


def _below(z: float) -> float:
    return math.erfc(-z / math.sqrt(2)) / 2
