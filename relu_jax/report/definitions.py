"""What does each number in a report mean? One table of columns; page and terminal share it."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from relu_jax.report.text import ABSENT, number, percent, shape, value

Entry = Mapping[str, Any]


class Column(NamedTuple):
    """One column: record key, short heading, meaning, and how an entry is worded."""

    key: str
    heading: str
    meaning: str
    worded: Callable[[Entry], str]


def _number(key: str) -> Callable[[Entry], str]:
    return lambda entry: number(entry.get(key))


def _percent(key: str) -> Callable[[Entry], str]:
    return lambda entry: percent(entry.get(key))


def _dead(entry: Entry) -> str:
    dead, units = entry.get("dead"), entry.get("units")
    return ABSENT if dead is None else f"{number(dead)} / {number(units)}"


def _nonfinite(entry: Entry) -> str:
    counts = entry.get("nonfinite_forward"), entry.get("nonfinite_backward")
    return "0" if counts == (0, 0) else " / ".join(number(n) for n in counts)


SITE_COLUMNS: tuple[Column, ...] = (
    Column(
        "kind",
        "kind",
        "The activation function, recognised by its values and not by its spelling; "
        "“unknown” is measured all the same.",
        lambda entry: value(entry.get("kind")),
    ),
    Column(
        "shape",
        "shape",
        "Shape of the array the activation is applied to.",
        lambda entry: shape(entry.get("shape")),
    ),
    Column(
        "rms_pre",
        "RMS pre",
        "Root mean square of the pre-activation z, over examples and units.",
        _number("rms_pre"),
    ),
    Column(
        "rms_post",
        "RMS post",
        "Root mean square of the activation f(z): the size of the forward signal.",
        _number("rms_post"),
    ),
    Column(
        "gain_forward",
        "gain fwd",
        "Forward gain: RMS post at this site over RMS post at the site before, of branches on the "
        "one that most examples took. 1 keeps the signal.",
        _number("gain_forward"),
    ),
    Column(
        "rms_d_pre",
        "RMS ∂pre",
        "Root mean square of ∂loss/∂z: the gradient that reaches the weights before this site.",
        _number("rms_d_pre"),
    ),
    Column(
        "rms_d_post",
        "RMS ∂post",
        "Root mean square of ∂loss/∂f(z): the gradient that arrives at this site.",
        _number("rms_d_post"),
    ),
    Column(
        "gain_backward",
        "gain bwd",
        "Backward gain of this site, in the direction from output to input. 1 keeps the gradient.",
        _number("gain_backward"),
    ),
    Column(
        "dead",
        "dead",
        "Units that were never active on any example seen, of all units of the site.",
        _dead,
    ),
    Column(
        "activity_upper",
        "≤ activity",
        "95 % upper bound on how often a unit counted as dead may still be active.",
        _percent("activity_upper"),
    ),
    Column(
        "saturated",
        "saturated",
        "Fraction of values at which |f′| is below a tenth of its largest value, the off side of a "
        "relu included.",
        _percent("saturated"),
    ),
    Column("zeros", "zeros", "Fraction of activations that are exactly 0.", _percent("zeros")),
    Column(
        "underflow",
        "underflow",
        "Fraction of values whose f′(z) is rounded to 0 by the number format, though it is not 0.",
        _percent("underflow"),
    ),
    Column(
        "nonfinite",
        "NaN/∞",
        "Count of NaN and infinite values, forward / backward.",
        _nonfinite,
    ),
    Column("n", "n", "Number of examples the row was measured on.", _number("n")),
)

PARAMETER_COLUMNS: tuple[Column, ...] = (
    Column(
        "shape", "shape", "Shape of the parameter array.", lambda entry: shape(entry.get("shape"))
    ),
    Column("rms", "RMS", "Root mean square of the parameter.", _number("rms")),
    Column("rms_grad", "RMS gradient", "Root mean square of its gradient.", _number("rms_grad")),
    Column("ratio", "gradient / weight", "RMS gradient over RMS.", _number("ratio")),
    Column(
        "update_ratio",
        "update / weight",
        "RMS of the optimiser's update over RMS, where an update was seen.",
        _number("update_ratio"),
    ),
    Column(
        "zero_grad",
        "zero gradient",
        "Whether every entry of the gradient is exactly 0: the parameter cannot learn.",
        lambda entry: value(bool(entry.get("zero_grad"))),
    ),
    Column("nonfinite", "NaN/∞", "Count of NaN and infinite entries.", _number("nonfinite")),
)

TERMS: tuple[tuple[str, str], ...] = (
    (
        "site",
        "One place in the program where a non-linear function is applied elementwise to one "
        "array, found in the program itself. Sites are numbered from the input to the output.",
    ),
    (
        "RMS",
        "Root mean square, √(mean of squares), accumulated in float32 or better over all "
        "examples and units.",
    ),
    (
        "rate per site",
        "The factor by which the RMS changes from one site to the next, fitted over the depth. "
        "The gradient is followed from the output to the input, the signal from the input to "
        "the output. 1 is neutral; 0.5 over ten sites leaves a thousandth.",
    ),
    (
        "severity",
        "Critical: training cannot work as it is. Warning: something is lost, look at it. "
        "Info: worth knowing. Healthy: no check raised a warning.",
    ),
    (
        "coverage",
        "How much of the program was understood: chains of elementwise operations found, "
        "recognised, unknown; those that are no activations (softmax, normalisation, loss); "
        "and opaque regions that could not be entered.",
    ),
)
