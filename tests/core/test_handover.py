"""Does a lower layer get what a higher one provides, and a clear word when nothing is?"""

import subprocess
import sys

import pytest

from relu_jax import activations, report, theory
from relu_jax.core import handover


def test_importing_the_package_binds_the_catalogue():
    assert handover.catalogue() is activations.CATALOGUE


def test_the_catalogue_is_not_loaded_before_it_is_asked_for():
    code = "import sys, relu_jax.core.handover as h; print('relu_jax.activations' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"


def test_the_last_provider_counts(monkeypatch):
    monkeypatch.setattr(handover, "_PROVIDERS", [])
    handover.provide_catalogue(lambda: (1,))
    handover.provide_catalogue(lambda: (2,))
    assert handover.catalogue() == (2,)


def test_nothing_provided_is_said(monkeypatch):
    monkeypatch.setattr(handover, "_PROVIDERS", [])
    with pytest.raises(RuntimeError, match=r"hands the engine its catalogue.*; got no catalogue"):
        handover.catalogue()


def test_importing_the_package_binds_the_writer_of_pages():
    assert handover.report_writer() is report.write


def test_the_last_writer_counts_and_none_is_said(monkeypatch):
    monkeypatch.setattr(handover, "_WRITERS", [])
    with pytest.raises(RuntimeError, match=r"the writer of its page.*; got no writer"):
        handover.report_writer()
    handover.provide_report_writer(lambda: print)
    handover.provide_report_writer(lambda: max)
    assert handover.report_writer() is max


def test_importing_the_package_binds_the_theory():
    assert handover.theory() is theory


def test_the_theory_is_not_loaded_before_it_is_asked_for():
    code = "import sys, relu_jax.activations; print('relu_jax.theory' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"


def test_the_last_theory_counts_and_none_is_said(monkeypatch):
    monkeypatch.setattr(handover, "_THEORIES", [])
    with pytest.raises(RuntimeError, match=r"card its averages.*; got no theory"):
        handover.theory()
    handover.provide_theory(lambda: 1)
    handover.provide_theory(lambda: 2)
    assert handover.theory() == 2
