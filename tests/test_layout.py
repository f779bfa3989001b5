"""Does the project keep the shape of its design, and would each rule notice a breach?"""

import re
import tomllib
from itertools import chain
from pathlib import Path

import pytest

from tests import layout

ROOT = Path(__file__).resolve().parent.parent
# In pieces, so that this file does not trip over the rule it tests.
HOME, HOST = "/" + "root/", "pypi." + "org"
EXAMPLE = 'def f():\n    """Do it.\n\n    Example:\n        >>> f()\n    """\n'
RULES = (
    layout.imports_against_the_layers,
    layout.files_without_tests,
    layout.folders_without_package,
    layout.vague_names,
    layout.jax_internals,
    layout.pickles,
    layout.functions_without_example,
    layout.machine_traces,
    layout.dead_references,
    layout.loose_locks,
)


def plant(root, files):
    """Write a small tree: a healthy package with some files added or replaced."""
    healthy = {
        "relu_jax/__init__.py": "from relu_jax import tap\n",
        "relu_jax/core/__init__.py": "",
        "relu_jax/core/a.py": EXAMPLE,
        "relu_jax/tap/__init__.py": "",
        "relu_jax/tap/compat.py": "from jax.extend import core\nfrom relu_jax.core import a\n",
        "tests/core/test_a.py": "",
        "tests/tap/test_compat.py": "",
        "requirements-floor.lock": f"jax==0.10.2 \\\n    --hash=sha256:{'0' * 64}\n",
    }
    for name, content in {**healthy, **files}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    return root


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_project_keeps_the_rule(rule):
    assert rule(ROOT) == []


def test_no_file_is_over_the_hard_limit():
    assert layout.files_over(ROOT, layout.HARD_LINES) == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_a_healthy_tree_gives_no_complaint(rule, tmp_path):
    assert rule(plant(tmp_path, {})) == []


IMPORTS = {
    "upward": ("core/a.py", "import relu_jax.tap\n", "core imports tap"),
    "by name": ("core/a.py", "from relu_jax import tap\n", "core imports tap"),
    "sideways": ("tap/compat.py", "from relu_jax.activations import get\n", "tap imports activ"),
    "in a function": ("core/a.py", "def _f():\n    import relu_jax.tap.compat\n", "core imports"),
    "for types": (
        "core/a.py",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from relu_jax.tap import x\n",
        "core imports tap",
    ),
    "relative": ("core/a.py", "from ..tap import compat\n", "core imports tap"),
    "relative name": ("core/a.py", "from .. import tap\n", "core imports tap"),
    "by text": ("core/a.py", "importlib.import_module('relu_jax.tap')\n", "core imports tap"),
    "the root": ("core/a.py", "import relu_jax\n", "core imports the root"),
    "from the root": ("core/a.py", "from relu_jax import __version__\n", "core imports the root"),
    "report from below": ("tap/compat.py", "import relu_jax.report\n", "tap imports report"),
    "a new layer": ("magic/a.py", "", "no such layer"),
    "a loose file": ("magic.py", "", "stand at the root"),
}


@pytest.mark.parametrize(("name", "content", "complaint"), IMPORTS.values(), ids=IMPORTS)
def test_imports_against_the_layers_are_noticed(tmp_path, name, content, complaint):
    root = plant(tmp_path, {f"relu_jax/{name}": content})
    found = layout.imports_against_the_layers(root)
    assert len(found) == 1
    assert complaint in found[0]


@pytest.mark.parametrize(
    "content", ["from . import a\n", "from relu_jax.core.a import f\n", "import jax.numpy\n"]
)
def test_imports_within_the_folder_and_from_outside_are_fine(tmp_path, content):
    root = plant(tmp_path, {"relu_jax/core/b.py": content})
    assert layout.imports_against_the_layers(root) == []


