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


def test_a_device_or_pipe_is_not_replaced(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    link = tmp_path / "link"
    link.symlink_to(pipe)
    for path in (pipe, link, "/dev/null"):
        with pytest.raises(UsageError, match="a device, a pipe or a socket"):
            files.write_text(path, "new", force=True)
    assert pipe.is_fifo()


def test_a_name_that_ends_as_a_folder_is_refused(tmp_path):
    with pytest.raises(UsageError, match="it ends in /, as a folder does; give a file name"):
        files.refuse_unwritable(f"{tmp_path}/page.html/")


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


NEW = {"a": b"new a", "b": b"new b"}


def contents(folder):
    """Read every file of a folder, hidden ones too."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def full_at(monkeypatch, what, number):
    """Let the call with that number fail as on a full disk."""
    real, calls = getattr(os, what), []

    def failing(*args, **options):
        calls.append(args)
        if len(calls) == number:
            raise OSError(28, "No space left on device", *map(str, args[:1]), None, *args[1:2])
        return real(*args, **options)

    monkeypatch.setattr(os, what, failing)


@pytest.mark.parametrize("step", ["fsync", "replace"])
@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("there", [{}, {"a": b"old a"}, {"b": b"old b"}, dict(a=b"old", b=b"old")])
def test_of_two_files_both_or_none_are_written(tmp_path, monkeypatch, step, number, there):
    for name, content in there.items():
        (tmp_path / name).write_bytes(content)
    wanted = {tmp_path / name: content for name, content in NEW.items()}
    with monkeypatch.context() as patch:
        full_at(patch, step, number)
        with pytest.raises(UsageError, match=rf"{'ab'[number - 1]}': No space left on device"):
            files.write_together(wanted, force=True)
    assert contents(tmp_path) == there
    files.write_together(wanted, force=True)
    assert contents(tmp_path) == NEW


def test_of_two_files_one_that_exists_keeps_both(tmp_path):
    (tmp_path / "b").write_bytes(b"old")
    with pytest.raises(UsageError, match=r"an existing file is kept; got .*b'"):
        files.write_together({tmp_path / name: content for name, content in NEW.items()})
    assert contents(tmp_path) == {"b": b"old"}


def test_without_second_names_two_files_are_written_all_the_same(tmp_path, monkeypatch):
    def unsupported(*_, **__):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(os, "link", unsupported)
    for name in NEW:
        (tmp_path / name).write_bytes(b"old")
    files.write_together({tmp_path / name: content for name, content in NEW.items()}, force=True)
    assert contents(tmp_path) == NEW


@pytest.mark.parametrize("spelling", ["a", "./a", "folder/../a", "link"])
def test_one_file_by_two_names_is_refused(tmp_path, monkeypatch, spelling):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("a")
    for force in (True, False):
        with pytest.raises(UsageError, match=r"a file of its own; got 'a' and .*; give one of"):
            files.refuse_unwritable("a", spelling, force=force)
    assert not (tmp_path / "a").exists()


def test_a_name_with_nul_is_refused(tmp_path):
    for names in (["a\0b"], ["a\0b", "c"], ["a\0b", "a\0b"]):
        with pytest.raises(UsageError, match="a name holds no NUL character"):
            files.refuse_unwritable(*(tmp_path / name for name in names))
    assert contents(tmp_path) == {}


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
