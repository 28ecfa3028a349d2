"""Sphinx extension: links to a chapter as a notebook, to its source and, if the repository is known, to Binder.

The notebook is the executed one without what only the build needs: numbers are written into its text, captions below
its figures. There is no link to Colab, which opens notebooks from a repository; the repository has only the sources.
"""

from __future__ import annotations

import re
import shutil
from copy import deepcopy
from pathlib import Path
from urllib.parse import quote, urlparse

import nbformat
from companion.record import recorded

HOSTS = {"github.com": "gh", "gitlab.com": "gl"}
ROLE = re.compile(r"\{([\w:]+)\}`([^`<]*?)\s*(?:<[^`>]*>)?`")
CHAPTER = re.compile(r"\]\(([a-z]\w+)\)")  # a link to another one
TARGET = re.compile(r"^\([\w-]+\)=\n", re.MULTILINE)
FENCE = re.compile(r"^:::+(?:\{[\w:-]+\} *(.*))?\n?(?:^:[\w-]+:.*\n)*", re.MULTILINE)  # opens with a title, or closes


def binder(url: str, branch: str, name: str) -> str | None:
    """Return the address at which Binder opens a chapter (as a notebook, see postBuild); None without a repository."""
    parts = urlparse(url)
    if not url or not parts.netloc:
        return None
    path = parts.path.strip("/").removesuffix(".git")
    kind = HOSTS.get(parts.netloc, "git")
    where = {"gh": path, "gl": quote(path, safe=""), "git": quote(url, safe="")}[kind]
    return f"https://mybinder.org/v2/{kind}/{where}/{quote(branch, safe='')}?labpath=notebooks%2F{name}.py"


def plain(text: str, numbers: dict[str, dict]) -> str:
    """Return a cell's text with its numbers inserted and without the roles that only the book understands."""

    def word(found: re.Match) -> str:
        role, content = found.groups()
        if role == "glue:text":
            return numbers.get(content, {"shown": content})["shown"]
        if role == "math":
            return f"${content}$"
        if role.startswith(("py:", "cite")):
            return f"`{content.lstrip('~')}`" if role.startswith("py:") else f"[{content}]"
        return content

    def title(found: re.Match) -> str:
        return f"**{found[1]}**\n\n" if found[1] else ""

    return CHAPTER.sub(r"](\1.ipynb)", ROLE.sub(word, FENCE.sub(title, TARGET.sub("", text))))


def standalone(executed: nbformat.NotebookNode, url: str = "") -> nbformat.NotebookNode:
    """Return a notebook that runs wherever the library is installed; ``executed`` itself is not changed."""
    numbers, notebook = recorded(executed), deepcopy(executed)
    how = f"`pip install git+{url} ipykernel`" if url else "`pip install . ipykernel` in a copy of the book's sources"
    notebook.metadata = {k: v for k, v in notebook.metadata.items() if k in ("kernelspec", "language_info")}
    hint = f"*A chapter of the companion of LocSympNets. It needs Python ≥ 3.11 and the library: {how}.*"
    cells = [nbformat.v4.new_markdown_cell(hint)]
    for cell in notebook.cells:
        figure = cell.metadata.get("mystnb", {}).get("figure", {})
        cell.metadata = {"tags": cell.metadata["tags"]} if "tags" in cell.metadata else {}
        cells.append(cell)
        if cell.cell_type == "markdown":
            cell.source = plain(cell.source, numbers)
        else:
            cell.outputs = [output for output in cell.outputs if taken_along(output)]
            for output in cell.outputs:
                output.get("metadata", {}).clear()
        if figure:
            cells.append(nbformat.v4.new_markdown_cell(f"**{figure['name']}.** {plain(figure['caption'], numbers)}"))
    notebook.cells = cells
    for number, cell in enumerate(cells):
        cell.id = f"cell-{number}"
    return notebook


def taken_along(output: nbformat.NotebookNode) -> bool:
    """Whether an output belongs into the notebook: no recorded number, and nothing that its page leaves out."""
    return "companion" not in output.get("metadata", {}) and output.get("name") != "stderr"


def links(app, pagename: str) -> str:
    """Write a chapter's notebook and source beside its page, and return the line that links them."""
    source = Path(app.env.doc2path(pagename))
    url, branch, name = app.config.repository["url"], app.config.repository["branch"], source.stem
    folder = (Path(app.outdir) / pagename).parent
    folder.mkdir(parents=True, exist_ok=True)
    notebook = standalone(nbformat.read(source, as_version=4), url)
    nbformat.validate(notebook)
    nbformat.write(notebook, folder / f"{name}.ipynb")
    items = [f'<a href="{name}.ipynb" download>Notebook</a>']
    if (script := Path(app.srcdir) / "notebooks" / f"{name}.py").exists():
        shutil.copyfile(script, folder / script.name)
        items.append(f'<a href="{name}.py" download>Python source</a>')
    if address := binder(url, branch, name):
        items.append(f'<a href="{address}">Run it on Binder</a>')
    return f'<p class="page-files" role="group" aria-label="Download this chapter">{" · ".join(items)}</p>'


def add_links(app, pagename, templatename, context, doctree) -> None:
    """Put the line below a chapter's title."""
    if doctree is None or Path(app.env.doc2path(pagename)).suffix != ".ipynb":
        return
    context["body"] = context["body"].replace("</h1>", f"</h1>\n{links(app, pagename)}", 1)


def setup(app) -> dict:
    app.add_config_value("repository", {"url": "", "branch": "main"}, "html", [dict])
    app.connect("html-page-context", add_links)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
