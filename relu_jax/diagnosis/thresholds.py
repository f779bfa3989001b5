"""From which number on is something a finding, and why from there? The one table of kinds."""

from typing import NamedTuple


class Limit(NamedTuple):
    """From which value on a finding has a severity."""

    severity: str
    value: float
    reason: str


class Kind(NamedTuple):
    """One kind of finding: what it means, what to try, where that is from, from when on."""

    name: str
    meaning: str
    remedy: str
    source: str
    limits: tuple[Limit, ...]  # worst first; read by `severity`


# Causes come before what they cause: the order of findings of equal severity.
KINDS: tuple[Kind, ...] = (
    Kind(
        "non_finite",
        "NaN or inf, at the first place where it appears",
        "Start where it is named, with log or sqrt of a value ≤ 0, division by 0, and overflow.",
        "definition",
        (
            Limit("critical", 1, "one NaN in the loss reaches every parameter"),
            Limit("info", 0, "loss and gradients are finite: a mask of -inf, perhaps"),
        ),
    ),
    Kind(
        "input_scale",
        "RMS of what enters the first activation that a weight feeds, beyond the factor by which "
        "the signal grows per site",
        "Normalise the inputs (subtract their mean, divide by their standard deviation), or check "
        "the scale of the first weight.",
        "LeCun, Bottou, Orr & Müller 1998, Efficient BackProp, section 4.3",
        (
            Limit("critical", 1e3, "beyond pixels: units of measurement, or a weight a thousand "
                  "times too large; the loss starts as many times too high"),
            Limit("warning", 30.0, "normalised inputs give about 1, trained networks up to about "
                  "10, pixels of 0 to 255 more than 100; gradients of the first weight grow "
                  "alike, and no one learning rate fits it and the rest"),
        ),
    ),
    Kind(
        "symmetric_units",
        "share of a site's units that compute one and the same thing, forward and backward",
        "Draw the weights at random (He, Xavier): units that start equal get equal gradients and "
        "stay equal.",
        "Goodfellow, Bengio & Courville 2016, Deep Learning, section 8.4",
        (
            Limit("critical", 0.9, "the layer works at a tenth of its width at most; drawn at "
                  "random, no two units agree to five digits"),
        ),
    ),
    Kind(
        "dead_units",
        "share of a site's units whose derivative is exactly 0 on every example",
        "At a start: check the biases and the inputs, use He initialisation, or an activation "
        "with a slope on both sides (leaky_relu, elu). After training: lower the learning rate "
        "and start anew, since a dead unit gets no gradient to recover by.",
        "Lu, Shin, Su & Karniadakis 2019, Dying ReLU and initialization, section 1",
        (
            Limit("critical", 0.95, "hardly any gradient passes the site, or none: what is before "
                  "it learns through a twentieth of its units at most"),
            Limit("warning", 0.5, "the layer works at less than half its width; a healthy start "
                  "leaves up to about a quarter dead on inputs that are alike"),
            Limit("info", 0.1, "a few dead units are usual, and cost little"),
        ),
    ),
    Kind(
        "underflow",
        "share of values whose derivative is rounded to exactly 0",
        "Compute the activation in float32, or keep its argument small by normalisation or "
        "smaller weights.",
        "Micikevicius et al. 2018, Mixed precision training, section 3.2",
        (
            Limit("critical", 0.5, "most of the gradient is lost to rounding"),
            Limit("warning", 0.05, "one value in twenty passes no gradient, though the function "
                  "has a slope there"),
        ),
    ),
    Kind(
        "saturated",
        "share of values with |f′| below a tenth of its largest value, beyond the share that "
        "standard normal arguments give",
        "Scale the weights before it down (Xavier initialisation), check its bias, normalise its "
        "argument, or use an activation that does not level off.",
        "Glorot & Bengio 2010, section 3",
        (
            Limit("critical", 0.9, "at least nine in ten values pass less than a tenth of the "
                  "gradient"),
            Limit("warning", 0.5, "half of the values; measured above what standard normal "
                  "arguments give (7 % of a tanh, 0.03 % of a sigmoid)"),
        ),
    ),
    Kind(
        "frozen_parameter",
        "a parameter whose gradient is exactly 0 on every batch, though the network is alive",
        "If that is not meant: look for stop_gradient, integer casts, an argmax or comparison, "
        "or a parameter that is not used. Running statistics are no parameters: split them off, "
        "as nnx.split(model, nnx.Param, ...) does.",
        "definition",
        (
            Limit("critical", 1.0, "share of the leaves: none can learn"),
            Limit("warning", 0.0, "an exact 0 in every entry is no rounding: it is cut off"),
        ),
    ),
    Kind(
        "exploding_signal",
        "factor by which the signal grows from the first site to the last, or at one weight",
        "Initialise with variance gain² / n_in (He for ReLU), or normalise between layers; where "
        "one site is named, see whether its weight is scaled twice.",
        "He, Zhang, Ren & Sun 2015, section 2.2",
        (
            Limit("critical", 1e3, "float16 ends at 6.6e4, and the updates of the last weights "
                  "dwarf those of the first"),
            Limit("warning", 1e2, "healthy starts of depth 8 stay within a factor of 5"),
        ),
    ),
    Kind(
        "vanishing_signal",
        "factor by which the signal shrinks from the first site to the last, or at one weight",
        "Initialise with variance gain² / n_in (He for ReLU), or normalise between layers; where "
        "one site is named, see whether its weight is scaled twice.",
        "He, Zhang, Ren & Sun 2015, section 2.2",
        (
            Limit("critical", 1e3, "the output hardly depends on the input"),
            Limit("warning", 1e2, "healthy starts of depth 8 stay within a factor of 5"),
        ),
    ),
    Kind(
        "exploding_gradient",
        "factor by which the gradient grows from the last site to the first",
        "Use smaller initial weights, normalise between layers, and clip the gradient.",
        "Pascanu, Mikolov & Bengio 2013, section 2",
        (
            Limit("critical", 1e3, "no one learning rate fits both ends"),
            Limit("warning", 1e2, "healthy starts of depth 8 stay within a factor of 5"),
        ),
    ),
    Kind(
        "vanishing_gradient",
        "factor by which the gradient shrinks from the last site to the first",
        "Use an activation whose slope is near 1 (relu, gelu) with its own initialisation (He), "
        "residual connections or normalisation.",
        "Glorot & Bengio 2010, section 4.2; Hochreiter 1991",
        (
            Limit("critical", 1e3, "where the last layer needs a hundred steps of descent, the "
                  "first needs a hundred thousand"),
            Limit("warning", 1e2, "healthy starts of depth 8 stay within a factor of 5"),
        ),
    ),
    Kind(
        "no_activation",
        "a network in which no activation function was found",
        "Put an activation between the layers; if there is one, see the coverage statement for "
        "what could not be entered.",
        "definition: a chain of linear maps is a linear map",
        (
            Limit("warning", 2, "two products in a chain compute what one can; and what was not "
                  "entered was not judged"),
            Limit("info", 0, "a linear model may be meant"),
        ),
    ),
    Kind(
        "linear_stack",
        "two linear maps with nothing in between",
        "Put an activation between them, or merge them into one.",
        "definition: a product of matrices is a matrix",
        (
            Limit("warning", 1, "the second map adds parameters, not functions"),
            Limit("info", 0, "a bottleneck narrower than both ends may be meant (low rank), and so "
                  "may a grouped convolution, a result that a residual sum takes too, and a map "
                  "that leads into a loop"),
        ),
    ),
    Kind(
        "not_run",
        "activations in a branch that no batch took, or in a while loop without a turn",
        "Pass batches that take it, if it is to be judged.",
        "definition",
        (
            Limit("info", 1, "what did not run was not measured, so nothing else is said of it"),
        ),
    ),
    Kind(
        "kink",
        "by how much the gradient moves when a site takes the slope of the other side where its "
        "argument lies exactly on a kink",
        "Nothing, if the training is well; else start the biases a little above 0, or use an "
        "activation without a kink there (gelu, silu).",
        "Bertoin, Bolte, Gerchinovitz & Pauwels 2021, Numerical influence of ReLU'(0)",
        (
            Limit("info", 0.01, "one part in a hundred is as large as what a learning rate is "
                  "tuned to; what comes of it depends on a convention alone"),
        ),
    ),
    Kind(
        "large_update",
        "size of the optimiser's first update over the size of the parameter",
        "Lower the learning rate, or warm it up.",
        "about 1e-3 is the usual advice (Karpathy 2022, lecture notes on diagnostics)",
        (
            Limit("critical", 1.0, "one step replaces the parameter"),
            Limit("warning", 0.1, "ten steps replace the parameter; 1e-3 to 1e-2 is usual"),
        ),
    ),
    Kind(
        "small_update",
        "spacing of the parameter's number format over the size of its relative update",
        "Raise the learning rate, or keep the parameter in float32.",
        "Micikevicius et al. 2018, Mixed precision training, section 3.1",
        (
            Limit("warning", 1.0, "an update below the spacing of the format is rounded away"),
        ),
    ),
)  # fmt: skip

