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

FLOW_COLUMNS: tuple[Column, ...] = (
    Column("kind", "kind", "The activation function.", lambda entry: value(entry.get("kind"))),
    Column("rms_post", "RMS post", "Root mean square of f(z).", _number("rms_post")),
    Column(
        "gain_forward", "gain fwd", "RMS post over that of the site before.",
        _number("gain_forward"),
    ),
    Column(
        "predicted_forward",
        "fwd in theory",
        "The forward gain that mean-field theory expects, for normal arguments and random weights "
        "of the size measured; it knows of no norm and no bias.",
        _number("predicted_forward"),
    ),
    Column(
        "norm_d_pre", "‖∂pre‖", "Norm of ∂loss/∂z over all samples.", _number("norm_d_pre")
    ),
    Column(
        "gain_backward", "gain bwd", "‖∂pre‖ over that of the site after.",
        _number("gain_backward"),
    ),
    Column(
        "predicted_backward",
        "bwd in theory",
        "The backward gain that mean-field theory expects: the gradient changes by √χ at a site.",
        _number("predicted_backward"),
    ),
)  # fmt: skip

KINK_COLUMNS: tuple[Column, ...] = (
    Column("kind", "kind", "The activation function.", lambda entry: value(entry.get("kind"))),
    Column("n", "arguments", "How many arguments were looked at.", _number("n")),
    Column(
        "hits", "on a kink", "Arguments that lie exactly on each kink.",
        lambda entry: value(entry.get("hits") or 0),
    ),
    Column(
        "slopes", "slope there", "The slope that the program takes at each kink.",
        lambda entry: value(entry.get("slopes") or 0),
    ),
    Column(
        "below",
        "below",
        "How far the gradient is, in its norm, under the slopes below the kinks.",
        _percent("below"),
    ),
    Column(
        "above",
        "above",
        "How far the gradient is, in its norm, under the slopes above the kinks.",
        _percent("above"),
    ),
)  # fmt: skip

CODE_COLUMNS: tuple[Column, ...] = (
    Column("n", "samples", "Examples, positions and turns of loops.", _number("n")),
    Column(
        "nonfinite", "NaN/∞", "Values that are not finite: they count as active.",
        _number("nonfinite"),
    ),
    Column("zeros", "zeros", "Fraction of values that are exactly 0.", _percent("zeros")),
    Column(
        "hoyer",
        "Hoyer",
        "(√H - ‖a‖₁/‖a‖₂) / (√H - 1), mean over samples: 0 where all units are equal, 1 where one "
        "is active alone.",
        _number("hoyer"),
    ),
    Column("gini", "Gini", "Gini index of the magnitudes, mean over samples.", _number("gini")),
    Column(
        "population", "population", "Treves-Rolls sparseness over the units, mean over samples.",
        _number("population"),
    ),
    Column(
        "lifetime", "lifetime", "Treves-Rolls sparseness over the samples, mean over units.",
        _number("lifetime"),
    ),
    Column(
        "top", "top tenth", "Share of ‖a‖₁ held by the largest tenth of the units.",
        _percent("top"),
    ),
    Column("active_mean", "active", "Units that are not 0, per sample.", _number("active_mean")),
    Column("active_std", "± std", "Spread of that number over samples.", _number("active_std")),
    Column("never", "never", "Units that no sample activates.", _number("never")),
    Column("always", "always", "Units that every sample activates.", _number("always")),
    Column("patterns", "patterns", "Distinct sets of active units.", _number("patterns")),
    Column(
        "lost",
        "lost in half precision",
        "Of the gradients at its argument that are not 0, those that a number format makes 0.",
        lambda entry: ", ".join(
            f"{value(one.get('dtype'))}: {number(one.get('lost'))} / {number(one.get('of'))}"
            for one in entry.get("lost") or ()
        )
        or ABSENT,
    ),
)  # fmt: skip

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
