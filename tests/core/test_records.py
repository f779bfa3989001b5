"""Does a record come back exactly, and is a changed one refused by name?"""

import math
import os

import jax.numpy as jnp
import numpy as np
import pytest

from relu_jax.core import records
from relu_jax.core.errors import UsageError
from relu_jax.core.records import Record, load, save

ARRAYS = {
    "plain": np.arange(6, dtype=np.float32).reshape(2, 3),
    "file": np.array(1.5),
    "../../outside": np.zeros((0, 3), np.int8),
    "": np.array(["a", "ß"]),
    "bfloat16": np.asarray(jnp.array([1.0, jnp.nan, -0.0], jnp.bfloat16)),
    "float8": np.asarray(jnp.array([0.5, 2.0], jnp.float8_e4m3fn)),
    "big endian": np.array([1, 2], ">i4"),
    "fortran": np.asfortranarray(np.eye(3)),
    "complex": np.array([1j, np.inf]),
    "bool": np.array([True, False]),
    "rows": np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]),
}


def small(**metrics):
    return Record({"depth": 8}, metrics, {"w": np.arange(3)}, {"key": [0, 7]})


def test_a_record_comes_back_exactly(tmp_path):
    record = Record({"a": [1, None]}, {"nan": math.nan, "x": -0.0}, ARRAYS, {"seconds": 0.1})
    save(record, tmp_path / "run.json")
    back = load(tmp_path / "run.json")
    assert repr(back._replace(arrays={})) == repr(record._replace(arrays={}))
    assert list(back.arrays) == list(ARRAYS)
    for name, array in ARRAYS.items():
        assert back.arrays[name].dtype == array.dtype, name
        assert back.arrays[name].shape == array.shape, name
        assert back.arrays[name].tobytes() == array.tobytes(), name


def test_jax_arrays_come_back_as_numpy(tmp_path):
    save(small()._replace(arrays={"w": jnp.ones(2)}), tmp_path / "run.json")
    assert type(load(tmp_path / "run.json").arrays["w"]) is np.ndarray


def test_without_arrays_there_is_one_file(tmp_path):
    save(small()._replace(arrays={}), tmp_path / "run.json")
    assert os.listdir(tmp_path) == ["run.json"]
    assert load(tmp_path / "run.json").arrays == {}


def test_equal_records_give_equal_bytes(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        save(small(loss=1.0), tmp_path / folder / "run.json")
    names = sorted(os.listdir(tmp_path / "a"))
    assert names == sorted(os.listdir(tmp_path / "b"))
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_an_existing_record_is_kept_unless_forced(tmp_path):
    save(small(loss=1.0), tmp_path / "run.json")
    before = sorted(os.listdir(tmp_path))
    other = small(loss=2.0)._replace(arrays={"w": np.ones(2)})
    with pytest.raises(UsageError, match="an existing file is kept"):
        save(other, tmp_path / "run.json")
    assert sorted(os.listdir(tmp_path)) == before
    save(other, tmp_path / "run.json", force=True)
    assert load(tmp_path / "run.json").metrics == {"loss": 2.0}
    assert len(os.listdir(tmp_path)) == 2, "the arrays of the old record are gone"


def test_a_kill_between_the_two_files_leaves_the_old_record(tmp_path, monkeypatch):
    save(small(loss=1.0), tmp_path / "run.json")
    other = small(loss=2.0)._replace(arrays={"w": np.ones(2)})

    def killed(*_, **__):
        raise SystemExit

    monkeypatch.setattr(records, "write_text", killed)
    with pytest.raises(SystemExit):
        save(other, tmp_path / "run.json", force=True)
    assert load(tmp_path / "run.json").metrics == {"loss": 1.0}
    assert len(os.listdir(tmp_path)) == 2


def test_forcing_over_a_foreign_file_touches_nothing_else(tmp_path):
    (tmp_path / "thesis.npz").write_text("years of work")
    listed = {"file": "thesis.npz", "sha256": "0" * 64, "members": []}
    for plant in (lambda path: path.write_text("{}"), lambda path: forge(path, listed)):
        plant(tmp_path / "run.json")
        save(small(), tmp_path / "run.json", force=True)
        assert (tmp_path / "thesis.npz").read_text() == "years of work"


def test_a_record_may_be_renamed(tmp_path):
    save(small(loss=1.0), tmp_path / "run.json")
    (tmp_path / "run.json").rename(tmp_path / "best.json")
    assert load(tmp_path / "best.json").arrays["w"].tolist() == [0, 1, 2]


@pytest.mark.parametrize("suffix", [".json", ".npz"])
def test_one_flipped_bit_is_refused_by_name(tmp_path, suffix):
    save(small(loss=0.25), tmp_path / "run.json")
    (path,) = tmp_path.glob(f"*{suffix}")
    content = bytearray(path.read_bytes())
    place = content.index(b"0.25") if suffix == ".json" else len(content) // 2
    content[place] ^= 1
    path.write_bytes(content)
    with pytest.raises(UsageError, match=f"{path.name}.*changed since it was written"):
        load(tmp_path / "run.json")


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"\xff\xfe", b'{"schema": "other/1"}'])
def test_what_is_no_record_is_refused_by_name(tmp_path, content):
    (tmp_path / "run.json").write_bytes(content)
    with pytest.raises(UsageError, match=r"a record is read as it was written; got .*run\.json"):
        load(tmp_path / "run.json")


