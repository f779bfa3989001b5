"""Are all activations of other people's models found, and nothing else, in value and gradient?

Counts per kind come from the models' own configurations.
"""

import importlib.util
from collections import Counter
from collections.abc import Iterator

import jax
import jax.numpy as jnp
import pytest

from relu_jax import tap

pytestmark = [
    pytest.mark.models,
    pytest.mark.thorough("the largest models take seconds each to trace"),
    pytest.mark.filterwarnings("ignore"),  # of their libraries, about themselves
]
NEEDED = {"keras": "keras", "haiku": "haiku", "flax": "transformers", "equinox": "equimo"}


@pytest.fixture(autouse=True)
def _as_they_are() -> Iterator[None]:
    """Let models mix dtypes and ranks: they were written for JAX as it comes."""
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


def pytest_generate_tests(metafunc):
    """Import the libraries only where their models are asked for: it takes seconds."""
    thorough = metafunc.config.getoption("--thorough")
    metafunc.parametrize(("file", "name"), list(_rows()) if thorough else [("", "")])


def _rows():
    """Yield every model's name; a library that is missing is one row, skipped with its reason."""
    for file, library in NEEDED.items():
        if importlib.util.find_spec(library) is None:
            reason = f"{library} is not installed: make models"
            yield pytest.param(file, "", marks=pytest.mark.skip(reason=reason), id=file)
            continue
        models = importlib.import_module(f"tests.tap.models.{file}_models").MODELS
        yield from (pytest.param(file, name, id=f"{file}: {name}") for name in models)


def _built(file, name):
    return importlib.import_module(f"tests.tap.models.{file}_models").MODELS[name]()


def _loss(f):
    def loss(*args):
        floats = [leaf for leaf in jax.tree.leaves(f(*args)) if leaf.dtype == jnp.float32]
        heads = (leaf @ jnp.ones((leaf.shape[-1], 2)) for leaf in floats)  # as users put one
        return sum(jnp.mean(head**2) for head in heads)

    return loss


def test_the_activations_of_a_model_are_those_of_its_configuration(file, name):
    model = _built(file, name)
    programs = [model.f]
    if model.differentiable:
        programs.append(jax.value_and_grad(_loss(model.f)))
    for program in programs:
        sites = tap.sites(program, *model.args)
        assert Counter(site.kind for site in sites) == model.expected
        assert not sites.coverage.opaque
        assert len({site.id for site in sites}) == len(sites)
        assert all(site.path for site in sites)
