"""Two builds from scratch have the same numbers, times apart; on two threads the same to a stated tolerance.

The chapter that is built here trains small networks by every method; all chapters do what it does.
"""

import shutil

import book_fixture
import pytest
from companion import results
from companion.__main__ import main
from companion.build import build
from companion.files import write

pytestmark = pytest.mark.slow

WITHIN = 1e-6  # relative, on two threads: sums in another order, and what a training makes of that
CHAPTER = book_fixture.HEADER.format(title="Second", parameters="threads = 1  # of torch, >= 1") + """
# %%
import time
from dataclasses import replace

import torch

from locsym.experiments import ONE_ORBIT
from locsym.training import fit

torch.set_num_threads(threads)
start = time.perf_counter()
small = replace(ONE_ORBIT, network=replace(ONE_ORBIT.network, width=8))
pairs, validation = small.make_pairs()
for method, iterations in {"lm": 20, "adam": 200, "lbfgs": 20, "scipy": 1}.items():
    run = fit(small.make_network(), pairs, method, validation=validation, iterations=iterations)
    record(f"{method}-loss", run.loss)
    record(f"{method}-seconds", run.seconds, timed=True)
record("directions", torch.linalg.eigvalsh(pairs.y.T @ pairs.y)[0])
record("seconds", time.perf_counter() - start, timed=True)
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Return a function: the results of a build from scratch with so many threads."""

    def make(name, threads):
        project = book_fixture.make(tmp_path_factory.mktemp(name))
        shutil.rmtree(project.root / "locsym")  # the real one
        project.source("02_second").write_text(CHAPTER)
        book_fixture.edit(project, "book/profiles/quick.yml", "01", f"02_second: {{threads: {threads}}}\n01")
        assert build(project, "quick", with_site=False) == 0
        found = results.numbers(project, "quick", project.notebooks())
        write(project.results, results.text(project, "quick", found))
        return str(project.results)

    return make


def test_numbers_are_the_same_again_and_nearly_so_on_two_threads(built, capsys):
    first, again, two = built("first", 1), built("again", 1), built("two", 2)
    assert main(["compare", first, again]) == 0, capsys.readouterr().out
    assert "0 differences in 6 numbers of 2 notebooks; 5 times not compared" in capsys.readouterr().out
    assert main(["compare", first, two, "--within", str(WITHIN)]) == 0, capsys.readouterr().out
