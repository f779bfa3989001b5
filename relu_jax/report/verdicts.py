"""What is wrong, where, in which run? The worst finding of each run, and one sentence for all."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from relu_jax.report.text import factor, shorten, words

SEVERITIES = ("critical", "warning", "info", "healthy", "unmeasured")
_ALARMS = ("critical", "warning")
WORDS = {
    "critical": "Critical",
    "warning": "Warning",
    "info": "Info",
    "healthy": "Healthy",
    "unmeasured": "Not measured",
}
_STYLES = 8


class Run(NamedTuple):
    """One stored run as it is shown: its place, its verdict, its record."""

    order: int
    name: str
    group: str
    stage: str
    style: int
    severity: str
    worst: Mapping[str, Any] | None
    findings: tuple[Mapping[str, Any], ...]
    record: Mapping[str, Any]

    @property
    def word(self) -> str:
        """The severity in words."""
        return WORDS[self.severity]

    @property
    def sites(self) -> Sequence[Mapping[str, Any]]:
        """Measured sites, in program order."""
        return self.record.get("sites") or ()

    def place(self, site: str) -> Mapping[str, Any] | None:
        """Find the measured site that a finding names, by its id or its path."""
        named = (s for s in self.sites if site and site in (s.get("id"), s.get("path")))
        return next(named, None)

    def number_of(self, site: str) -> int:
        """Number a site as the tables and charts do, from 1; 0 when it is not among them."""
        found = (i for i, s in enumerate(self.sites, 1) if site in (s.get("id"), s.get("path")))
        return next(found, 0) if site else 0

    def severity_at(self, site: Mapping[str, Any]) -> str:
        """Name the worst severity among the findings at a site, or nothing."""
        names = (site.get("id"), site.get("path"))
        found = [severity_of(f) for f in self.findings if f.get("site") and f["site"] in names]
        return min(found, key=SEVERITIES.index, default="")


class Clause(NamedTuple):
    """One part of the headline."""

    severity: str
    text: str


def severity_of(finding: Mapping[str, Any]) -> str:
    """Read a finding's severity; one that is not known counts as a warning.

    Example:
        >>> severity_of({"severity": "info"}), severity_of({"severity": "<b>"})
        ('info', 'warning')
    """
    severity = finding.get("severity")
    return severity if severity in ("critical", "warning", "info") else "warning"


def runs(report: Mapping[str, Any]) -> tuple[Run, ...]:
    """Give each stored run its group's style and its verdict, in stored order.

    Args:
        report: a report dictionary.

    Returns:
        One `Run` per stored run; runs of one group share a style.

    Edges:
        A run whose findings are all infos, or that has none, is healthy if anything was
        measured, else not measured.

    Example:
        >>> runs({"runs": [{"name": "a", "sites": [{"id": "relu_0"}]}]})[0].severity
        'healthy'
    """
    styles: dict[str, int] = {}
    shown = []
    for order, record in enumerate(report.get("runs") or ()):
        name = str(record.get("name") or f"run {order + 1}")
        group = str(record.get("group") or name)
        style = styles.setdefault(group, len(styles)) % _STYLES
        severity, found = _judge(record)
        worst = found[0] if severity in _ALARMS else None
        stage = str(record.get("stage") or "")
        shown.append(Run(order, name, group, stage, style, severity, worst, found, record))
    return tuple(shown)


def groups(of: Sequence[Run]) -> dict[str, tuple[Run, ...]]:
    """Collect runs by group, in order of first appearance.

    Example:
        >>> list(groups(runs({"runs": [{"group": "a"}, {"group": "b"}, {"group": "a"}]})))
        ['a', 'b']
    """
    collected: dict[str, tuple[Run, ...]] = {}
    for run in of:
        collected[run.group] = (*collected.get(run.group, ()), run)
    return collected


def headline(of: Sequence[Run], report: Mapping[str, Any] | None = None) -> tuple[Clause, ...]:
    """Say in one sentence, clause by clause, how bad it is and where.

    Args:
        of: all runs of a report.
        report: the report, for what its runs of training and its rankings say of themselves.

    Returns:
        Clauses, worst first, to be joined by semicolons.

    Example:
        >>> report = {"runs": [{"name": "a", "sites": [{"id": "relu_0"}]}]}
        >>> headline(runs(report))[0].text
        'Healthy: no check raised a warning in a'
    """
    told = _told(report or {})
    if not of:
        empty = not any((report or {}).get(part) for part in ("spectra", "slices"))
        return told or ((Clause("unmeasured", "This report holds no run"),) if empty else ())
    worst = {name: min(members, key=_rank) for name, members in groups(of).items()}
    clauses = []
    for severity in SEVERITIES:
        mine = [run for run in worst.values() if run.severity == severity]
        if mine:
            clauses.append(Clause(severity, _clause(mine, of, len(worst))))
    return tuple(sorted([*clauses, *told], key=lambda clause: SEVERITIES.index(clause.severity)))


def _told(report: Mapping[str, Any]) -> tuple[Clause, ...]:
    """Collect what runs of training and rankings say of themselves."""
    parts = [*(report.get("watched") or ()), *(report.get("tried") or ())]
    told = [(c.get("severity"), c.get("text")) for part in parts for c in part.get("summary") or ()]
    return tuple(Clause(s if s in SEVERITIES else "warning", str(text or "")) for s, text in told)


def reassurance(run: Run) -> str:
    """Say what is right about a run without warnings, in numbers where there are some.

    Example:
        >>> reassurance(runs({"runs": [{"sites": [{"id": "relu_0"}]}]})[0])
        'No check raised a warning.'
    """
    if run.severity == "unmeasured":
        return "No activation site was measured, so nothing can be said about this run."
    flow = run.record.get("flow") or {}
    if flow.get("backward_rate") is None:
        return "No check raised a warning."
    return (
        f"No check raised a warning. From site to site the gradient changes by "
        f"{factor(flow['backward_rate'])}, the signal by {factor(flow.get('forward_rate'))}."
    )


def _judge(record: Mapping[str, Any]) -> tuple[str, tuple[Mapping[str, Any], ...]]:
    found = sorted(
        record.get("findings") or (), key=lambda finding: SEVERITIES.index(severity_of(finding))
    )
    if found and severity_of(found[0]) in _ALARMS:
        return severity_of(found[0]), tuple(found)
    return ("healthy" if record.get("sites") else "unmeasured"), tuple(found)


def _rank(run: Run) -> int:
    return SEVERITIES.index(run.severity)


def _clause(mine: Sequence[Run], of: Sequence[Run], total: int) -> str:
    severity = mine[0].severity
    names = [shorten(run.group, 40) for run in mine]
    if severity == "unmeasured":
        return f"Nothing was measured in {_listed(names)}"
    if severity == "healthy":
        if total == 1:
            return f"Healthy: no check raised a warning in {names[0]}"
        return f"{_counted(mine, total)} healthy: {_listed(names)}"
    problems = [_problem(run, of) for run in mine]
    if total == 1:
        return f"{WORDS[severity]}: {problems[0]}{_where(mine[0])} in {names[0]}"
    told = _listed([f"{n} ({p})" for n, p in zip(names, problems, strict=True)])
    if severity == "critical":
        return f"{_counted(mine, total)} in a critical state: {told}"
    return f"{_counted(mine, total)} worth a look: {told}"


def _counted(mine: Sequence[Run], total: int) -> str:
    if len(mine) == total:
        return f"All {total} networks are"
    return f"{len(mine)} of {total} networks {'is' if len(mine) == 1 else 'are'}"


def _where(run: Run) -> str:
    """Name the place of the worst finding, with its line where it is a site."""
    name = str((run.worst or {}).get("site") or "")
    site = next((one for one in run.sites if one.get("id") == name), {})
    line = f" ({shorten(str(site['source']), 40)})" if site.get("source") else ""
    return f" at {shorten(name, 40)}{line}" if name else ""


def _problem(run: Run, of: Sequence[Run]) -> str:
    finding = run.worst or {}
    kind = words(str(finding.get("kind") or "finding")).lower()
    siblings = [r for r in of if r.group == run.group]
    same = [r for r in siblings if r.severity == run.severity]
    if run.stage and len(same) < len(siblings):
        return f"{kind}, {shorten(run.stage, 30)}"
    return kind


def _listed(parts: Sequence[str], most: int = 4) -> str:
    shown = list(parts[:most])
    if len(parts) > most:
        shown.append(f"{len(parts) - most} more")
    return " and ".join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else shown[0]