BREACHES = {
    "no test": (layout.files_without_tests, {"relu_jax/tap/new.py": ""}, "no tests/tap/test_new"),
    "no test for the command line": (
        layout.files_without_tests,
        {"relu_jax/cli.py": ""},
        "relu_jax/cli.py: no tests/test_cli.py",
    ),
    "a stray test folder": (
        layout.folders_without_package,
        {"tests/magic/test_a.py": ""},
        "tests/magic/",
    ),
    "utils": (layout.vague_names, {"relu_jax/core/utils.py": ""}, "core/utils.py"),
    "inside outside tap": (
        layout.jax_internals,
        {
            "relu_jax/core/a.py": "def _f():\n    from jax._src import core\n",
            "relu_jax/tap/compat.py": "",
        },
        "outside tap/",
    ),
    "inside by attribute": (
        layout.jax_internals,
        {
            "relu_jax/core/a.py": "import jax\njax.extend.core\n",
            "relu_jax/tap/compat.py": "",
        },
        "outside tap/",
    ),
    "inside twice": (
        layout.jax_internals,
        {"relu_jax/tap/other.py": "import jax.extend.core\n"},
        "compat.py, relu_jax/tap/other.py: one file alone",
    ),
    "pickle": (layout.pickles, {"relu_jax/core/a.py": "import pickle\n"}, "a.py:1: pickle"),
    "pickle in a test": (
        layout.pickles,
        {"tests/core/test_a.py": "def f():\n    from dill import load\n"},
        "test_a.py:2: pickle",
    ),
    "pickle by permission": (
        layout.pickles,
        {"relu_jax/core/a.py": "np.load(x, allow_pickle=yes)\n"},
        "a.py:1: pickle",
    ),
    "no example": (
        layout.functions_without_example,
        {"relu_jax/core/a.py": 'def f():\n    """Do it."""\n'},
        "a.py:1: f: no example",
    ),
    "no docstring": (
        layout.functions_without_example,
        {"relu_jax/core/a.py": "def f():\n    pass\n"},
        "a.py:1: f: no example",
    ),
    "an exported function without example": (
        layout.functions_without_example,
        {
            "relu_jax/tap/__init__.py": "from relu_jax.tap.a import f\n__all__ = ['f']\n",
            "relu_jax/tap/a.py": "def f():\n    pass\ndef internal():\n    pass\n",
        },
        "a.py:1: f: no example",
    ),
    "a path": (layout.machine_traces, {"README.md": f"see {HOME}x\n"}, f"README.md:1: {HOME}"),
    "a host": (layout.machine_traces, {"a.toml": f"\nhttps://{HOST}\n"}, f"a.toml:2: {HOST}"),
    "a file that is gone": (
        layout.dead_references,
        {"docs/a.md": "`relu_jax/core/gone.py`, relu_jax/core/a.py, tests/core/test_a.py.\n"},
        "docs/a.md: names relu_jax/core/gone.py",
    ),
    "an address in a lock": (
        layout.loose_locks,
        {"requirements-floor.lock": "--index-url https://example.com/simple\n"},
        "floor.lock:1: --index-url",
    ),
    "a lock without version": (
        layout.loose_locks,
        {"requirements-newest.lock": "jax>=0.10 \\\n"},
        "newest.lock:1: jax>=0.10",
    ),
}


@pytest.mark.parametrize(("rule", "files", "complaint"), BREACHES.values(), ids=BREACHES)
def test_breaches_are_noticed(tmp_path, rule, files, complaint):
    found = rule(plant(tmp_path, files))
    assert len(found) == 1, found
    assert complaint in found[0]


def test_long_files_are_noticed_longest_first(tmp_path):
    root = plant(tmp_path, {"tests/a.py": "\n" * 301, "relu_jax/core/a.py": "\n" * 451})
    assert layout.files_over(root, layout.HARD_LINES) == ["relu_jax/core/a.py: 451 lines, over 450"]
    assert len(layout.files_over(root, layout.SOFT_LINES)) == 2


def test_binary_files_are_passed_over(tmp_path):
    (plant(tmp_path, {}) / "digits.npz").write_bytes(b"\xff\xfe" + HOME.encode())
    assert layout.machine_traces(tmp_path) == []


@pytest.mark.parametrize("lock", ["floor", "newest", "torch", "models"])
def test_the_locks_hold_every_requirement(lock):
    text = (ROOT / f"requirements-{lock}.lock").read_text()
    locked = set(re.findall(r"^([a-z0-9-]+)==", text, flags=re.MULTILINE))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = [v for k, v in project["optional-dependencies"].items() if k in ("test", "dev", lock)]
    wanted = chain(project["dependencies"], *extras)
    names = {re.match(r"[a-z0-9-]+", requirement.lower()).group() for requirement in wanted}
    assert names - {"relu-jax"} <= locked


def test_the_locks_hold_the_two_jax_releases():
    pinned = [
        re.search(r"^jax==(\S+)", (ROOT / f"requirements-{lock}.lock").read_text(), re.MULTILINE)
        for lock in ("floor", "newest")
    ]
    assert [match.group(1) for match in pinned] == ["0.10.2", "0.12.0.1"]


def test_every_dependency_has_its_reason_beside_it():
    lines = (ROOT / "pyproject.toml").read_text().splitlines()
    wanted = [line for line in lines if re.match(r' +"[a-z0-9-]+(\[.*\])?>=[\d.]+(,<\d+)?",', line)]
    assert len(wanted) == 25
    assert [line for line in wanted if not re.search(r",\s+# \w+", line)] == []
