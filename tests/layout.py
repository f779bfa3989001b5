"""The rules of the house, each a function from a tree of files to a list of complaints."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

PACKAGE = "relu_jax"
SOFT_LINES, HARD_LINES = 300, 450

# What each layer may import besides itself. The root (__init__, cli) may import everything.
LAYERS: dict[str, tuple[str, ...]] = {
    "core": (),
    "activations": ("core",),
    "theory": ("core", "activations"),
    "tap": ("core",),
    "data": ("core",),
    "models": ("core", "activations"),
    "training": ("core",),
    "analyses": ("core", "activations", "theory", "tap"),
    "diagnosis": (
        "core", "activations", "theory", "tap", "data", "models", "training", "analyses",
    ),
    "experiments": (
        "core", "activations", "theory", "tap", "data", "models", "training", "analyses",
        "diagnosis",
    ),
    "report": ("core",),
}  # fmt: skip
ROOT_FILES = ("__init__.py", "cli.py")
PICKLERS = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
VAGUE_NAMES = {"utils", "util", "helpers", "helper", "misc", "manager", "managers"}
# In pieces, so that this file does not trip over itself.
MACHINE = re.compile(
    "|".join(["/" + part + "/" for part in ("work", "tmp", "root", "farm", "home/[a-z]+", "opt")])
    + "|"
    + "|".join([r"pypi\." + "org", "python" + "hosted", r"registry\." + "npmjs"])
)


def python_files(root: Path, folder: str = PACKAGE) -> list[Path]:
    """List the Python files under one folder of the tree."""
    return sorted(path for path in (root / folder).rglob("*.py"))


def project_files(root: Path) -> list[Path]:
    """List what git tracks or would track; in a plain folder, every file."""
    if not (root / ".git").exists():
        return sorted(path for path in root.rglob("*") if path.is_file())
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout
    return sorted(path for name in listed.split("\0") if name and (path := root / name).is_file())


def layer_of(parts: tuple[str, ...]) -> str:
    """Name the layer of a path or module below the package; the root is ``""``."""
    return parts[0] if len(parts) > 1 or (parts and parts[0] in LAYERS) else ""


def modules_named(tree: ast.AST, package: tuple[str, ...]) -> Iterator[tuple[int, str]]:
    """Yield the line and full name of every module a file imports, wherever it does so."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) + 1 - node.level]) if node.level else ""
            name = ".".join(part for part in (base, node.module or "") if part)
            # `from relu_jax import tap` names the module tap, not the root alone.
            yield from ((node.lineno, f"{name}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Call) and _is_import_call(node):
            text = node.args[0]
            if isinstance(text, ast.Constant) and isinstance(text.value, str):
                yield node.lineno, text.value


def _is_import_call(node: ast.Call) -> bool:
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    return name in ("import_module", "__import__") and bool(node.args)


def imports_against_the_layers(root: Path) -> list[str]:
    """Complain about imports that go sideways or upward, also inside functions."""
    found = []
    for path in python_files(root):
        below = path.relative_to(root / PACKAGE).parts
        layer = layer_of(below)
        if not layer and below[0] not in ROOT_FILES:
            found.append(f"{PACKAGE}/{below[0]}: only {' and '.join(ROOT_FILES)} stand at the root")
        if layer and layer not in LAYERS:
            found.append(f"{PACKAGE}/{layer}/: no such layer; add it to LAYERS and the design")
        if layer not in LAYERS:
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for line, module in modules_named(tree, (PACKAGE, *below[:-1])):
            parts = tuple(module.split("."))
            if parts[0] != PACKAGE:
                continue
            target = parts[1] if len(parts) > 1 and parts[1] in LAYERS else "the root"
            if target not in (layer, *LAYERS[layer]):
                found.append(f"{path.relative_to(root)}:{line}: {layer} imports {target}")
    return found


def files_without_tests(root: Path) -> list[str]:
    """Complain about package files whose test file is not at the mirrored place."""
    found = []
    for path in python_files(root):
        below = path.relative_to(root / PACKAGE)
        mirror = Path("tests") / below.with_name(f"test_{below.name}")
        if below.name != "__init__.py" and not (root / mirror).is_file():
            found.append(f"{PACKAGE}/{below.as_posix()}: no {mirror.as_posix()}")
    return found


def folders_without_package(root: Path) -> list[str]:
    """Complain about test folders that mirror nothing."""
    mirrored = (PACKAGE, "scripts", "benchmarks")
    return [
        f"tests/{folder.name}/: mirrors no folder of {PACKAGE}/"
        for folder in sorted((root / "tests").iterdir())
        if folder.is_dir()
        and any(folder.rglob("*.py"))
        and folder.name not in mirrored
        and not (root / PACKAGE / folder.name).is_dir()
    ]


def line_counts(root: Path) -> dict[str, int]:
    """Count the lines of every Python file of the project."""
    return {
        path.relative_to(root).as_posix(): len(path.read_bytes().splitlines())
        for path in project_files(root)
        if path.suffix == ".py"
    }


def files_over(root: Path, limit: int) -> list[str]:
    """Name the files longer than a limit, longest first."""
    counts = sorted(line_counts(root).items(), key=lambda item: (-item[1], item[0]))
    return [f"{name}: {lines} lines, over {limit}" for name, lines in counts if lines > limit]


def vague_names(root: Path) -> list[str]:
    """Complain about files named after no subject."""
    return [
        f"{path.relative_to(root)}: name it after its subject"
        for path in project_files(root)
        if path.suffix == ".py" and path.stem in VAGUE_NAMES
    ]


def jax_internals(root: Path) -> list[str]:
    """Complain unless all contact with JAX's inside is in one file of tap/."""
    users = [path for path in python_files(root) if _touches_internals(path)]
    names = [path.relative_to(root).as_posix() for path in users]
    outside = [name for name in names if not name.startswith(f"{PACKAGE}/tap/")]
    found = [f"{name}: touches jax.extend or jax._src outside tap/" for name in outside]
    if len(names) > 1:
        found.append(f"{', '.join(names)}: one file alone touches jax.extend or jax._src")
    return found


def _touches_internals(path: Path) -> bool:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    named = [module for _, module in modules_named(tree, ())]
    reached = [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    return any(re.match(r"(jax\.(extend|_src)|jaxlib)\b", name) for name in named + reached)


def pickles(root: Path) -> list[str]:
    """Complain about every way to run code while reading data."""
    found = []
    for path in project_files(root):
        if path.suffix != ".py":
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        lines = [n for n, module in modules_named(tree, ()) if module.split(".")[0] in PICKLERS]
        lines += [
            node.value.lineno
            for node in ast.walk(tree)
            if isinstance(node, ast.keyword)
            and node.arg == "allow_pickle"
            and not (isinstance(node.value, ast.Constant) and node.value.value is False)
        ]
        found += [f"{path.relative_to(root)}:{line}: pickle" for line in lines]
    return found


def functions_without_example(root: Path) -> list[str]:
    """Complain about public functions whose docstring shows no example.

    Public is what a folder's ``__init__`` lists in ``__all__``; in a folder that lists
    nothing, every function without a leading underscore.
    """
    found = []
    for path in python_files(root):
        if path.name == "__init__.py":
            continue
        exported = _exported(path.parent / "__init__.py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if not isinstance(node, ast.FunctionDef) or node.name.startswith("_"):
                continue
            public = exported is None or (path.stem, node.name) in exported
            if public and ">>>" not in (ast.get_docstring(node) or ""):
                found.append(f"{path.relative_to(root)}:{node.lineno}: {node.name}: no example")
    return found


def _exported(init: Path) -> set[tuple[str, str]] | None:
    """List (module, function) pairs a folder makes public, or None where it lists nothing."""
    tree = ast.parse(init.read_text(encoding="utf-8") if init.is_file() else "")
    if not any(
        isinstance(node, ast.Assign) and "__all__" in ast.unparse(node) for node in tree.body
    ):
        return None
    return {
        ((node.module or "").rsplit(".", 1)[-1], alias.name)
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def machine_traces(root: Path) -> list[str]:
    """Complain about paths of one machine and hosts of registries."""
    found = []
    for path in project_files(root):
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except UnicodeDecodeError:
            continue
        found += [
            f"{path.relative_to(root)}:{number}: {match.group()}"
            for number, line in enumerate(lines, start=1)
            if (match := MACHINE.search(line))
        ]
    return found


def dead_references(root: Path) -> list[str]:
    """Complain about files that the documents name and the tree does not hold."""
    named = re.compile(rf"(?<![\w/.-])((?:{PACKAGE}|tests|docs|scripts|benchmarks)/[\w/.-]*\w)")
    return [
        f"{path.relative_to(root)}: names {match}, which is not there"
        for path in (*sorted(root.glob("*.md")), *sorted((root / "docs").glob("*.md")))
        for match in dict.fromkeys(named.findall(path.read_text(encoding="utf-8")))
        if "." in match and not (root / match).exists()
    ]


def loose_locks(root: Path) -> list[str]:
    """Complain about lock lines that are not a name with a version or a hash."""
    pinned = re.compile(r"[a-z0-9-]+==[\w.]+( ; [^#@:]+)? \\")
    hashed = re.compile(r"    --hash=sha256:[0-9a-f]{64}( \\)?")
    return [
        f"{path.name}:{number}: {line}"
        for path in sorted(root.glob("requirements-*.lock"))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if not pinned.fullmatch(line) and not hashed.fullmatch(line)
    ]