JUMP = Limit("warning", 5.0, "one weight whose gain differs five-fold from that of the others, "
             "forward and backward alike: chance moves the gain of 32 units by about a "
             "quarter")  # fmt: skip
# What to try, by the place where NaN or inf came first, and what of it.
NON_FINITE = {
    ("parameter", ""): "Draw this leaf anew, or diagnose an earlier checkpoint: the network "
    "itself did not make it.",
    ("data", ""): "Clean the data: a missing value, a division by a standard deviation of 0, a "
    "log of 0, or a number beyond the range of its type.",
    ("forward", "argument"): "Look at what lies before it for division by 0, log or sqrt of a "
    "value ≤ 0, and overflow: scale weights and inputs down.",
    ("forward", "result"): "Use the function of jax.nn, which is written for all arguments, or "
    "scale down the weights before it.",
    ("loss", ""): "Look for a log or a division by 0 in the loss: take it from logits "
    "(jax.nn.log_softmax, optax's losses), not from probabilities.",
    ("backward", "argument"): "Look behind it for sqrt, norm or a power at 0, log or division "
    "near 0: their derivative is inf there; guard the argument, inside jnp.where too.",
    ("backward", "result"): "Its formula overflows when differentiated: use the function of "
    "jax.nn (jax.nn.sigmoid, not 1 / (1 + exp(-x))), and scale down the weights before it.",
    ("gradient", ""): "Look at what it goes into for sqrt, norm or a power at 0, and log or "
    "division near 0: their derivative is inf there; guard the argument, inside jnp.where too.",
}
DIVERGED = ("Nothing is left to see here: diagnose an earlier checkpoint. Lower the learning rate, "
            "warm it up, clip the gradient, and stop at the first loss that is not finite "
            "(stop_on_nonfinite of relu_jax.training.fit).")  # fmt: skip
