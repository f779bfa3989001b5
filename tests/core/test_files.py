"""Is a file there whole or not at all, and is what stood there kept?"""

import os
import stat

import pytest

from relu_jax.core import files
from relu_jax.core.errors import UsageError


def test_text_and_bytes_arrive(tmp_path):
    files.write_text(tmp_path / "a.html", "ß\n")
    files.write_bytes(str(tmp_path / "b.bin"), b"\x00\xff")
    assert (tmp_path / "a.html").read_bytes() == "ß\n".encode()
    assert (tmp_path / "b.bin").read_bytes() == b"\x00\xff"
    assert sorted(os.listdir(tmp_path)) == ["a.html", "b.bin"]


def test_lone_surrogates_are_escaped(tmp_path):
    files.write_text(tmp_path / "a", "x\udc80")
    assert (tmp_path / "a").read_bytes() == b"x\\udc80"


def test_permissions_are_those_of_any_new_file(tmp_path):
    (tmp_path / "plain").touch()
    files.write_bytes(tmp_path / "ours", b"")
    modes = {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("plain", "ours")}
    assert len(modes) == 1


def test_an_existing_file_is_kept_unless_forced(tmp_path):
    path = tmp_path / "a"
    path.write_text("old")
    with pytest.raises(UsageError, match=r"an existing file is kept; got .*--force"):
        files.write_text(path, "new")
    assert path.read_text() == "old"
    files.write_text(path, "new", force=True)
    assert path.read_text() == "new"


def test_a_link_is_replaced_not_followed(tmp_path):
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("old")
    link.symlink_to(target)
    files.write_text(link, "new", force=True)
    assert (target.read_text(), link.read_text()) == ("old", "new")
    assert not link.is_symlink()


def test_a_dangling_link_counts_as_existing(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(UsageError, match="an existing file is kept"):
        files.write_text(tmp_path / "link", "new")


def test_missing_and_closed_folders_are_named(tmp_path):
    (tmp_path / "file").touch()
    for path in (tmp_path / "no" / "a", tmp_path / "file" / "a"):
        with pytest.raises(UsageError, match=r"folder that can be written; got .*no folder"):
            files.write_text(path, "x")
    with pytest.raises(UsageError, match="it is a folder"):
        files.write_text(tmp_path, "x", force=True)
    assert os.listdir(tmp_path) == ["file"]


def test_a_folder_without_permission_is_refused(tmp_path, monkeypatch):
    # Root may write anywhere: the answer of the system is played back.
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(UsageError, match="closed to writing"):
        files.write_text(tmp_path / "a", "x")


def test_a_failing_disk_leaves_no_partial_file(tmp_path, monkeypatch):
    def full(_):
        raise OSError(28, "No space left on device")

    (tmp_path / "a").write_text("old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UsageError, match="No space left on device"):
        files.write_text(tmp_path / "a", "new", force=True)
    assert os.listdir(tmp_path) == ["a"]
    assert (tmp_path / "a").read_text() == "old"


def test_an_interrupt_leaves_no_partial_file(tmp_path, monkeypatch):
    def interrupted(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        files.write_text(tmp_path / "a", "new")
    assert os.listdir(tmp_path) == []


def test_names_as_long_as_the_system_allows_are_written(tmp_path):
    files.write_text(tmp_path / ("n" * 255), "x")
    with pytest.raises(UsageError, match="File name too long"):
        files.write_text(tmp_path / ("n" * 256), "x")


def test_refusal_comes_before_the_work(tmp_path):
    files.refuse_unwritable(tmp_path / "a")
    (tmp_path / "a").touch()
    files.refuse_unwritable(tmp_path / "a", force=True)
    with pytest.raises(UsageError, match="an existing file is kept"):
        files.refuse_unwritable(tmp_path / "a")
