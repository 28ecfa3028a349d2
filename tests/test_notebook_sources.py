"""What readers see of the notebooks' code: short lines, and a picture soon. Headers of cells and text have no limit."""

from pathlib import Path

import jupytext
import pytest

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.py"))
LONGEST = 78  # characters that a page shows at 1280 pixels
SOON = 6  # lines of code at most before a chapter's first picture
HIDDEN = {"hide-input", "hide-cell", "remove-input", "remove-cell"}

every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def code(path: Path) -> list:
    return [cell for cell in jupytext.read(path).cells if cell.cell_type == "code"]


def seen(cell) -> list[str]:
    """Return the lines of code that a page shows of a cell."""
    if HIDDEN & set(cell.metadata.get("tags", [])):
        return []
    return [line for line in cell.source.splitlines() if line.strip()]


@every_notebook
def test_lines_of_code_fit_the_page(path):
    lines = [line for cell in code(path) for line in cell.source.splitlines()]
    assert [line for line in lines if len(line) > LONGEST] == []


@every_notebook
def test_a_picture_comes_soon(path):
    cells = code(path)
    first = next(i for i, cell in enumerate(cells) if "figure" in cell.metadata.get("mystnb", {}))
    lines = [line for cell in cells[: first + 1] for line in seen(cell)]
    assert len(lines) <= SOON, lines
