"""The digest of the training code: words do not count, code does."""

import gc
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from locsym.sources import TRAINING, _bare, digest


def test_the_digest_is_stable_and_covers_every_part():
    assert digest() == digest.__wrapped__(TRAINING)
    for i in range(len(TRAINING)):
        assert digest((*TRAINING[:i], *TRAINING[i + 1 :])) != digest()


@pytest.mark.parametrize(
    "other", ['"""Other words."""\ndef f(x):\n    return x + 1', "def f(x):  # why\n    return (x + 1)"]
)
def test_words_do_not_count(other):
    assert _bare('def f(x):\n    """Words."""\n    return x + 1') == _bare(other)


def test_code_counts():
    assert _bare("def f(x):\n    return x + 1") != _bare("def f(x):\n    return x + 2")


def hand_over(*_):
    time.sleep(1e-4)


def test_threads_may_ask_at_once():
    """Where the collector calls Python code, as hypothesis lets it, threads change while one of them parses."""
    gc.callbacks.append(hand_over)
    try:
        with ThreadPoolExecutor(4) as pool:
            assert set(pool.map(lambda _: digest.__wrapped__(("data", "flow")), range(8))) == {digest(("data", "flow"))}
    finally:
        gc.callbacks.remove(hand_over)
