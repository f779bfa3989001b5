"""What is different between two diagnoses: before and after a change, run A and run B?"""

import os
from collections.abc import Sequence
from typing import Any, NamedTuple

from relu_jax.analyses.tables import columns
from relu_jax.core import errors, handover
from relu_jax.diagnosis.result import Diagnosis, as_report
from relu_jax.diagnosis.types import Finding, SiteReport, shown


class SiteChange(NamedTuple):
    """One site that both have, before and after."""

    before: SiteReport
    after: SiteReport

    @property
    def signal(self) -> float | None:
        """RMS of f(z) after over before; None where it was 0."""
        return _over(self.after.rms_post, self.before.rms_post)

    @property
    def gradient(self) -> float | None:
        """Norm per example of the gradient at z, after over before; None where it was 0."""
        return _over(self.after.norm_d_pre, self.before.norm_d_pre)


class Changes(NamedTuple):
    """What two diagnoses tell differently; prints as a table."""

    before: Diagnosis
    after: Diagnosis
    gone: tuple[Finding, ...]  # findings of before alone, worst first
    new: tuple[Finding, ...]  # of after alone
    still: tuple[tuple[Finding, Finding], ...]  # of both, as they were and as they are
    sites: tuple[SiteChange, ...]  # sites of both, in the order of after
    only_before: tuple[str, ...]  # ids of sites of one alone
    only_after: tuple[str, ...]

    def __str__(self) -> str:
        lines = [f"loss {self.before.loss:.4g} → {self.after.loss:.4g}"]
        lines += [f"gone: {found}" for found in self.gone]
        lines += [f"new: {found}" for found in self.new]
        lines += [_still(*pair) for pair in self.still]
        lines += [] if self.gone or self.new or self.still else ["No finding, before and after."]
        rows = [("site", "kind", "signal", "gradient", "dead", "saturated", "zeros")]
        rows += [_row(change) for change in self.sites]
        lines += columns(rows, left=2).splitlines() if self.sites else ["No site in common."]
        for which, names in (("before", self.only_before), ("after", self.only_after)):
            lines += [f"only {which}: {', '.join(map(shown, names))}"] if names else []
        return "\n".join(lines)

    def report(
        self,
        html_path: str | os.PathLike[str],
        *,
        names: Sequence[str] = ("before", "after"),
        title: str = "Comparison",
        force: bool = False,
    ) -> None:
        """Write both diagnoses as one HTML page, side by side.

        Args:
            html_path: where.
            names: of the two.
            title: of the page.
            force: whether to replace a file that is there.

        Raises:
            ValueError: not two names.
            UsageError: the file exists and `force` is off, or its folder cannot be written.
        """
        if len(names) != 2:
            raise errors.rejected(
                rule="two diagnoses have two names", got=repr(names), do='pass ("before", "after")'
            )
        pairs = zip(names, (self.before, self.after), strict=True)
        runs = [d.to_dict(name=f"{title}, {name}", group=title, stage=name) for name, d in pairs]
        made = as_report(*runs, title=title, provenance=self.after.provenance)
        handover.report_writer()(made, html_path, force=force)


def compare(before: Any, after: Any) -> Changes:
    """Tell what is different between two diagnoses.

    Args:
        before: one, from `diagnose` or `load`.
        after: the other.

    Returns:
        findings that are gone, new and still there, matched by kind and site; and the sites that
        both have, matched by id, which is the same whatever the activation and the batch size.

    Raises:
        TypeError: what is no Diagnosis.

    Edges: the two may be of different programs: sites of one alone are listed. Numbers are those of
    each one's own data: compare on the same batches.

    Example:
        >>> import jax, jax.numpy as jnp, relu_jax as rj
        >>> loss = lambda w, x: jnp.mean(jax.nn.relu(x @ w))
        >>> x = [jnp.ones((64, 3))]
        >>> told = compare(rj.diagnose(loss, -jnp.eye(3), x), rj.diagnose(loss, jnp.eye(3), x))
        >>> [found.kind for found in told.gone], told.new, told.sites[0].after.dead
        (['dead_units'], (), 0)
    """
    for one in (before, after):
        if not isinstance(one, Diagnosis):
            raise errors.rejected(
                rule="two diagnoses are compared",
                got=errors.describe(one),
                do="pass what rj.diagnose gave, or rj.diagnosis.load(path)",
                kind=TypeError,
            )
    was = {(found.kind, found.site): found for found in before.findings}
    now = {(found.kind, found.site): found for found in after.findings}
    both = [name for name in after.sites if name in before.sites]
    return Changes(
        before,
        after,
        tuple(found for key, found in was.items() if key not in now),
        tuple(found for key, found in now.items() if key not in was),
        tuple((was[key], found) for key, found in now.items() if key in was),
        tuple(SiteChange(before.sites[name], after.sites[name]) for name in both),
        tuple(name for name in before.sites if name not in after.sites),
        tuple(name for name in after.sites if name not in before.sites),
    )


def _over(after: float | None, before: float | None) -> float | None:
    return None if after is None or not before else after / before


def _still(was: Finding, now: Finding) -> str:
    moved = "" if was.severity == now.severity else f" (was {was.severity})"
    return f"still{moved}: {now}"


def _row(change: SiteChange) -> tuple[str, ...]:
    was, now = change
    kind = now.site.kind
    return (
        shown(now.id),
        kind if was.site.kind == kind else f"{was.site.kind} → {kind}",
        _factor(change.signal),
        _factor(change.gradient),
        _pair(f"{was.dead}/{was.units}", f"{now.dead}/{now.units}"),
        _pair(*(_share(one.saturated) for one in change)),
        _pair(*(_share(one.zeros) for one in change)),
    )


def _factor(factor: float | None) -> str:
    return "–" if factor is None else f"×{factor:.3g}"


def _share(share: float | None) -> str:
    return "–" if share is None else f"{share:.1%}"


def _pair(*ends: str) -> str:
    return ends[0] if len(set(ends)) == 1 else " → ".join(ends)
