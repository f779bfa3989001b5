"""Which sites follow one another, where a program chooses?"""

import pytest

from relu_jax.diagnosis import ways
from tests.diagnosis import made


def _way(*sites):
    """Build reports of (name, samples, branches) and tell which are on the way."""
    reports = [made.report(name, n=n, branch=branch) for name, n, branch in sites]
    return "".join(report.id for report in ways.main_way(reports))


@pytest.mark.parametrize(
    ("sites", "way"),
    [
        ([], ""),
        ([("a", 5, ()), ("b", 5, ())], "ab"),
        ([("a", 5, ()), ("b", 2, ((0, 0),)), ("c", 3, ((0, 1),)), ("d", 5, ())], "acd"),
        ([("a", 5, ()), ("b", 3, ((0, 0),)), ("c", 3, ((0, 1),))], "ab"),
        ([("b", 3, ((0, 1),)), ("c", 1, ((1, 0),)), ("d", 2, ((1, 2),))], "bd"),
        ([("a", 1, ((0, 0),)), ("b", 2, ((0, 1), (1, 0))), ("c", 4, ((0, 1), (1, 1)))], "c"),
        ([("a", 9, ((0, 0),)), ("b", 2, ((0, 1), (1, 0))), ("c", 4, ((0, 1), (1, 1)))], "a"),
    ],
    ids=[
        "none",
        "no branches",
        "one ran more",
        "alike",
        "two conds",
        "nested",
        "nested, not taken",
    ],
)
def test_of_branches_side_by_side_the_one_that_ran_most_is_kept(sites, way):
    assert _way(*sites) == way
