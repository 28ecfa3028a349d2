"""The digest of the training code: words do not count, code does."""

import gc
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import pytest

from locsym.experiments import code_digest
from locsym.experiments.code_digest import ROOT, _bare, digest, training_code


def test_the_digest_is_stable_and_covers_every_part(monkeypatch):
    monkeypatch.setattr(code_digest, "_bare", cache(_bare))  # each file is parsed once
    files = training_code()
    assert digest() == digest.__wrapped__(files)
    for i in range(len(files)):
        assert digest((*files[:i], *files[i + 1 :])) != digest()


LOADED = """
import sys
import locsym.training.adam, locsym.training.baselines, locsym.training.levenberg_marquardt, locsym.systems
print(*sorted(module.__file__ for name, module in sys.modules.items() if name.startswith("locsym.")))
"""


@pytest.mark.slow
def test_the_digest_covers_what_python_loads_for_a_training():
    """Found by its imports, and by Python itself: the same files, but for the rooms' own ``__init__``."""
    said = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True).stdout
    loaded = {Path(file).relative_to(ROOT).as_posix() for file in said.split()}
    found = {file for file in training_code() if file.endswith(".py")}
    assert found <= loaded
    assert {file for file in loaded - found if not file.endswith("__init__.py")} == set()


def test_the_digest_covers_the_kernel_and_leaves_out_what_no_training_needs():
    files = training_code()
    assert {"networks/native/kernel.cpp", "networks/native/simd.hpp"} <= set(files)
    assert not [file for file in files if file.startswith(("plots/", "experiments/", "splitting/", "diagnostics/"))]


@pytest.mark.parametrize(
    "other", ['"""Other words."""\ndef f(x):\n    return x + 1', "def f(x):  # why\n    return (x + 1)"]
)
def test_words_do_not_count(other):
    assert _bare('def f(x):\n    """Words."""\n    return x + 1') == _bare(other)


def test_code_counts():
    assert _bare("def f(x):\n    return x + 1") != _bare("def f(x):\n    return x + 2")


SOME = ("data/pairs.py", "flow.py")


def hand_over(*_):
    time.sleep(1e-4)


def test_threads_may_ask_at_once():
    """Where the collector calls Python code, as hypothesis lets it, threads change while one of them parses."""
    gc.callbacks.append(hand_over)
    try:
        with ThreadPoolExecutor(4) as pool:
            assert set(pool.map(lambda _: digest.__wrapped__(SOME), range(8))) == {digest(SOME)}
    finally:
        gc.callbacks.remove(hand_over)
