"""Which sites follow one another, where a program chooses between branches?"""

from collections import Counter
from collections.abc import Sequence

from relu_jax.diagnosis.types import SiteReport


def main_way(reports: Sequence[SiteReport]) -> list[SiteReport]:
    """Leave out the sites of branches that ran less than another of the same cond or switch.

    Branches stand side by side: no signal goes from one into the other.

    Edges: of branches that ran alike, the first is kept.
    """
    ran: Counter[tuple[int, int]] = Counter()
    for report in reports:
        for taken in report.site.branch:
            ran[taken] = max(ran[taken], report.n)
    most = {cond: number for (cond, number), _ in reversed(ran.most_common())}
    return [r for r in reports if all(most[cond] == number for cond, number in r.site.branch)]