def test_missing_files_are_named(tmp_path):
    with pytest.raises(UsageError, match=r"run\.json.*No such file"):
        load(tmp_path / "run.json")
    save(small(), tmp_path / "run.json")
    next(tmp_path.glob("*.npz")).unlink()
    with pytest.raises(UsageError, match=r"run\.[0-9a-f]{16}\.npz.*No such file"):
        load(tmp_path / "run.json")


@pytest.mark.parametrize("name", ["../x.npz", "/etc/x.npz", "..", "", "x.bin"])
def test_arrays_outside_the_folder_are_refused(tmp_path, name):
    forge(tmp_path / "run.json", {"file": name, "sha256": "", "members": []})
    with pytest.raises(UsageError, match=r"no plain \.npz file of its folder"):
        load(tmp_path / "run.json")


def test_a_link_to_arrays_is_refused(tmp_path):
    save(small(), tmp_path / "run.json")
    (arrays,) = tmp_path.glob("*.npz")
    arrays.rename(tmp_path / "elsewhere")
    arrays.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match=r"no plain \.npz file of its folder"):
        load(tmp_path / "run.json")


def test_forged_records_are_refused_not_believed(tmp_path):
    path = tmp_path / "run.json"
    for arrays in (None, {}, {"file": 3, "sha256": "", "members": []}):
        forge(path, arrays)
        with pytest.raises(UsageError, match=r"run\.json"):
            load(path)
    (tmp_path / "a.npz").write_bytes(b"no archive")
    forge(path, {"file": "a.npz", "sha256": records._sum(b"no archive"), "members": [{}]})
    with pytest.raises(UsageError, match=r"a\.npz"):
        load(path)


def test_objects_are_refused_because_nothing_is_pickled(tmp_path):
    with pytest.raises(TypeError, match="arrays hold numbers or text; got 'w', object array"):
        save(small()._replace(arrays={"w": np.array([object()])}), tmp_path / "run.json")
    assert os.listdir(tmp_path) == []


def test_names_end_in_json(tmp_path):
    with pytest.raises(UsageError, match=r"ends in \.json; got 'run\.txt'; call it run\.json"):
        save(small(), tmp_path / "run.txt")


def forge(path, arrays):
    body = {"config": {}, "metrics": {}, "provenance": {}, "arrays": arrays}
    total = records._sum(records.to_json(body).encode())
    path.write_text(records.to_json({"schema": records.SCHEMA, "sha256": total, "record": body}))
