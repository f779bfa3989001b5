"""The reference numbers this project starts from, as they are given, and what it is to meet one.

They come from notes on the literature (activations.md 2.6; papers.md 3.1, 6.1, 6.3, 6.4, 6.8).
Each is kept as text: its last digit is how far it was given, and half a unit of it is the room
there is. A number that is wrong in its last digit is mended here, with the one given beside it.
"""

from typing import Any

import numpy as np


def half_unit(text: str) -> float:
    """Tell half a unit of the last digit: what a number rounded to this text may be off by."""
    _, _, decimals = text.partition(".")
    return 0.5 * 10.0 ** -len(decimals)


def meets(value: Any, text: str) -> bool:
    """Say whether a value rounds to the number given, a tie to either side."""
    return bool(abs(float(value) - float(text)) <= half_unit(text) * (1 + 1e-9))


def around(text: str) -> np.ndarray:
    """Give the two numbers between which all lie that round to this text."""
    return float(text) + half_unit(text) * np.array([-1.0, 1.0])


def missed(values: Any, texts: tuple[str, ...]) -> list[tuple[str, float]]:
    """List the numbers that are not met, each with what was found instead."""
    pairs = zip(values, texts, strict=True)
    return [(text, float(value)) for value, text in pairs if not meets(value, text)]


# activations.md 2.6: E f, E f², Var f, 1/√(E f²), E f'² for x ~ N(0, 1). What stands there as 0,
# 0.5, 1, 1.25, 1.5 or 2 is exact, and written out to the six digits of the others.
AVERAGES = {
    "relu": ("0.398942", "0.500000", "0.340845", "1.414214", "0.500000"),
    "leaky_relu": ("0.394953", "0.500050", "0.344062", "1.414143", "0.500050"),
    "tanh": ("0.000000", "0.394294", "0.394294", "1.592537", "0.464403"),
    "sigmoid": ("0.500000", "0.293379", "0.043379", "1.846229", "0.044836"),
    "silu": ("0.206621", "0.355776", "0.313083", "1.676532", "0.379482"),
    "gelu": ("0.282095", "0.425221", "0.345644", "1.533530", "0.455851"),
    "selu": ("0.000000", "1.000000", "1.000000", "1.000000", "1.071575"),
    "elu": ("0.160521", "0.644945", "0.619179", "1.245198", "0.668102"),
    "softplus": ("0.806059", "0.921246", "0.271515", "1.041867", "0.293379"),
    "mish": ("0.240404", "0.452342", "0.394548", "1.486848", "0.479084"),
    "squared_relu": ("0.500000", "1.500000", "1.250000", "0.816497", "2.000000"),
}

# activations.md 2.6: the least value of f and its place.
MINIMA = {
    "silu": ("-0.278465", "-1.278465"),
    "gelu": ("-0.169971", "-0.751792"),
    "gelu_tanh": ("-0.170041", "-0.752461"),  # -0.752464 is given; mpmath: -0.7524614221
    "mish": ("-0.308843", "-1.192431"),  # -1.192432 is given; mpmath: -1.1924312146
}

# activations.md 2.6: the least and the greatest value of f', and their places.
SLOPES = {
    "gelu": ("-0.128904", "1.128904", "-1.414214", "1.414214"),  # -√2 and √2
    "silu": ("-0.099839", "1.099839", "-2.39936", "2.39936"),
    "mish": ("-0.112526", "1.088498", "-2.2564", "1.4906"),
}

# papers.md 3.1: 1/√(E f²), E f. Two that stand there as 0 and one as .5 are exact.
GAINS = {
    "relu": ("1.41421", "0.39894"),
    "leaky_relu": ("1.41414", "0.39495"),
    "prelu": ("1.37199", "0.29921"),  # at its first slope, 0.25
    "squared_relu": ("0.81650", "0.50000"),
    "elu": ("1.24520", "0.16052"),
    "selu": ("1.00000", "0.00000"),
    "gelu": ("1.53353", "0.28209"),
    "silu": ("1.67653", "0.20662"),
    "mish": ("1.48685", "0.24040"),
    "tanh": ("1.59254", "0.00000"),
    "sigmoid": ("1.84623", "0.50000"),
    "softplus": ("1.04187", "0.80606"),
}

# papers.md 6.1, one feature and nine hidden layers: the bounds, by width.
BORN_DEAD = {2: (".870", ".925"), 3: (".513", ".699"), 5: (".064", ".249")}
BORN_DEAD_AT_TEN = ".009"
# What was seen of a number of networks that is not told.
BORN_DEAD_SEEN = {2: 0.884, 3: 0.581, 5: 0.128, 10: 0.0014}

# papers.md 6.3: σ_b² of tanh -> the σ_w² on the edge of chaos.
TANH_EDGE = {
    0.001: "1.1892",
    0.01: "1.4242",
    0.05: "1.7610",
    0.1: "1.9861",
    0.3: "2.5051",
}
TANH_USUAL = ("1.3270", ".570")  # σ_w and q at σ_b² = 0.05
# (f, q) -> σ_w², σ_b²
CRITICAL_PAIRS = {
    ("gelu", 1.0): ("2.1937", ".0672"),
    ("silu", 1.0): ("2.6352", ".0625"),
    ("tanh", 1.0): ("2.1533", ".1510"),
    ("gelu", 0.5): ("2.4555", ".0345"),
    ("silu", 0.5): ("2.9877", ".0262"),
}
# Layers of relu -> the correlation of what was orthogonal.
RELU_CORRELATIONS = {
    1: ".3183",
    2: ".4937",
    3: ".6048",
    5: ".7359",
    10: ".8715",
    20: ".9484",
    50: ".9879",
    100: ".9964",
}
# Layers -> (1 - c) 2 l² / 9π²
RELU_RATIOS = {10: ".29", 100: ".81", 1000: ".97"}

# papers.md 6.4: depth -> what one relu network of width 400 showed.
SPREAD_SEEN = {
    "gaussian": {1: 1.94, 2: 4.06, 4: 8.14, 8: 15.9},
    "orthogonal": {1: 1.00, 2: 1.94, 4: 4.19, 8: 8.26},
}
LARGEST_SEEN = {
    "gaussian": {1: 5.9, 2: 10.6, 4: 21.0, 8: 42.0},
    "orthogonal": {1: 2.0, 2: 4.0, 4: 8.9, 8: 18.0},
}
ZEROS_SEEN = (".48", ".54")  # least and most
# (width, depth) -> variance and mean of ln ‖h_L‖², of a number of networks that is not told.
LOG_NORM_SEEN = {(50, 10): (1.06, None), (100, 40): (2.05, -1.12)}

# papers.md 6.8: (η, depth) -> α
TAT_SLOPES = {
    (0.9, 20): ".1814",
    (0.9, 50): ".4305",
    (0.9, 100): ".5704",
    (0.9, 200): ".6796",
    (0.8, 10): ".1477",
    (0.8, 20): ".3488",
    (0.8, 50): ".5483",
    (0.8, 100): ".6620",
    (0.95, 50): ".3083",
    (0.95, 100): ".4763",
}
TAT_NONE = ((0.9, 5), (0.9, 10))
