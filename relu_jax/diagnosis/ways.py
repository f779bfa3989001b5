"""Which sites follow one another, where a program chooses between branches?"""

from collections.abc import Sequence

from relu_jax.diagnosis.types import SiteReport


def main_way(reports: Sequence[SiteReport]) -> list[SiteReport]:
    """Leave out the sites of branches that fewer examples took than another of the same choice.

    Branches stand side by side: no signal goes from one into the other. In a loop over layers
    each turn chooses anew. Turns of a loop that hands nothing on, such as shards, stand side by
    side as well: the first is kept.

    Edges: of branches that as many examples took, the first is kept.
    """
    reports = [report for report in reports if not any(_lane(report))]
    took: dict[tuple[int, str], dict[int, int]] = {}
    loops: dict[int, set[tuple[int, ...]]] = {}
    for report in reports:
        for cond, _ in report.site.branch:
            loops.setdefault(cond, set()).add(report.site.loops)

    def choice(cond: int, report: SiteReport) -> tuple[int, str]:
        # Where a branch holds a loop of its own, its turns are not those of the choice.
        return cond, _turn(report) if len(loops[cond]) == 1 else ""

    for report in reports:
        for cond, number in report.site.branch:
            branches = took.setdefault(choice(cond, report), {})
            branches[number] = max(branches.get(number, 0), report.examples)
    most = {place: max(branches, key=branches.__getitem__) for place, branches in took.items()}
    return [r for r in reports if all(most[choice(cond, r)] == k for cond, k in r.site.branch)]


def apart(one: SiteReport, other: SiteReport) -> bool:
    """Say whether neither of two sites feeds the other.

    They stand in different branches of one choice, or in different turns of a loop that hands
    nothing on.
    """
    if one.site.loops == other.site.loops and _lane(one) != _lane(other):
        return True
    branches = dict(other.site.branch)
    differ = any(branches.get(cond, number) != number for cond, number in one.site.branch)
    return differ and _turn(one) == _turn(other)


def _lane(report: SiteReport) -> tuple[int, ...]:
    """Tell which turn of those loops over layers that hand nothing on a report is of."""
    turn = [int(part) for part in _turn(report).strip("[]").split(",") if part]
    return tuple(i for i, order in zip(turn, report.site.order, strict=False) if order == 0)


def _turn(report: SiteReport) -> str:
    """Tell which turn of a loop over layers a report is of."""
    return report.id[len(report.site.id) :]
