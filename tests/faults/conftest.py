"""Counts the faults that are tried and survived; a complete run of this folder writes them to ``_build/faults.json``.

A test puts what it does to the software, and what it then asserts, below the fixture ``fault``::

    def test_truncated_file_is_refused(fault, tmp_path):
        with fault("disk", "checkpoint truncated"):
            ...

On entering one fault is tried, on leaving without an exception one is survived. The fixture lives as long as the
session, so hypothesis may use it in every example.
"""

import datetime
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from companion.faults import KINDS
from companion.files import write
from companion.project import Project

HERE = Path(__file__).parent


class Faults:
    """What was tried: ``found[kind][what] = [tried, survived]``, and how the tests of this folder went."""

    def __init__(self) -> None:
        self.found: dict[str, dict[str, list[int]]] = {}
        self.outcomes = {"passed": 0, "failed": 0, "skipped": 0}
        self.narrowed = False  # a part of the folder was left out

    @contextmanager
    def __call__(self, kind: str, what: str) -> Iterator[None]:
        """Count one fault. kind: one of KINDS. what: a few words, the same for all faults of one sort."""
        assert kind in KINDS, f"kind: {', '.join(KINDS)} are allowed, got {kind!r}"
        counts = self.found.setdefault(kind, {}).setdefault(what, [0, 0])
        counts[0] += 1
        try:
            yield
        except pytest.skip.Exception:
            counts[0] -= 1
            raise
        counts[1] += 1

    def record(self, project: Project) -> dict:
        """Return what is written: date, commit, outcomes of the tests, counts."""
        return {
            "date": datetime.date.today().isoformat(),
            "commit": project.commit(),
            "tests": self.outcomes,
            "faults": {kind: dict(sorted(self.found[kind].items())) for kind in KINDS if kind in self.found},
        }


FAULTS = pytest.StashKey[Faults]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[FAULTS] = Faults()


@pytest.fixture(scope="session")
def fault(pytestconfig: pytest.Config) -> Faults:
    """Return the recorder: ``with fault("killed", "a build"): …``."""
    return pytestconfig.stash[FAULTS]


def ours(item: pytest.Item) -> bool:
    return HERE in item.path.parents


def pytest_collection_finish(session: pytest.Session) -> None:
    """Remember whether every file of this folder is here, whole."""
    collected = {item.path for item in session.items if ours(item)}
    part_of_a_file = any("::" in argument for argument in session.config.args)
    session.config.stash[FAULTS].narrowed |= part_of_a_file or collected != set(HERE.glob("test_*.py"))


def pytest_deselected(items: list[pytest.Item]) -> None:
    for item in items:
        item.config.stash[FAULTS].narrowed |= ours(item)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    report = yield
    if ours(item) and (report.when == "call" or not report.passed):
        item.config.stash[FAULTS].outcomes[report.outcome] += 1
    return report


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Write the record after a complete run: nothing left out, nothing interrupted."""
    faults = session.config.stash[FAULTS]
    complete = not faults.narrowed and exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)
    if complete and not (session.shouldfail or session.shouldstop or session.config.option.collectonly):
        project = Project(HERE.parents[1])
        write(project.build / "faults.json", json.dumps(faults.record(project), indent=1) + "\n")