FEW_EXAMPLES = Limit("info", 60, "with fewer examples a unit that is active on one in twenty "
                     "is easily missed: 0.95^60 = 5 %")  # fmt: skip
FEW_VALUES = Limit("info", 200, "a share of fewer values is known to no better than ± 7 %")
FORGETTING = (
    Limit("warning", 1e3, "the first steps of a sequence get a thousandth of the gradient that "
          "the last get; never critical, since forgetting may be meant"),
    Limit("info", 1e2, "what is a hundred-fold down is learnt late, which a task may not need"),
)  # fmt: skip
HALF_OPEN = Limit("info", 2.0, "a gate that starts half open passes a half at each turn: an LSTM "
                  "and a GRU, as they are usually started, lose a factor of 1.2 to 1.7 per turn, "
                  "and learn to open it")  # fmt: skip
FEW_TURNS = Limit("info", 4, "over fewer turns there is no trend to be told from a start-up")
THROUGH_TIME = {
    "exploding_signal": "Start the recurrent weight orthogonal and not above 1 (√2 for relu), or "
    "normalise what is carried.",
    "vanishing_signal": "If the network is to remember: start the recurrent weight orthogonal and "
    "at about 1 (√2 for relu), or carry the state through gates that start open.",
    "exploding_gradient": "Start the recurrent weight orthogonal and not above 1 (√2 for relu), "
    "and clip the gradient.",
    "vanishing_gradient": "If the network is to remember its first steps: start the recurrent "
    "weight orthogonal and at about 1 (√2 for relu), or use gates that start open (an LSTM whose "
    "forget gate has bias 1).",
}
SEVERITIES = ("critical", "warning", "info")


def kind(name: str) -> Kind:
    """Find a kind by name.

    Example:
        >>> kind("saturated").limits[0].value
        0.9
    """
    return next(one for one in KINDS if one.name == name)


def severity(name: str, value: float) -> str | None:
    """Judge a value by the limits of a kind: the worst that it reaches.

    Example:
        >>> severity("vanishing_gradient", 1e5), severity("vanishing_gradient", 3.0)
        ('critical', None)
    """
    return next((limit.severity for limit in kind(name).limits if value >= limit.value), None)
