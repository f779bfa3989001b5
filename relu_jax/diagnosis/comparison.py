"""Which of several changes to a network is the best, by how much, and how sure is that?"""

import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from scipy import stats

from relu_jax.core import handover, records
from relu_jax.core.wording import plural
from relu_jax.diagnosis import ranked
from relu_jax.diagnosis.expected import Expected
from relu_jax.diagnosis.ranked import AS_IS
from relu_jax.diagnosis.result import Diagnosis, as_report

SCHEMA = "relu_jax.comparison/1"
CONFIDENCE = 0.95


class Trial(NamedTuple):
    """One change under one seed."""

    seed: int
    before: Diagnosis
    after: Diagnosis | None  # None without steps
    losses: tuple[float, ...]  # of each step's batch, before the step

    @property
    def end(self) -> Diagnosis:
        """What was measured last."""
        return self.before if self.after is None else self.after


class Gain(NamedTuple):
    """How much lower a score is than that of the network as it is, mean over seeds."""

    value: float
    low: float | None  # ends of the 95 % interval; None: one seed alone
    high: float | None


class Variant(NamedTuple):
    """One change, under every seed it was tried with."""

    name: str
    trials: tuple[Trial, ...]
    score: float  # mean over seeds; lower is better
    gain: Gain
    removed: tuple[str, ...]  # warnings of the network as it is that no seed has now
    added: tuple[str, ...]  # warnings that the network as it is has under no seed
    expected: Expected  # of a swap, before any step, by mean-field theory

    @property
    def flow(self) -> tuple[float | None, float | None]:
        """Factors of signal and gradient from end to end, before any step: median over seeds."""
        flows = [trial.before.flow for trial in self.trials]
        return (
            _median([flow.forward_total for flow in flows]),
            _median([flow.backward_total for flow in flows]),
        )

    @property
    def warnings(self) -> tuple[str, ...]:
        """Kinds of findings that are warnings or worse, at the end, under any seed."""
        return _any(self.trials)


@dataclass(frozen=True, repr=False)
class Comparison:
    """What was tried, best first, the network as it is among it.

    Example:
        >>> import jax, jax.numpy as jnp, relu_jax as rj
        >>> def loss(w, x):
        ...     return jnp.mean(jax.nn.sigmoid(jax.nn.sigmoid(x @ w) @ w))
        >>> found = rj.what_if(loss, jnp.eye(3), [jnp.ones((8, 3))], swaps={"sigmoid": "tanh"})
        >>> found.best.name, found.measure
        ('sigmoid → tanh', 'decades over depth')
    """

    variants: tuple[Variant, ...]
    measure: str  # what the score is
    steps: int

    @property
    def best(self) -> Variant:
        """The first of the ranking."""
        return self.variants[0]

    @property
    def as_is(self) -> Variant:
        """The network without any change."""
        return self[AS_IS]

    def __getitem__(self, name: str) -> Variant:
        return {variant.name: variant for variant in self.variants}[name]

    def __repr__(self) -> str:
        n = len(self.variants)
        words = f"{n} {plural(n, 'variant', 'variants')}"
        return f"Comparison({words}, best: {self.best.name!r})"

    def __str__(self) -> str:
        return "\n".join([ranked.headline(self), *ranked.table(self)])

    def to_dict(self) -> dict[str, Any]:
        """Turn it into plain data."""
        return {
            "measure": self.measure,
            "steps": self.steps,
            "variants": [ranked.with_trials(variant) for variant in self.variants],
        }

    def save(self, path: str | os.PathLike[str], *, force: bool = False) -> None:
        """Write it as JSON.

        Raises:
            UsageError: the file exists and `force` is off, or its folder cannot be written.
        """
        provenance = self.as_is.trials[0].before.provenance
        record = records.Record({"schema": SCHEMA}, self.to_dict(), {}, dict(provenance))
        records.save(record, path, force=force)

    def ranking(self, *, name: str = "What if") -> dict[str, Any]:
        """Turn the ranking into the part of a report that shows it, as plain data.

        Args:
            name: over it.

        Returns:
            each change with its score, its gain and its interval, what theory expects, its warnings
            and the losses of every seed; without the diagnoses, which `to_dict` has.
        """
        return ranked.as_dict(self, name)

    def report(
        self, html_path: str | os.PathLike[str], *, title: str = "What if", force: bool = False
    ) -> None:
        """Write the ranking, and the diagnoses of the network as it is and of the best change.

        Of each change the first seed's diagnosis is shown, at the end.

        Args:
            html_path: where.
            title: of the page.
            force: whether to replace a file that is there.

        Raises:
            UsageError: the file exists and `force` is off, or its folder cannot be written.
        """
        stage = f"after {self.steps} {plural(self.steps, 'step', 'steps')}" if self.steps else ""
        shown = {AS_IS: self.as_is, self.best.name: self.best}
        runs = [
            variant.trials[0].end.to_dict(name=name, stage=stage) for name, variant in shown.items()
        ]
        provenance = self.as_is.trials[0].before.provenance
        made = as_report(*runs, title=title, provenance=provenance, tried=[self.ranking()])
        handover.report_writer()(made, html_path, force=force)


