"""What came out of a diagnosis, how is it kept, and how does it look?"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from relu_jax.core import errors, handover, records
from relu_jax.core.wording import plural
from relu_jax.diagnosis import stored, sums
from relu_jax.diagnosis.depth import Depth
from relu_jax.diagnosis.sums import Sums
from relu_jax.diagnosis.types import Finding, Flow, ParameterReport, SiteReport, shown
from relu_jax.tap import Coverage, Linear

SCHEMA = "relu_jax.diagnosis/1"
REPORT_SCHEMA = "relu_jax.report/1"


@dataclass(frozen=True, repr=False)
class Diagnosis:
    """Findings, worst first, and the numbers behind them.

    Example:
        >>> import jax, jax.numpy as jnp, relu_jax as rj
        >>> d = rj.diagnose(
        ...     lambda w, x: jnp.mean(jax.nn.relu(x @ w)), jnp.ones((3, 2)), [jnp.ones((4, 3))]
        ... )
        >>> list(d.sites), d.n_examples, float(d.loss)
        (['w'], 4, 3.0)
    """

    findings: tuple[Finding, ...]
    sites: Mapping[str, SiteReport]  # in program order
    parameters: tuple[ParameterReport, ...]
    flow: Flow
    coverage: Coverage
    linear: tuple[Linear, ...]
    loss: float  # mean over examples
    n_batches: int
    n_examples: int
    provenance: Mapping[str, Any]
    depth: Depth | None = None  # of depth="full"
    sums: Sums | None = field(default=None, repr=False, compare=False)  # of mergeable=True

    def __repr__(self) -> str:
        found = ", ".join(finding.kind for finding in self.findings) or "no finding"
        return f"Diagnosis({found}; {len(self.sites)} sites, {self.n_examples} examples)"

    def __str__(self) -> str:
        lines = [*_headline(self), *_table(self), shown(str(self.coverage), 400)]
        return "\n".join([*lines, str(self.depth)] if self.depth else lines)

    def to_dict(
        self,
        *,
        name: str = "",
        group: str = "",
        stage: str = "",
        metrics: Mapping[str, float] | None = None,
        history: Mapping[str, Sequence[float]] | None = None,
    ) -> dict[str, Any]:
        """Turn the diagnosis into one run of a report, as plain data.

        Args:
            name: of the run.
            group: what its other stages share; the name if empty.
            stage: such as "at initialisation".
            metrics: further numbers, such as accuracies.
            history: curves of training: "step", "loss", …
        """
        return {
            "name": name,
            "group": group or name,
            "stage": stage,
            "n_batches": self.n_batches,
            "n_examples": self.n_examples,
            "loss": self.loss,
            "metrics": dict(metrics or {}),
            "history": {key: list(values) for key, values in (history or {}).items()},
            **stored.encoded(self),
        }

    def save(self, path: str | os.PathLike[str], *, force: bool = False) -> None:
        """Write the diagnosis as JSON that `load` reads back exactly.

        Sums that were kept (`mergeable=True`) are written beside it, in a file of arrays.

        Raises:
            UsageError: the file exists and `force` is off, or its folder cannot be written.
        """
        config: dict[str, Any] = {"schema": SCHEMA}
        arrays = {}
        if self.sums is not None:
            config["sums"], arrays = sums.told(self.sums), sums.arrays(self.sums)
        record = records.Record(config, self.to_dict(), arrays, dict(self.provenance))
        records.save(record, path, force=force)

    def report(
        self, html_path: str | os.PathLike[str], *, title: str = "Diagnosis", force: bool = False
    ) -> None:
        """Write the diagnosis as one self-contained HTML page.

        Raises:
            UsageError: the file exists and `force` is off, or its folder cannot be written.
        """
        run = self.to_dict(name=title)
        made = as_report(run, title=title, provenance=self.provenance)
        handover.report_writer()(made, html_path, force=force)


def load(path: str | os.PathLike[str]) -> Diagnosis:
    """Read a diagnosis that `Diagnosis.save` wrote.

    Raises:
        UsageError: the file is missing, damaged, or holds something else.

    Example:
        >>> load("no_such_file.json")
        Traceback (most recent call last):
        relu_jax.core.errors.UsageError: a record is read ... got 'no_such_file.json': ...
    """
    record = records.load(path)
    schema = record.config.get("schema") if isinstance(record.config, dict) else None
    if schema != SCHEMA:
        raise errors.rejected(
            rule=f"a stored diagnosis has schema {SCHEMA!r}",
            got=f"{str(path)!r} with {errors.describe(schema)}",
            do="name a file that Diagnosis.save wrote",
            kind=errors.UsageError,
        )
    held = record.config.get("sums")
    return Diagnosis(
        **stored.decoded(record.metrics),
        provenance=record.provenance,
        sums=None if held is None else sums.built(held, record.arrays),
    )


def as_report(
    *runs: Mapping[str, Any],
    title: str,
    provenance: Mapping[str, Any] | None = None,
    **parts: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """Bind runs into a report dictionary, which `relu_jax.report` draws.

    Args:
        runs: what `Diagnosis.to_dict` gave.
        title: of the page.
        provenance: where the numbers come from; None tells this process.
        parts: what else is on the page: `watched`, runs of training as `Series.to_dict` gave them,
            `tried`, rankings as `Comparison.ranking` gave them, `spectra` and `slices`.

    Example:
        >>> made = as_report({"name": "a"}, title="One run", provenance={})
        >>> made["schema"], len(made["runs"])
        ('relu_jax.report/1', 1)
    """
    return {
        "schema": REPORT_SCHEMA,
        "title": title,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "provenance": dict(records.provenance() if provenance is None else provenance),
        "runs": [dict(run) for run in runs],
        **{name: [dict(one) for one in held] for name, held in parts.items() if held},
    }


def _headline(d: Diagnosis) -> list[str]:
    examples = f"{d.n_examples} {plural(d.n_examples, 'example', 'examples')}"
    batches = f"{d.n_batches} {plural(d.n_batches, 'batch', 'batches')}"
    lines = [f"{examples} in {batches}, loss {d.loss:.4g}"]
    return lines + ([str(found) for found in d.findings] or ["No finding."])


def _table(d: Diagnosis) -> list[str]:
    rows = [("site", "kind", "rms pre", "rms post", "rms d_pre", "dead", "saturated", "zeros")]
    rows += [_row(report) for report in d.sites.values()]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _row(report: SiteReport) -> tuple[str, ...]:
    return (
        shown(report.id),
        report.site.kind,
        f"{report.rms_pre:.3g}",
        f"{report.rms_post:.3g}",
        "–" if report.rms_d_pre is None else f"{report.rms_d_pre:.3g}",
        f"{report.dead}/{report.units}",
        "–" if report.saturated is None else f"{report.saturated:.1%}",
        f"{report.zeros:.1%}",
    )
