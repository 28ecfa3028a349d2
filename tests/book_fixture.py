"""A book of two notebooks and one page, small enough to be built, and broken, in every test of the road."""

from __future__ import annotations

from pathlib import Path

from companion.project import Project

HEADER = """\
# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # {title}

# %% tags=["parameters"]
{parameters}

# %%
from companion import progress, record
"""

PARAMETERS = 'width = 16   # hidden units, >= 1\ntau = 0.5    # >= 0\nname = "x"\nflags = [1, 2]  # >= 0'

FIRST = HEADER.format(title="First", parameters=PARAMETERS) + """
# %%
record("product", width * tau, "{:.3f}")
progress(1, 2, "epoch")

# %% [markdown]
# The product is {glue:text}`product`; see {numref}`fig-line`.

# %% mystnb={"figure": {"name": "fig-line", "caption": "A line."}, "image": {"alt": "A line."}}
import matplotlib.pyplot as plt

plt.plot([0, width])
"""

SECOND = HEADER.format(title="Second", parameters="seed = 3  # of the weights, > -5") + """
# %%
record("seed", seed)
record("none", float("nan"))
assert seed >= 0, "a seed is not negative"
"""

FILES = {
    "_toc.yml": """\
format: jb-book
root: book/intro
chapters:
- file: book/notebooks/01_first
- file: book/notebooks/02_second
""",
    "_config.yml": """\
title: A small book
only_build_toc_files: true
exclude_patterns: [_build, runs, notebooks]
execute: {execute_notebooks: "off"}
""",
    "book/intro.md": "# A small book\n\nFrom the first: {glue:text}`notebooks/01_first.ipynb::product:s`.\n",
    "book/profiles/paper.yml": "01_first: {width: 20}\n",
    "book/profiles/quick.yml": "01_first: {width: 4, tau: 1e-1}\n",
    "book/bounds.yml": "01_first:\n  product: {min: 0, max: 100}\n",
    "notebooks/01_first.py": FIRST,
    "notebooks/02_second.py": SECOND,
    "locsym/flow.py": "identity = None\n",
}


def make(root: Path) -> Project:
    """Write the small book into ``root``."""
    for name, text in FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return Project(root)


def edit(project: Project, name: str, old: str, new: str) -> None:
    """Replace ``old`` by ``new`` in one file of the book."""
    path = project.root / name
    text = path.read_text(encoding="utf-8")
    assert old in text, f"{name} does not hold {old!r}"
    path.write_text(text.replace(old, new), encoding="utf-8")
