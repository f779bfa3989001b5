"""Does TensorBoard get the numbers that the log has?"""

import sys
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import pytest

from relu_jax.diagnosis import monitor
from relu_jax.diagnosis.tensorboard import TensorBoard

WANTED = {"w/rms_pre": 1.0, "w/silent": 1.0, "w/zeros": 0.5, "accuracy": 0.25, "loss": 0.5}


@pytest.fixture(scope="module")
def stats():
    step = jax.jit(monitor.value_and_grad(lambda w, x: jnp.mean(jax.nn.relu(x @ w))))
    return step(jnp.asarray([[1.0, -1.0]]), jnp.ones((4, 1)))[0][1]


class Recorder:
    """Stands in for tensorboardX's writer, and keeps what it is given."""

    def __init__(self, folder):
        self.folder, self.found, self.closed = folder, {}, False

    def add_scalar(self, name, value, step):
        self.found[name] = (step, value)

    def close(self):
        self.closed = True


def checked(found):
    assert {step for step, _ in found.values()} == {3}
    assert {name: found[name][1] for name in WANTED} == pytest.approx(WANTED, rel=1e-6)


def test_scalars_are_those_of_the_log(tmp_path, monkeypatch, stats):
    monkeypatch.setitem(sys.modules, "tensorboardX", SimpleNamespace(SummaryWriter=Recorder))
    with TensorBoard(tmp_path) as board:
        board.write(3, stats, accuracy=0.25)
    writer = board._writer
    assert (writer.folder, writer.closed) == (str(tmp_path), True)
    checked(writer.found)


def test_they_stand_in_the_file(tmp_path, stats):
    tensorboardx = pytest.importorskip(
        "tensorboardX", reason="tensorboardX is not installed, and in no lock"
    )
    with TensorBoard(tmp_path) as board:
        board.write(3, stats, accuracy=0.25)
    (file,) = tmp_path.iterdir()
    raw, found, at = file.read_bytes(), {}, 0
    while at < len(raw):  # a record is its length, a sum, the event and a sum
        length = int.from_bytes(raw[at : at + 8], "little")
        event = tensorboardx.proto.event_pb2.Event.FromString(raw[at + 12 : at + 12 + length])
        found |= {value.tag: (event.step, value.simple_value) for value in event.summary.value}
        at += length + 16
    checked(found)


def test_without_the_library_it_says_so(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(ImportError, match=r"written by tensorboardX; .*rj.monitor.Log"):
        TensorBoard(tmp_path)
