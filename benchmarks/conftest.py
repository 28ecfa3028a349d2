"""One thread, and a table of ratios at the end."""

import pytest
import torch

ROWS = pytest.StashKey[list[tuple[str, float, float, float, str]]]()


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def table(pytestconfig):
    """Rows (what, seconds, seconds of the other, their ratio, what is asked of it) to be printed when all is done."""
    return pytestconfig.stash.setdefault(ROWS, [])


def pytest_terminal_summary(terminalreporter, config):
    rows = config.stash.get(ROWS, [])
    if rows:
        terminalreporter.section("side by side, one thread")
    for what, ours, other, ratio, asked in rows:
        terminalreporter.write_line(f"{what:58} {1e3 * ours:9.3f} ms {1e3 * other:9.3f} ms {ratio:7.1f}  {asked}")
