"""Does the part in depth show the numbers of the record?"""

from relu_jax.report import text
from relu_jax.report.depth import depths, distinct
from relu_jax.report.verdicts import runs
from tests.report import cases, trained


def test_gains_stand_beside_theory():
    record = trained.whole()["runs"][0]
    (one,) = depths(runs({"runs": [record]}))
    assert [panel.heading for panel in one.panels] == ["Forward gain", "Backward gain"]
    for panel, way in zip(one.panels, ("forward", "backward"), strict=True):
        for site in record["depth"]["flow"]["sites"]:
            assert f"{site['site']}: {text.number(site[f'gain_{way}'])}<" in panel.picture
            expected = text.number(site[f"predicted_{way}"])
            assert f"{site['site']}: {expected} in theory<" in panel.picture


def test_tables_have_a_row_per_site_and_every_column_is_worded():
    (one,) = depths(runs(trained.whole()))
    assert [table.name for table in one.tables] == ["flow", "kinks", "codes"]
    told = {
        column.heading: column.worded(table.rows[0])
        for table in one.tables
        for column in table.columns
    }
    assert told["on a kink"] == "3"
    assert told["above"] == "12.5 %"
    assert told["Hoyer"] == "0.25"
    assert told["lost in half precision"] == "bfloat16: 0 / 500, float16: 7 / 500"


def test_what_theory_expects_never_looks_like_the_run():
    report = cases.wide(3, 8)
    for run in report["runs"]:
        run["depth"] = trained.deep()
    shown = depths(runs(report))
    assert [one.run.style for one in shown] == list(range(8))
    assert all(one.theory != one.run.style for one in shown)
    assert all(f"series s{one.theory}" in one.panels[0].picture for one in shown)
    assert [table.name for table in distinct(shown)] == ["flow", "kinks", "codes"]


def test_runs_without_depth_have_no_part():
    record = trained.whole()["runs"][0]
    assert depths(runs({"runs": [{**record, "depth": None}, {"name": "bare"}]})) == ()


def test_a_part_with_nothing_in_it_is_drawn():
    (one,) = depths(runs({"runs": [{"name": "a", "depth": {"examples": 3}}]}))
    assert (one.panels, one.tables) == ((), ())
