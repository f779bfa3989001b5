"""Does importing the package cost next to nothing, and start nothing?"""

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

import relu_jax as rj

SECONDS_OVER_JAX = 0.3
SECONDS_FOR_HELP = 0.5
HEAVY = ("flax", "orbax", "matplotlib", "optax", "jinja2", "rich", "equinox", "selenium")


def run_python(code):
    """Run code in a fresh interpreter without this one's checks, and return what it printed."""
    command = [sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def seconds_of(command):
    """Measure the processor time of one run: what the clock shows on a machine with nothing else.

    The clock itself would measure the neighbours; the least of several runs is judged.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime - before.ru_utime) + (after.ru_stime - before.ru_stime)


def best_of(commands, rounds):
    """Take each command's fastest run, alternating so that all meet the same busy machine."""
    runs = [[seconds_of(command) for command in commands] for _ in range(rounds)]
    return [min(times) for times in zip(*runs, strict=True)]


def test_neither_the_package_nor_a_part_starts_a_backend():
    code = (
        "from importlib import import_module; from jax._src import xla_bridge\n"
        f"for name in {['relu_jax', *(f'relu_jax.{part}' for part in rj._PARTS)]}:\n"
        "    import_module(name)\n"
        "    if xla_bridge._backends: print(name); break"
    )
    assert run_python(code) == ""


def test_importing_loads_no_heavy_module():
    code = "import sys, relu_jax; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    loaded = set(run_python(code).split())
    assert "relu_jax" in loaded
    assert not loaded & {*HEAVY, "jax", "numpy"}


def test_no_part_loads_a_framework():
    code = (
        "import sys; from importlib import import_module\n"
        f"for part in {rj._PARTS}: import_module(f'relu_jax.{{part}}')\n"
        "print(*{name.split('.')[0] for name in sys.modules})"
    )
    assert not set(run_python(code).split()) & {"flax", "orbax", "matplotlib", "equinox"}


def test_importing_takes_little_more_than_jax():
    jax, ours = best_of(
        [[sys.executable, "-c", f"import {name}"] for name in ("jax", "jax, relu_jax")], rounds=4
    )
    assert ours - jax <= SECONDS_OVER_JAX


def test_help_answers_fast():
    program = Path(sys.executable).with_name("relu-jax")
    (seconds,) = best_of([[program, "--help"]], rounds=4)
    assert seconds <= SECONDS_FOR_HELP


def test_a_slow_import_would_be_noticed():
    plain, slow = best_of(
        [
            [sys.executable, "-c", code]
            for code in ("0", "import time\nwhile time.process_time() < 0.5: pass")
        ],
        rounds=2,
    )
    assert slow - plain > SECONDS_OVER_JAX


def test_the_public_names_are_there():
    assert {*rj.__all__} <= {*dir(rj)}
    for name in rj.__all__:
        assert getattr(rj, name) is not None, name
    assert callable(rj.diagnose)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'relu_jax' has no attribute 'diagnoze'"):
        rj.diagnoze  # noqa: B018 - the access itself is what is tested


def test_annotations_reach_the_users_type_checker():
    assert (Path(rj.__file__).parent / "py.typed").is_file()


def test_the_tests_run_on_the_code_of_this_folder():
    here = Path(__file__).resolve().parent.parent
    assert Path(rj.__file__).resolve().parent.parent == here
    assert os.environ["JAX_PLATFORMS"] == "cpu"