def compared(tried: Sequence[tuple[str, Sequence[Trial], Expected]], *, steps: int) -> Comparison:
    """Score and rank what was tried; the first is the network as it is.

    With steps the score is the loss at the end, over all batches. Without, a loss says nothing
    about a start: it is by how many powers of ten signal or gradient change from one end of the
    network to the other, the larger of the two, after the number of its warnings.
    """
    score = _loss if steps else _decades
    base = tried[0][1]
    variants = []
    for name, trials, expected in tried:
        scores = np.asarray([score(trial) for trial in trials])
        gain = _gain(_by_seed(base, score), _by_seed(trials, score))
        variants.append(
            Variant(
                name=name,
                trials=tuple(trials),
                score=float(scores.mean()),
                gain=gain,
                removed=_less(_any(base), _any(trials)),
                added=_less(_any(trials), _any(base)),
                expected=expected,
            )
        )
    order = sorted(variants, key=_rank if steps else _rank_of_starts)
    return Comparison(tuple(order), "loss" if steps else "decades over depth", steps)


def _loss(trial: Trial) -> float:
    value = trial.end.loss
    return value if math.isfinite(value) else math.inf


def _decades(trial: Trial) -> float:
    reports = trial.end.sites.values()
    if not math.isfinite(trial.end.loss) or any(report.nonfinite_backward for report in reports):
        return math.inf
    if any(report.norm_d_pre == 0 for report in reports):
        return math.inf  # no gradient at all is no factor
    if len(reports) == 1:
        return 0.0  # nothing to change between
    totals = (trial.end.flow.forward_total, trial.end.flow.backward_total)
    sizes = [_decades_of(total) for total in totals if total is not None]
    return max(sizes, default=math.inf)


def _decades_of(total: float) -> float:
    return abs(math.log10(total)) if 0 < total < math.inf else math.inf


def _rank(variant: Variant) -> tuple[float, ...]:
    return (variant.score,)


def _rank_of_starts(variant: Variant) -> tuple[float, ...]:
    severities = [[f.severity for f in trial.end.findings] for trial in variant.trials]
    worst = max((each.count("critical"), each.count("warning")) for each in severities)
    return (*worst, variant.score)


def _by_seed(trials: Sequence[Trial], score: Any) -> dict[int, float]:
    return {trial.seed: score(trial) for trial in trials}


def _gain(base: Mapping[int, float], scores: Mapping[int, float]) -> Gain:
    """Compare seed by seed; what draws nothing has one trial, which stands for all seeds."""
    seeds = max(base, scores, key=len)
    with np.errstate(invalid="ignore"):  # inf - inf: neither is better
        differences = np.subtract(_at(base, seeds), _at(scores, seeds))
    value, n = float(differences.mean()), len(differences)
    if n < 2 or not np.isfinite(differences).all():
        return Gain(value, None, None)
    half = stats.t.ppf((1 + CONFIDENCE) / 2, n - 1) * differences.std(ddof=1) / n**0.5
    return Gain(value, float(value - half), float(value + half))


def _at(scores: Mapping[int, float], seeds: Iterable[int]) -> list[float]:
    if len(scores) == 1:
        return [next(iter(scores.values())) for _ in seeds]
    return [scores[seed] for seed in seeds]


def _any(trials: Sequence[Trial]) -> tuple[str, ...]:
    kinds = [f.kind for trial in trials for f in trial.end.findings if f.severity != "info"]
    return tuple(dict.fromkeys(kinds))


def _less(kinds: Sequence[str], others: Sequence[str]) -> tuple[str, ...]:
    return tuple(kind for kind in kinds if kind not in others)


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.median(known)) if known else None
