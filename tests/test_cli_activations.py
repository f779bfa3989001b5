"""Does `relu-jax activations` print cards and curves, and answer mistakes in a line?"""

import subprocess

import pytest

from relu_jax import activations, cli
from tests.processes import started

pytestmark = pytest.mark.leaks_unchecked(
    "it collects garbage at every trace: tests/activations/test_activation.py has it"
)


def test_activations_are_listed_in_a_table(capsys, monkeypatch):
    monkeypatch.setattr(activations, "CATALOGUE", activations.CATALOGUE[:3])
    assert cli.main(["activations"]) == 0
    *lines, gated, learned, mixing = capsys.readouterr().out.splitlines()
    assert gated.startswith("gated units: ")
    assert "swiglu" in gated
    assert "prelu" in learned
    assert "softmax" in mixing
    assert lines[0].split() == ["name", "formula", "range", "E", "f", "gain", "kinks"]
    assert [line.split()[0] for line in lines[1:]] == [act.name for act in activations.CATALOGUE]
    relu = next(line for line in lines if line.startswith("relu "))
    assert relu.split("  ")[-1].strip() == "0"
    assert "[0, inf)" in relu
    assert "0.3989" in relu


def test_names_print_cards_with_their_parameters(capsys):
    words = ["activations", "leaky_relu:slope=0.2", "hard_tanh:low=-2, high=3", "--variance", "4"]
    assert cli.main(words) == 0
    printed = capsys.readouterr().out
    assert "leaky_relu(slope=0.2): x for x >= 0" in printed
    assert "hard_tanh(low=-2, high=3): " in printed
    assert "x ~ N(0, 4)" in printed
    assert "|" not in printed


def test_plot_draws_the_three_curves(capsys):
    assert cli.main(["activations", "relu", "--plot"]) == 0
    lines = capsys.readouterr().out.splitlines()
    plotted = [line.split()[0] for line in lines if "|" in line and line[0] == "f"]
    assert plotted == ["f", "f'", "f''"]


def test_a_name_without_a_card_prints_formula_source_and_parameters(capsys):
    assert cli.main(["activations", "swiglu", "prelu", "softmax", "--plot"]) == 0
    printed = capsys.readouterr().out
    for told in (
        "swiglu: v * g / (1 + e^-g)\n  a gated unit",
        "source      Shazeer 2020\n  parameters  value, gate, beta=1.0\n",
        "parameters  slope from 0.25\n",
        "softmax: e^x_i / sum over j of e^x_j\n  a function that mixes units",
    ):
        assert told in printed


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["swiglu:beta=2"], "swiglu takes a value and a gate: get_gated('swiglu')"),
        (["Relu"], "got str 'Relu'; did you mean relu?"),
        (["relo"], "got str 'relo'; did you mean relu"),
        (["relu", "leaky_relu:slop=1"], "parameters of leaky_relu are slope; got slop"),
        (["leaky_relu:slope"], "NAME:parameter=value,...; got 'slope'; write a number after ="),
        (["leaky_relu:slope=steep"], "got 'slope=steep'; write a number"),
        (["leaky_relu:slope=nan"], "leaky_relu.slope is a finite number"),
        (["hard_tanh:low=2"], "hard_tanh needs low < high"),
        (["relu", "--variance", "-1"], "a variance is a finite number above 0; got float -1.0"),
    ],
)
def test_a_wrong_name_or_parameter_is_one_line(capsys, words, message):
    assert cli.main(["activations", *words]) == cli.USAGE
    told = capsys.readouterr()
    assert told.out == ""
    assert message in told.err
    assert len(told.err.splitlines()) == 1


def test_a_card_is_printed_in_an_old_encoding():
    process = started(
        "activations", "softplus", "--plot", stdout=subprocess.PIPE, PYTHONIOENCODING="ascii:strict"
    )
    out, told = process.communicate(timeout=120)
    assert (process.returncode, told) == (0, b"")
    assert out.isascii()
    assert rb"B\xe9lisle" in out
