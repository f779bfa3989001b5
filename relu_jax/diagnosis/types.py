"""What does a diagnosis tell? Findings, and the numbers of each site and each parameter."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from relu_jax.tap import Site


def shown(name: str, most: int = 60) -> str:
    r"""Make a name from the user's model fit for one line: escaped, and cut where it is long.

    Example:
        >>> shown("a\nb")
        'a\\nb'
    """
    text = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in name)
    return text if len(text) <= most else f"{text[: most - 1]}…"


class Finding(NamedTuple):
    """One thing worth knowing about a network, where it is, and what to do.

    Example:
        >>> print(
        ...     Finding(
        ...         "dead_units",
        ...         "critical",
        ...         "layers/2",
        ...         "All 64 units are dead.",
        ...         {},
        ...         "Lower the learning rate.",
        ...         "",
        ...     )
        ... )
        critical  dead_units at layers/2: All 64 units are dead. Lower the learning rate.
    """

    kind: str  # a name of relu_jax.diagnosis.thresholds
    severity: str  # "info", "warning" or "critical"
    site: str  # id of a site, or path of a leaf; "" for the network as a whole
    what: str
    evidence: Mapping[str, float | int | str]
    remedy: str
    source: str

    def __str__(self) -> str:
        where = f" at {shown(self.site)}" if self.site else ""
        return f"{self.severity}  {self.kind}{where}: {shown(self.what, 400)} {self.remedy}"


class Histogram(NamedTuple):
    """Counts between fixed edges, of the elements that were looked at (see `statistics`)."""

    edges: tuple[float, ...]  # one more than counts; counts[i] is edges[i] <= value < edges[i+1]
    counts: tuple[int, ...]
    below: int
    above: int
    zeros: int | None = None  # counted apart where the edges are magnitudes


class SiteReport(NamedTuple):
    """The numbers of one site, or of one turn of a loop over layers, over the batches it ran in.

    Sums run over the `n` samples of every unit. None: not measurable here.
    """

    site: Site
    id: str  # site.id, with the turn in brackets for a loop over layers: "layers[0]"
    units: int
    n: int  # samples per unit: examples, times positions and steps where a unit is shared
    examples: int  # of the batches it ran in: all, but in a branch or a while loop
    rms_pre: float
    rms_post: float
    rms_d_pre: float | None
    rms_d_post: float | None
    norm_d_pre: float | None  # L2 norm per example: rms · sqrt(elements per example)
    norm_d_post: float | None
    # Before and after: on the way that most examples took; None off it.
    gain_forward: float | None  # rms_post over that of the site before
    gain_backward: float | None  # norm_d_pre over that of the site after that has a gradient
    dead: int  # units with f′(z) exactly 0 on every sample
    activity_upper: float  # 95 % upper bound on how often a unit counted as dead has f′ ≠ 0
    saturated: (
        float | None
    )  # fraction with |f′(z)| < 0.1 · sup |f′|; None: |f′| has no largest value, or waves
    saturated_usual: float | None  # that fraction for standard normal z: half for a rectifier
    zeros: float  # fraction with f(z) exactly 0
    underflow: float | None  # fraction with f′(z) exactly 0, though f′ is 0 on no interval
    nonfinite_forward: int
    nonfinite_backward: int
    alike: int | None  # units that agree with the middle one, forward and backward; 1: all differ
    # RMS of f(z), and of the gradient of z, at each turn of a loop over steps that hands something
    # on, in the order the turns run; None outside such loops.
    turns_post: tuple[float, ...] | None
    turns_d_pre: tuple[float, ...] | None
    hist_pre: Histogram
    hist_d_pre: Histogram | None
    alive: tuple[int, ...] = ()  # of each unit: samples with f′(z) ≠ 0, or with z not finite


class ParameterReport(NamedTuple):
    """The numbers of one leaf of the parameters."""

    path: str
    shape: tuple[int, ...]
    dtype: str
    rms: float
    rms_grad: float  # of the mean gradient over all examples
    ratio: float | None  # rms_grad / rms; None where rms is 0
    update_ratio: float | None  # rms of the optimiser's first update / rms
    zero_grad: bool  # every entry exactly 0 on every batch
    nonfinite: int  # NaN and infinite entries of the parameter
    nonfinite_grad: int  # of its mean gradient


class Flow(NamedTuple):
    """How signal and gradient change over depth; None with fewer than two sites to compare.

    Rates are factors per site from a straight line fitted to the logarithms: `forward` of
    rms_post from input to output, `backward` of norm_d_pre from output to input. Totals compare
    the two ends.
    """

    forward_rate: float | None
    backward_rate: float | None
    forward_total: float | None
    backward_total: float | None


class Cause(NamedTuple):
    """Where NaN or inf came first, in how many batches."""

    place: str  # "parameter", "data", "forward", "loss", "backward" or "gradient"
    name: str  # path of the leaf, id of the site
    detail: str  # what was there
    batches: int
    first: int  # index of the first batch it was seen in
    count: int  # non-finite values at that place, in that batch
    spreads: bool = True  # whether the loss or a gradient was not finite either


Evidence = dict[str, Any]
