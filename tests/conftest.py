"""What every test runs under: strict promotion, checked shapes, checked tracers, CPU only."""

import gc
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

# The backend is chosen when jax first runs something: say so before anything imports it.
os.environ["JAX_PLATFORMS"] = "cpu"
# XLA's CPU compiler writes out a loop over less than a kilobyte with other roundings than any
# larger one, on some processors: bit-equality is then a matter of how small the test is.
os.environ["XLA_FLAGS"] = " ".join(
    [os.environ.get("XLA_FLAGS", ""), "--xla_disable_hlo_passes=small-while-loop-hoisting"]
)
# For the workers of xdist, one on each core: more threads for NumPy's matrices only wait there.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import jax
import pytest
from jaxtyping import install_import_hook

from tests import layout

ROOT = Path(__file__).parent.parent

if any(name.split(".")[0] == "relu_jax" for name in sys.modules):
    raise RuntimeError(
        "the shape checks are installed before relu_jax is imported; got it imported already; "
        "run pytest without -p or --import-mode options that load the package first"
    )
# The tower: an int is welcome where a float is asked for, as in every type checker.
CHECKER = "beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))"
# Not where no annotation names a shape: to check their small functions, called a million times, was
# a third of the time of all tests.
SHAPELESS = ("tap", "report")
CHECKED = [p.stem for p in ROOT.glob("relu_jax/[a-z]*") if p.stem not in SHAPELESS]
install_import_hook([f"relu_jax.{part}" for part in CHECKED], CHECKER)

jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_numpy_dtype_promotion", "strict")

# It takes as long as all else: .ci/run has it on one of the two JAX releases.
LEAKS = os.environ.get("RELU_JAX_LEAKS") == "1"
BROWSERS = ("chromium", "chromedriver")
# Tests that do not ask for the last bits of a number: a third of their time was XLA optimising
# programs that run once.
JUDGED = {
    "diagnosis", "experiments", "fuzz", "models", "report", "scripts", "theory", "training",
    "test_backward.py", "test_observe.py", "test_slope_fits.py",
    "test_cli.py", "test_cli_activations.py", "test_import.py", "test_readme.py",
}  # fmt: skip


@pytest.fixture(scope="session", autouse=True)
def _on_cpu() -> None:
    """Refuse to run on an accelerator: the expected numbers are those of the CPU."""
    assert jax.default_backend() == "cpu", f"tests run on the CPU; got {jax.default_backend()}"


@pytest.fixture(scope="session", autouse=True)
def _catalogue_is_read(request: pytest.FixtureRequest) -> None:
    """Read the catalogue before a test does it under the leak check, at 50 times the time."""
    if hasattr(request.config, "workerinput"):  # a whole run; a single file reads what it needs
        from relu_jax.activations import CATALOGUE
        from relu_jax.tap import references

        for act in CATALOGUE:
            for dtype in ("float32", "bfloat16", "float16"):
                references.read(act.fn, tuple(act.params), dtype)


@pytest.fixture(autouse=True)
def _strict(request: pytest.FixtureRequest) -> Iterator[None]:
    """Refuse mixed dtypes and, where asked, escaped tracers; a marker opts out with its reason.

    Thorough tests run without the check for tracers: it retraces every primitive, up to 20 times
    the time. tests/theory/test_tracers.py has it for what only they test.
    """
    marked = request.node.get_closest_marker
    looked_for = LEAKS or request.path.name == "test_strictness.py"  # which tests the check itself
    with ExitStack() as checks:
        if marked("standard_promotion"):
            checks.enter_context(jax.numpy_dtype_promotion("standard"))
        if looked_for and not (marked("leaks_unchecked") or marked("thorough")):
            gc.freeze()  # what was made before this test holds no tracer of it
            checks.enter_context(jax.checking_leaks())
        yield


def pytest_runtest_protocol(item: pytest.Item) -> None:
    """Choose how a test compiles: before its fixtures, here and in the processes it starts."""
    quickly = not JUDGED.isdisjoint(item.path.relative_to(ROOT / "tests").parts)
    jax.config.update("jax_disable_most_optimizations", quickly)
    os.environ["JAX_DISABLE_MOST_OPTIMIZATIONS"] = str(int(quickly))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip, with the reason, what needs a data folder or a browser that is not here."""
    if item.get_closest_marker("data") and not os.environ.get("RELU_JAX_DATA"):
        pytest.skip("RELU_JAX_DATA names no folder of image files")
    missing = [name for name in BROWSERS if shutil.which(name) is None]
    if item.get_closest_marker("browser") and missing:
        if os.environ.get("RELU_JAX_REQUIRE_BROWSER") == "1":
            pytest.fail(f"RELU_JAX_REQUIRE_BROWSER=1, but {', '.join(missing)} is not installed")
        pytest.skip(f"{', '.join(missing)} is not installed")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Offer the other half of the tests."""
    parser.addoption("--thorough", action="store_true", help="run the tests marked thorough, alone")


def pytest_collection_finish() -> None:
    """Spare what is imported by now: the leak check collects garbage after every trace."""
    gc.collect()
    gc.freeze()


MAPS = Path("/proc/self/maps")  # of Linux; elsewhere there is no such limit
MANY_MAPS = 12_000  # and some two gigabytes


@pytest.fixture(scope="module", autouse=True)
def _programs_are_forgotten() -> Iterator[None]:
    """Drop compiled programs before the kernel refuses more of them.

    Each holds a dozen mappings of memory, of which Linux allows a process 65 530: at 7 700 tests
    a worker crashed.
    """
    yield
    if MAPS.exists() and MAPS.read_bytes().count(b"\n") > MANY_MAPS:
        jax.clear_caches()
        gc.unfreeze()
        gc.collect()
        gc.freeze()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep one half of the tests: those marked thorough, or the others."""
    refuse_bare_marks(items)
    thorough = config.getoption("--thorough")
    left = [i for i in items if bool(i.get_closest_marker("thorough")) != thorough]
    config.hook.pytest_deselected(items=left)
    items[:] = [i for i in items if bool(i.get_closest_marker("thorough")) == thorough]


def refuse_bare_marks(items: list[pytest.Item]) -> None:
    """Refuse an opt-out that gives no reason."""
    for item in items:
        for name in ("leaks_unchecked", "standard_promotion", "thorough"):
            marker = item.get_closest_marker(name)
            if marker is not None and not (marker.args and str(marker.args[0]).strip()):
                raise pytest.UsageError(f"{item.nodeid}: {name} needs its reason in words")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """List the files over the soft length limit: worth a look, no failure."""
    long = layout.files_over(ROOT, layout.SOFT_LINES)
    for line in long:
        terminalreporter.write_line(f"long file: {line}")
