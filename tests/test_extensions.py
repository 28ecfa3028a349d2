"""What the book's Sphinx extensions make, without building the book; the built pages are tested in test_pages*.py."""

import base64
import re
import sys
from copy import deepcopy
from pathlib import Path
from types import SimpleNamespace

import jupytext
import nbformat
import papermill
import pytest
import yaml
from docutils import nodes

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "book" / "_ext"))  # as Sphinx does for the book's own extensions
import downloads  # noqa: E402, found only after the line above
import figure_files as figures  # noqa: E402
import orbits  # noqa: E402
import pages  # noqa: E402
import reexports  # noqa: E402

CHAPTER = '''\
# %% [markdown]
# # A chapter
#
# (eq-1)=
# After [another](one_orbit):
# it is {glue:text}`n`, see {numref}`fig-a`, {doc}`the results </results>`, {cite}`feng1995`, {py:obj}`~locsym.rollout`.

# %% tags=["parameters"]
width = 3

# %%
from companion import record

from locsym import LocSympNet

record("n", width)
assert LocSympNet(n=3, K=1, width=width)

# %% mystnb={"figure": {"name": "fig-a", "caption": "It has {glue:text}`n` points."}, "image": {"alt": "A line."}}
import matplotlib.pyplot as plt

plt.plot(range(width));
'''

MARKUP = re.compile(r"^:::|^```\{|^:[\w-]+:|\{[\w:]+\}`")


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """The chapter, as the build executes it."""
    folder = tmp_path_factory.mktemp("chapter")
    notebook = jupytext.reads(CHAPTER, "py:percent")
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    extension = "--InteractiveShellApp.extra_extensions=companion.figures"
    return papermill.execute_notebook(notebook, folder / "a.ipynb", progress_bar=False, extra_arguments=[extension])


@pytest.mark.slow
def test_an_executed_figure_carries_its_files(executed, tmp_path):
    path = tmp_path / "a.ipynb"
    nbformat.write(executed, path)
    kept = figures.files(path)["fig-a"]
    assert kept["csv"].splitlines()[-1] == "1,series 1,2,2"
    assert kept["svg"].lstrip().startswith("<?xml")
    width, height = figures.size(base64.b64decode(kept["dark.png"]))
    assert 300 < width < 1000
    assert 150 < height < width


@pytest.mark.slow
def test_the_notebook_to_take_along_says_the_numbers_itself(executed):
    texts = [cell.source for cell in downloads.standalone(executed).cells if cell.cell_type == "markdown"]
    assert "After [another](one_orbit.ipynb):" in texts[1]
    assert "it is 3, see fig-a, the results, [feng1995], `locsym.rollout`." in texts[1]
    assert "(eq-1)=" not in texts[1]
    assert texts[-1] == "**fig-a.** It has 3 points."


@pytest.mark.slow
def test_the_notebook_to_take_along_is_free_of_the_build(executed):
    notebook = downloads.standalone(executed)
    nbformat.validate(notebook)
    text = nbformat.writes(notebook)
    assert not [word for word in ("companion_files", "scrapbook", "papermill.record", "mystnb") if word in text]
    assert "image/png" in text
    assert "companion_files" in nbformat.writes(executed), "what is handed in stays as it is"


@pytest.mark.slow
def test_the_notebook_to_take_along_holds_no_warnings_of_the_build(executed):
    warned = deepcopy(executed)
    cell = next(cell for cell in warned.cells if cell.cell_type == "code")
    cell.outputs.append(nbformat.v4.new_output("stream", name="stderr", text="/machine/of/the/build.py: UserWarning"))
    assert "UserWarning" not in nbformat.writes(downloads.standalone(warned))


@pytest.mark.slow
def test_the_notebook_to_take_along_runs(executed, tmp_path):
    notebook = downloads.standalone(executed)
    done = papermill.execute_notebook(notebook, tmp_path / "b.ipynb", progress_bar=False, cwd=tmp_path)
    assert any("image/png" in output.get("data", {}) for cell in done.cells for output in cell.get("outputs", ()))


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("https://github.com/me/book", "https://mybinder.org/v2/gh/me/book/main?labpath=notebooks%2F04_x.py"),
        ("https://github.com/me/book.git", "https://mybinder.org/v2/gh/me/book/main?labpath=notebooks%2F04_x.py"),
        ("https://gitlab.com/a/b/c", "https://mybinder.org/v2/gl/a%2Fb%2Fc/main?labpath=notebooks%2F04_x.py"),
        (
            "https://example.org/c.git",
            "https://mybinder.org/v2/git/https%3A%2F%2Fexample.org%2Fc.git/main?labpath=notebooks%2F04_x.py",
        ),
        ("", None),
    ],
)
def test_binder_opens_the_source_where_a_repository_is_known(url, address):
    assert downloads.binder(url, "main", "04_x") == address


