"""Does the main job show a vanishing gradient beside a healthy one, on real data, twice alike?"""

import pytest

from relu_jax.core.errors import UsageError
from relu_jax.experiments import gradient_report
from relu_jax.experiments.gradient_report import Config

pytestmark = pytest.mark.leaks_unchecked(
    "it collects garbage at every trace; tests/diagnosis/test_diagnose.py runs under it"
)

SMALL = Config(depth=8, width=32, steps=6)


@pytest.fixture(scope="module")
def told():
    """Run a narrow, short version of the job once; give the report, and what was told meanwhile."""
    seen = []
    return gradient_report.run(SMALL, lambda *one: seen.append(one)), seen


@pytest.fixture
def report(told):
    return told[0]


def runs(report, group):
    """Pick the two runs of one variant."""
    return [run for run in report["runs"] if run["group"] == group]


def test_every_variant_is_diagnosed_twice(report):
    names = [(run["group"], run["stage"]) for run in report["runs"]]
    stages = ("at initialisation", "after training")
    assert names == [(v.name, stage) for v in gradient_report.VARIANTS for stage in stages]


def test_every_run_holds_the_seven_sites_of_eight_layers(report):
    for run in report["runs"]:
        assert [site["id"] for site in run["sites"]] == [f"layers/{i}" for i in range(7)]
        assert run["n_examples"] == 1152  # nine full batches of 128
    kinds = {run["group"]: run["sites"][0]["kind"] for run in report["runs"]}
    assert kinds == {
        "sigmoid + Xavier": "sigmoid",
        "tanh + Xavier": "tanh",
        "ReLU + Xavier": "relu",
        "ReLU + He": "relu",
    }


def test_the_sigmoid_starves_the_first_layer_and_he_does_not(report):
    def lost(group):
        return runs(report, group)[0]["flow"]["backward_total"]

    assert lost("sigmoid + Xavier") < 1e-3
    assert 0.2 < lost("ReLU + He") < 5
    worst = runs(report, "sigmoid + Xavier")[0]["findings"][0]
    assert worst["kind"] == "vanishing_gradient"
    healthy = runs(report, "ReLU + He")[0]["findings"]
    assert not [f for f in healthy if f["severity"] != "info"]


def test_training_is_told_by_its_curve(report):
    for run in report["runs"]:
        expected = list(range(SMALL.steps)) if run["stage"] == "after training" else None
        assert run["history"].get("step") == expected
        assert 0 <= run["metrics"]["test accuracy"] <= 1


def test_the_job_says_where_it_comes_from(report):
    origin = report["provenance"]
    assert origin["config"]["depth"] == 8
    assert origin["command"] == "relu-jax report"
    assert origin["versions"]["jax"]


def test_the_same_seed_gives_the_same_numbers(report, monkeypatch):
    monkeypatch.setattr(gradient_report, "VARIANTS", gradient_report.VARIANTS[-1:])
    again = gradient_report.run(SMALL)
    assert again["runs"] == runs(report, "ReLU + He")


def test_progress_goes_from_nothing_to_everything(told):
    fractions = [fraction for fraction, _ in told[1]]
    assert fractions == sorted(fractions)
    assert (fractions[0], fractions[-1]) == (0.0, 1.0)


@pytest.mark.parametrize("wrong", [{"depth": 1}, {"width": 0}, {"steps": 0}, {"batch_size": 0}])
def test_a_size_that_makes_no_network_is_refused(wrong):
    with pytest.raises(UsageError, match=f"{next(iter(wrong))} is an integer of at least"):
        Config(**wrong)
