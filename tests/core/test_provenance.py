"""Does a record tell what produced it, without telling where?"""

import platform
import time
from datetime import datetime
from importlib import metadata

import jax
import pytest

import relu_jax
from relu_jax.core import provenance as module
from relu_jax.core.provenance import hash_source, provenance
from relu_jax.core.strict_json import from_json, to_json


def test_versions_are_those_installed():
    versions = provenance()["versions"]
    assert versions["python"] == platform.python_version()
    assert versions["jax"] == jax.__version__
    assert versions["optax"] == metadata.version("optax")
    assert versions["relu_jax"] == relu_jax.__version__


def test_a_missing_package_is_said(monkeypatch):
    monkeypatch.setattr(module, "_PACKAGES", ("no-such-package-of-ours",))
    assert provenance()["versions"]["no_such_package_of_ours"] == "not installed"


def test_device_time_and_command():
    told = provenance(started=time.perf_counter() - 2.0, command="relu-jax report")
    assert told["device"] == {"kind": jax.devices()[0].device_kind, "count": jax.device_count()}
    assert 2.0 <= told["seconds"] < 60.0
    assert told["command"] == "relu-jax report"
    assert datetime.fromisoformat(told["created"]).utcoffset().total_seconds() == 0


@pytest.mark.parametrize("key", [jax.random.key, jax.random.PRNGKey], ids=["typed", "words"])
def test_a_key_is_told_by_its_words(key):
    assert provenance(key=key(7))["key"] == [0, 7]


def test_what_was_not_given_is_none_and_all_of_it_is_json():
    told = provenance()
    assert (told["key"], told["seconds"], told["command"]) == (None, None, None)
    assert from_json(to_json(told)) == told


def test_source_hash_follows_names_and_contents_only(tmp_path):
    def tree(name, **contents):
        for file, content in contents.items():
            (tmp_path / name / "sub").mkdir(parents=True, exist_ok=True)
            (tmp_path / name / "sub" / file).write_text(content)
        return hash_source(tmp_path / name)

    same = {tree("first", a="1", b="2"), tree("second", b="2", a="1")}
    assert len(same) == 1
    assert not same & {tree("third", a="2", b="1"), tree("fourth", a="1"), tree("fifth", a="12")}


def test_source_hash_leaves_out_compiled_caches(tmp_path):
    (tmp_path / "a.py").write_text("1")
    before = hash_source.__wrapped__(tmp_path)
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "a.pyc").write_text("x")
    assert hash_source.__wrapped__(tmp_path) == before
