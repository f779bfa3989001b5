"""Activation functions: a formula, a convention at each kink and a source; one catalogue.

Parameters are checked where they are set: by `get`, `Activation.with_params`, `frozen` and the
`init` of what is trained. A function that is called itself takes any, since they may be traced:
``softplus(-3.0, beta=0.0)`` is what the formula gives, inf.
"""

from relu_jax.activations.activation import Activation, Params
from relu_jax.activations.algebraic import arcsinh, arctan, elliott, isrlu, isru, soft_sign, symlog
from relu_jax.activations.bounded import log_sigmoid, sigmoid, tanh
from relu_jax.activations.cards import Card, card
from relu_jax.activations.catalogue import CATALOGUE, names
from relu_jax.activations.celu import celu
from relu_jax.activations.clipped import hard_sigmoid, linear_sigmoid, relu1, relu_n, sparse_sigmoid
from relu_jax.activations.complex_rectifiers import complex_relu, mod_relu
from relu_jax.activations.distributions import cloglog, erf, gompertz, laplace, normal_cdf
from relu_jax.activations.exponential import elu, selu
from relu_jax.activations.frameworks import FRAMEWORKS
from relu_jax.activations.gated import GATED, Gated, gated_names
from relu_jax.activations.gates import logish, mish, phish, serf, smish, telu
from relu_jax.activations.gates_gelu import clipped_gelu, gelu_fast, smu
from relu_jax.activations.gates_sigmoid import aria2, elish, eswish, golu, quick_gelu
from relu_jax.activations.groups import crelu, k_winners, maxout, standardize
from relu_jax.activations.growing_waves import gcu, sinlu, snake
from relu_jax.activations.gumbel import gumbel_softmax
from relu_jax.activations.hard_gates import hard_elish, hard_mish, hard_silu
from relu_jax.activations.hyperbolas import bent_identity, pflu, smu1, squareplus
from relu_jax.activations.hyperbolic import lisht, nlrelu, shifted_softplus, tanh_shrink
from relu_jax.activations.inputs import as_float
from relu_jax.activations.lookup import get, get_gated, get_mixing, get_trainable
from relu_jax.activations.mixing import MIXING, Mixing, mixing_names
from relu_jax.activations.neurons import lif_rate, lif_rate_smooth
from relu_jax.activations.parabolas import smelu, sparse_plus, sqnl
from relu_jax.activations.piecewise import absolute, rrelu, soft_shrink, tent, two_slope
from relu_jax.activations.powers import cube, repu, square, squared_relu, star_relu
from relu_jax.activations.rectifiers import hard_tanh, identity, leaky_relu, relu, relu6
from relu_jax.activations.simplex import entmax15, log_softmax, softmax, softmin, sparsemax
from relu_jax.activations.slopes import AtKinks, with_slope
from relu_jax.activations.smooth import gelu, gelu_tanh, silu, softplus
from relu_jax.activations.squashing import (
    bipolar_sigmoid,
    dsilu,
    penalized_tanh,
    rectified_tanh,
    scaled_tanh,
    soft_clipping,
)
from relu_jax.activations.steps import heaviside, sign
from relu_jax.activations.thresholds import hard_shrink, relu_general, threshold, thresholded_relu
from relu_jax.activations.trainable import Trainable, frozen
from relu_jax.activations.trainable_catalogue import TRAINABLE, trainable_names
from relu_jax.activations.trainable_rectifiers import sample_rrelu
from relu_jax.activations.waves import (
    cosine,
    exponential,
    gaussian,
    gaussian_square,
    ricker,
    sinc,
    sine,
)

__all__ = [
    "CATALOGUE",
    "FRAMEWORKS",
    "GATED",
    "MIXING",
    "TRAINABLE",
    "Activation",
    "AtKinks",
    "Card",
    "Gated",
    "Mixing",
    "Params",
    "Trainable",
    "absolute",
    "arcsinh",
    "arctan",
    "aria2",
    "as_float",
    "bent_identity",
    "bipolar_sigmoid",
    "card",
    "celu",
    "clipped_gelu",
    "cloglog",
    "complex_relu",
    "cosine",
    "crelu",
    "cube",
    "dsilu",
    "elish",
    "elliott",
    "elu",
    "entmax15",
    "erf",
    "eswish",
    "exponential",
    "frozen",
    "gated_names",
    "gaussian",
    "gaussian_square",
    "gcu",
    "gelu",
    "gelu_fast",
    "gelu_tanh",
    "get",
    "get_gated",
    "get_mixing",
    "get_trainable",
    "golu",
    "gompertz",
    "gumbel_softmax",
    "hard_elish",
    "hard_mish",
    "hard_shrink",
    "hard_sigmoid",
    "hard_silu",
    "hard_tanh",
    "heaviside",
    "identity",
    "isrlu",
    "isru",
    "k_winners",
    "laplace",
    "leaky_relu",
    "lif_rate",
    "lif_rate_smooth",
    "linear_sigmoid",
    "lisht",
    "log_sigmoid",
    "log_softmax",
    "logish",
    "maxout",
    "mish",
    "mixing_names",
    "mod_relu",
    "names",
    "nlrelu",
    "normal_cdf",
    "penalized_tanh",
    "pflu",
    "phish",
    "quick_gelu",
    "rectified_tanh",
    "relu",
    "relu1",
    "relu6",
    "relu_general",
    "relu_n",
    "repu",
    "ricker",
    "rrelu",
    "sample_rrelu",
    "scaled_tanh",
    "selu",
    "serf",
    "shifted_softplus",
    "sigmoid",
    "sign",
    "silu",
    "sinc",
    "sine",
    "sinlu",
    "smelu",
    "smish",
    "smu",
    "smu1",
    "snake",
    "soft_clipping",
    "soft_shrink",
    "soft_sign",
    "softmax",
    "softmin",
    "softplus",
    "sparse_plus",
    "sparse_sigmoid",
    "sparsemax",
    "sqnl",
    "square",
    "squared_relu",
    "squareplus",
    "standardize",
    "star_relu",
    "symlog",
    "tanh",
    "tanh_shrink",
    "telu",
    "tent",
    "threshold",
    "thresholded_relu",
    "trainable_names",
    "two_slope",
    "with_slope",
]
