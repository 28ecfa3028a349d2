"""Every notebook runs in the quick profile, and every number that it records keeps the bounds of ``book/bounds.yml``.

The notebooks run along the road of the book; those that hold since the last time are not executed again.
"""

from functools import cache
from pathlib import Path

import jupytext
import pytest
from companion import results
from companion.build import build, plan
from companion.profiles import load, names
from companion.project import Mistake, Project

PROJECT = Project(Path(__file__).parents[1])
NOTEBOOKS = sorted(path.stem for path in (PROJECT.root / "notebooks").glob("*.py"))
RULES = results.bounds(PROJECT, "quick")

pytestmark = pytest.mark.timeout(1800)


@pytest.fixture(scope="module")
def failed():
    """Run the notebooks; return ``{name: why}`` of those that did not run to their end."""
    build(PROJECT, "quick", with_site=False)
    return {name: why for name, why in plan(PROJECT, "quick").reasons.items() if why}


@cache
def numbers(name):
    """What a notebook has recorded; read once, since the file is large."""
    return results.numbers(PROJECT, "quick", [name])


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_notebook_runs(name, failed):
    assert name not in failed, "see what the build printed above"


@pytest.mark.parametrize(("name", "key"), [(name, key) for name, keys in RULES.items() for key in keys])
def test_number_keeps_its_bounds(name, key, failed):
    if name in failed:
        pytest.skip(f"{name} did not run")
    assert not results.broken(numbers(name), {name: {key: RULES[name][key]}})


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_every_number_has_bounds(name, failed):
    if name in failed:
        pytest.skip(f"{name} did not run")
    assert not results.unbounded(numbers(name), RULES)


@pytest.mark.parametrize("profile", names(PROJECT))
def test_profile_is_valid(profile):
    assert load(PROJECT, profile).keys() == set(NOTEBOOKS)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_source_holds_no_outputs_and_defines_nothing(name):
    notebook = jupytext.read(PROJECT.source(name))
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert not [cell for cell in code if cell.outputs]
    assert not [line for cell in code for line in cell.source.splitlines() if line.startswith(("def ", "class "))]
    assert sum("parameters" in cell.metadata.get("tags", []) for cell in code) == 1


@pytest.mark.parametrize(
    ("word", "named"),
    [
        ("one_orbit", "one_orbit"),
        ("whole", "whole_flow"),
        ("05_one_orbit", "one_orbit"),  # the number it once had
        ("1", "splitting"),
        ("04", "training"),
    ],
)
def test_notebook_is_named_in_full_by_its_beginning_or_by_its_place(word, named):
    assert PROJECT.pick([word]) == (named,)


def test_picked_notebooks_come_in_the_order_of_the_book():
    assert PROJECT.pick(["volume", "02"]) == ("integrators", "volume")
    with pytest.raises(Mistake, match="there is no notebook '99'"):
        PROJECT.pick(["99"])
