"""Does the part on a ranking show the numbers of the record, in its order?"""

from relu_jax.report.tried import tried
from tests.report import trained


def test_rows_are_those_of_the_record():
    (shown,) = tried({"tried": [trained.ranking()]})
    assert [row.name for row in shown.rows] == [
        "sigmoid → tanh", "sigmoid → relu", "as it is", "lsuv"
    ]  # fmt: skip
    cells = shown.rows[1].cells
    assert cells[1] == ("0.1", "")
    assert cells[2] == ("[0, 0.2]", "")  # 0.1 - 1/10, 0.3 - 1/10
    assert cells[3] == ("0.123", "0.123456789")
    assert cells[6:] == (("–", ""), ("Dead units (new)", ""))


def test_the_network_as_it_is_has_no_gain():
    (shown,) = tried({"tried": [trained.ranking()]})
    (own,) = [row for row in shown.rows if row.own]
    assert [cell[0] for cell in own.cells[1:3]] == ["–", "–"]
    assert own.cells[-1] == ("Vanishing gradient", "")


def test_gains_and_losses_are_drawn():
    (shown,) = tried({"tried": [trained.ranking()]})
    assert [panel.heading for panel in shown.charts] == ["Better by", "Loss on the way"]
    gains, losses = (panel.picture for panel in shown.charts)
    assert gains.count('class="series s0"') == 3  # all but the network as it is
    assert losses.count('class="line"') == 4


def test_a_change_looks_like_the_run_of_its_name():
    runs = [{"name": "as it is"}, {"name": "sigmoid → tanh"}, {"name": "another"}]
    (shown,) = tried({"runs": runs, "tried": [trained.ranking()]})
    assert [row.style for row in shown.rows] == [1, 3, 0, 4]


def test_more_changes_than_styles_are_in_the_table_alone():
    ranking = trained.ranking()
    ranking["variants"] = [v | {"name": f"{i}"} for i in range(4) for v in ranking["variants"]]
    (shown,) = tried({"tried": [ranking]})
    assert [row.style for row in shown.rows] == [*range(8), *[None] * 8]
    assert shown.charts[1].picture.count('class="line"') == 8
    assert shown.undrawn == 8


def test_without_steps_there_are_no_losses():
    (shown,) = tried({"tried": [trained.ranking(steps=0)]})
    assert [panel.heading for panel in shown.charts] == ["Better by"]
    assert [row.style for row in shown.rows] == [None] * 4


def test_broken_rankings_are_drawn():
    first, bare = tried(trained.broken())
    assert [row.cells[0][0] for row in first.rows] == ["NaN", "–", "–"]
    assert (bare.name, bare.rows, bare.charts) == ("What if", (), ())
