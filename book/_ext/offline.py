"""Sphinx extension: everything that a page loads is part of the built site, so pages work offline, from file:// too.

MathJax is copied from the package sphinx-mathjax-offline (2.2 MB of its 24), Plotly from the package plotly,
only for pages that use it.
"""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from pathlib import Path

MATHJAX = ("tex-mml-chtml.js", "input/tex/extensions", "output/chtml/fonts")
PLOTLY = "plotly.min.js"


def package_folder(name: str) -> Path:
    """Return the folder of an installed package; its name need not be a valid Python name."""
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise RuntimeError(f"{name} is not installed; the book's environment has it: make env")
    return Path(spec.origin).parent


def copy(source: Path, target: Path) -> None:
    """Copy a file or a folder, once."""
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    (shutil.copytree if source.is_dir() else shutil.copyfile)(source, target)


def copy_mathjax(app) -> None:
    """Copy the needed parts of MathJax to the site."""
    if app.builder.format == "html":
        mathjax = package_folder("sphinx-mathjax-offline") / "static" / "mathjax"
        for part in MATHJAX:
            copy(mathjax / part, Path(app.outdir) / "_static" / "mathjax" / part)


def drop_source_maps(app, error) -> None:
    """Remove 3 MB of files that only a debugger of the theme's scripts would load."""
    for path in Path(app.outdir).rglob("*.map") if error is None and app.builder.format == "html" else ():
        path.unlink()


def load_plotly(app, pagename, templatename, context, doctree) -> None:
    """Load Plotly on the pages that use it, before the figures' scripts in the body of the page."""
    if "Plotly.newPlot" in context.get("body", ""):
        copy(package_folder("plotly") / "package_data" / PLOTLY, Path(app.outdir) / "_static" / PLOTLY)
        app.add_js_file(PLOTLY, priority=100)


def setup(app) -> dict:
    app.connect("builder-inited", copy_mathjax)
    app.connect("html-page-context", load_plotly)
    app.connect("build-finished", drop_source_maps)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
