"""Does the command try what was asked for, and answer every mistake with one error and a code?"""

import pytest

from relu_jax import cli
from relu_jax.core import records
from tests.test_cli import written

pytestmark = pytest.mark.leaks_unchecked("tests/diagnosis/test_what_if.py runs under it")


def test_without_a_choice_the_usual_ones_and_a_start_are_tried(tmp_path, capsys):
    assert cli.main(["what-if", f"{written(tmp_path)}:build"]) == 0
    printed = capsys.readouterr().out
    names = {line.split("  ")[0] for line in printed.splitlines()[2:]}
    assert names == {"as it is", "lsuv", *(f"all → {name}" for name in cli.USUAL)}


def test_what_was_asked_for_is_tried_and_written(tmp_path, capsys):
    out = tmp_path / "c.json"
    words = ["--swap", "relu=leaky_relu:slope=0.2", "--swap", "relu=tanh", "--steps", "2"]
    target = written(tmp_path)
    assert cli.main(["what-if", target, *words, "--seeds", "2", "--json", str(out)]) == 0
    kept = records.load(out).metrics
    assert {variant["name"] for variant in kept["variants"]} == {
        "as it is", "relu → leaky_relu(slope=0.2)", "relu → tanh"
    }  # fmt: skip
    assert kept["steps"] == 2
    assert [len(variant["trials"]) for variant in kept["variants"]] == [2, 2, 2]
    assert f"{out} written" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--swap", "gelu"], "SELECTOR=NAME"),
        (["--swap", "=gelu"], "SELECTOR=NAME"),
        (["--swap", "relu=gelo"], "gelo"),
        (["--swap", "tanh=gelu"], "which none of 1 sites is"),
        (["--steps", "-1"], "steps is at least 0"),
        (["--learning-rate", "-1"], "learning_rate is a positive number"),
    ],
)
def test_a_mistake_is_one_line(tmp_path, capsys, words, said):
    assert cli.main(["what-if", written(tmp_path), *words]) == cli.USAGE
    captured = capsys.readouterr()
    assert captured.out == ""
    assert len(captured.err.splitlines()) == 1
    assert said in captured.err


def test_no_batches_are_wrong_data(tmp_path, capsys):
    target = written(tmp_path, none=("[jnp.ones((8, 3))] * 2", "[]"))
    assert cli.main(["what-if", target]) == cli.DATA
    assert "at least one batch" in capsys.readouterr().err


def test_a_file_that_exists_is_kept(tmp_path, capsys):
    out = tmp_path / "c.json"
    out.write_text("mine")
    assert cli.main(["what-if", written(tmp_path), "--json", str(out)]) == cli.USAGE
    assert out.read_text() == "mine"
    assert "--force" in capsys.readouterr().err
