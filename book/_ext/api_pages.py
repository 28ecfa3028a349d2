"""Sphinx extension: ``modules: locsym.networks`` documents a room, with a section for each of its files.

A new file is documented without being named anywhere. Below its title a section names the chapters that import from it.
"""

from __future__ import annotations

import re
from pathlib import Path

from companion.project import Project
from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

IMPORT = re.compile(r"^from ((?:locsym|chapters)(?:\.\w+)+) import", re.MULTILINE)


def documented(root: Path, name: str) -> list[str]:
    """Return the modules of a room, ``locsym.ROOM`` or ``chapters``: itself, then its files by name."""
    folder = Path(root, "book" if name == "chapters" else "", *name.split("."))
    files = (path.relative_to(folder).with_suffix("") for path in folder.rglob("*.py"))
    return sorted({name, *(".".join((name, *file.parts)).removesuffix(".__init__") for file in files)})


def used_in(root: Path) -> dict[str, list[str]]:
    """Return for each module the chapters that import from it, in the order of the book."""
    project = Project(root)
    found: dict[str, list[str]] = {}
    for chapter in project.notebooks():
        for module in set(IMPORT.findall(project.source(chapter).read_text(encoding="utf-8"))):
            found.setdefault(module, []).append(chapter)
    return found


def markdown(names: list[str], used: dict[str, list[str]]) -> str:
    """Return a section for each module, all of one level, so that the page's contents list them."""
    sections = []
    for name in names:
        links = ", ".join(f"{{doc}}`/book/notebooks/{chapter}`" for chapter in used.get(name, ()))
        said = f"Used in {links}.\n\n" if links else ""
        sections.append(f"## {name}\n\n{said}```{{eval-rst}}\n.. automodule:: {name}\n```\n")
    return "\n".join(sections)


class Modules(SphinxDirective):
    """Its argument is a room of the library, ``locsym.ROOM``, or ``chapters``."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        root = Path(self.env.srcdir)
        text = markdown(documented(root, self.arguments[0]), used_in(root))
        lines = StringList(text.splitlines(), source=self.env.doc2path(self.env.docname))
        place = nodes.Element()
        self.state.nested_parse(lines, self.content_offset, place, match_titles=True)
        return place.children


def setup(app: Sphinx) -> dict:
    app.add_directive("modules", Modules)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
