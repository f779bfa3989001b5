"""Does the first sentence say what is wrong, where, and nothing else?"""

import pytest

from relu_jax.report import verdicts
from tests.report import cases


def entry(name, *severities, stage="", sites=1):
    found = [{"kind": f"{s}_kind", "severity": s, "site": "relu_0"} for s in severities]
    return {
        "name": f"{name} {stage}", "group": name, "stage": stage, "findings": found,
        "sites": [{"id": f"relu_{i}", "path": f"layers/{i}"} for i in range(sites)],
    }  # fmt: skip


def said(*entries):
    return [c.text for c in verdicts.headline(verdicts.runs({"runs": list(entries)}))]


def test_the_example_in_one_sentence():
    clauses = verdicts.headline(verdicts.runs(cases.example()))
    assert [c.severity for c in clauses] == ["critical", "warning", "healthy"]
    assert [c.text for c in clauses] == [
        "1 of 4 networks is in a critical state: sigmoid + Xavier (vanishing gradient)",
        "1 of 4 networks is worth a look: ReLU + Xavier (vanishing signal, at initialisation)",
        "2 of 4 networks are healthy: tanh + Xavier and ReLU + He",
    ]


HEADLINES = [
    ([entry("a")], ["Healthy: no check raised a warning in a"]),
    ([entry("a", "info")], ["Healthy: no check raised a warning in a"]),
    ([entry("a", "critical")], ["Critical: critical kind at relu_0 in a"]),
    ([entry("a", "odd")], ["Warning: odd kind at relu_0 in a"]),
    ([entry("a", sites=0)], ["Nothing was measured in a"]),
    ([entry("a"), entry("b")], ["All 2 networks are healthy: a and b"]),
    ([], ["This report holds no run"]),
    (
        [entry("a", "critical", stage="end"), entry("a", stage="start")],
        ["Critical: critical kind, end at relu_0 in a"],
    ),
    (
        [entry(n, "warning") for n in "abcdef"],
        ["All 6 networks are worth a look: a (warning kind), b (warning kind), "
         "c (warning kind), d (warning kind) and 2 more"],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("entries", "texts"), HEADLINES, ids=[t[1][0][:30] for t in HEADLINES])
def test_headlines(entries, texts):
    assert said(*entries) == texts


def test_findings_are_ranked_worst_first_whatever_their_order():
    run = verdicts.runs({"runs": [entry("a", "info", "warning", "critical", "warning")]})[0]
    assert [f["severity"] for f in run.findings] == ["critical", "warning", "warning", "info"]
    assert run.worst is run.findings[0]
    assert run.word == "Critical"


def test_runs_of_a_group_share_a_style_and_styles_come_round():
    found = verdicts.runs({"runs": [entry(str(i % 10)) for i in range(20)]})
    assert [r.style for r in found] == [i % 10 % 8 for i in range(20)]


def test_a_finding_finds_its_site_by_id_or_path():
    run = verdicts.runs({"runs": [entry("a", sites=3)]})[0]
    assert run.place("relu_1") is run.place("layers/1") is run.sites[1]
    assert run.number_of("layers/2") == 3
    assert run.place("") is run.place("gone") is None
    assert run.number_of("") == run.number_of("gone") == 0


def test_severity_at_a_site_is_the_worst_one():
    run = verdicts.runs({"runs": [entry("a", "info", "critical", sites=2)]})[0]
    assert [run.severity_at(site) for site in run.sites] == ["critical", ""]


def test_reassurance_gives_the_rates_when_there_are_some():
    run = verdicts.runs({"runs": [entry("a") | {"flow": {"backward_rate": 0.98765}}]})[0]
    assert "×0.988" in verdicts.reassurance(run)
    assert "nothing can be said" in verdicts.reassurance(verdicts.runs({"runs": [{}]})[0])