@pytest.mark.parametrize("url", ["", "https://github.com/me/book"])
def test_a_chapter_links_to_binder_when_and_only_when_a_repository_is_configured(executed, tmp_path, url):
    source = tmp_path / "book" / "notebooks" / "01_a.ipynb"
    source.parent.mkdir(parents=True)
    nbformat.write(executed, source)
    repository = {"url": url, "branch": "trunk"}
    app = SimpleNamespace(
        env=SimpleNamespace(doc2path=lambda name: source), config=SimpleNamespace(repository=repository),
        outdir=tmp_path / "html", srcdir=tmp_path,
    )  # fmt: skip
    line = downloads.links(app, "book/notebooks/01_a")
    assert ("mybinder.org" in line) == bool(url)
    assert ("/trunk?" in line) == bool(url)
    assert (tmp_path / "html" / "book" / "notebooks" / "01_a.ipynb").exists()
    assert 'href="01_a.py"' not in line, "there is no source here"


def test_the_repository_that_is_set_reaches_the_extension():
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    assert config["sphinx"]["config"]["repository"] == config["repository"]  # Jupyter Book's own way drops it
    assert set(config["repository"]) == {"url", "branch"}


def csv_of_orbits(length):
    series = ((1, "exact"), (2, "exact"), (2, "learned"))
    rows = [f"{panel},{name} 0,0.5,{i},-1" for panel, name in series for i in range(length)]
    return "# a comment\npanel,series,y1,y2,y3\n" + "\n".join(rows)


def test_the_front_picture_shows_the_ends_of_the_last_panels_orbits():
    found = orbits.orbits(csv_of_orbits(500))
    assert found["after"] == 99
    (curve,) = found["learned"]
    assert curve[:3] == [500, 99_000, -1000]
    assert curve[-3:] == [500, 499_000, -1000]
    assert len(curve) == 3 * (orbits.STEPS // orbits.EVERY + 1)


def test_orbits_that_are_too_short_are_refused():
    with pytest.raises(ValueError, match="more than 400 steps"):
        orbits.orbits(csv_of_orbits(400))


def page(*children):
    document = SimpleNamespace(findall=nodes.section("", *children).findall)
    return document


def test_a_page_is_previewed_by_its_first_figure_and_else_by_the_front_picture():
    figure = nodes.figure("", nodes.image(uri="../../_images/abc.png"))
    assert pages.preview(None, page(nodes.image(uri="_images/no.png"), figure)) == "_images/abc.png"
    assert pages.preview(None, page(nodes.paragraph())) == pages.PREVIEW
    assert pages.preview(None, None) == pages.PREVIEW


@pytest.mark.parametrize("chapter", sorted((ROOT / "notebooks").glob("*.py")), ids=lambda path: path.stem)
def test_what_only_the_book_understands_is_not_taken_along(chapter):
    texts = [cell.source for cell in jupytext.read(chapter).cells if cell.cell_type == "markdown"]
    left = [line for text in texts for line in downloads.plain(text, {}).splitlines() if MARKUP.search(line)]
    assert texts
    assert left == []


@pytest.mark.parametrize(
    ("cited", "documented"),
    [
        ("locsym.LocSympNet", "locsym.networks.locsympnet.LocSympNet"),
        ("locsym.systems.System.rhs", "locsym.systems.system.System.rhs"),
        ("locsym.systems.System.flow", "locsym.systems.system.System.flow"),  # a cached property
        ("locsym.experiments.WHOLE_FLOW", "locsym.experiments.paper.WHOLE_FLOW"),  # a value
        ("locsym.nothing", None),
    ],
)
def test_a_name_leads_to_where_it_is_documented(cited, documented):
    assert next(reexports.homes(cited), None) == documented
