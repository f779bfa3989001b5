"""Which sites follow one another, where a program chooses?"""

import pytest

from relu_jax.diagnosis import ways
from tests.diagnosis import made


def _way(*sites):
    """Build reports of (name, examples, branches) and tell which are on the way."""
    reports = [made.report(name, examples=n, branch=branch) for name, n, branch in sites]
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


def _turn(name, turn, examples, number, loops=(2,)):
    place = made.site(name, loops=loops, loop="layers", branch=((0, number),))
    return made.report(f"{name}[{turn}]", examples=examples)._replace(site=place)


def test_each_turn_of_a_loop_over_layers_chooses_anew():
    reports = [_turn("a", 0, 5, 0), _turn("b", 0, 1, 1), _turn("a", 1, 2, 0), _turn("b", 1, 4, 1)]
    assert [r.id for r in ways.main_way(reports)] == ["a[0]", "b[1]"]
    assert ways.apart(reports[0], reports[1])
    assert not ways.apart(reports[0], reports[3])


def test_a_loop_within_a_branch_is_chosen_as_a_whole():
    other = made.report("b", examples=3, branch=((0, 1),))
    reports = [_turn("a", 0, 5, 0), _turn("a", 1, 5, 0), other]
    assert [r.id for r in ways.main_way(reports)] == ["a[0]", "a[1]"]


def test_sites_are_apart_only_in_different_branches_of_one_choice():
    one, two, three = (
        made.report(name, branch=branch)
        for name, branch in (("a", ((0, 0),)), ("b", ((0, 1), (1, 0))), ("c", ((2, 0),)))
    )
    assert ways.apart(one, two)
    assert ways.apart(two, one)
    assert not ways.apart(one, three)
    assert not ways.apart(one, one)


def test_turns_that_hand_nothing_on_stand_side_by_side():
    def shard(name, turn):
        report = _turn(name, turn, 5, 0)
        return report._replace(site=report.site._replace(order=(0,), branch=()))

    reports = [shard("a", 0), shard("b", 0), shard("a", 1), shard("b", 1)]
    assert [r.id for r in ways.main_way(reports)] == ["a[0]", "b[0]"]
    assert ways.apart(reports[0], reports[3])
    assert not ways.apart(reports[0], reports[1])
