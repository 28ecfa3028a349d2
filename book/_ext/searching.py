"""Sphinx extension: the search ignores accents, so that "Bajars" finds Bajārs and "Poincare" finds Poincaré."""

from __future__ import annotations

import unicodedata

from sphinx.search.en import SearchEnglish


def fold(text: str) -> str:
    """Return a text without accents and with ligatures as letters."""
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))


class FoldedEnglish(SearchEnglish):
    """Sphinx's English search, without accents."""

    js_splitter_code = r"""
var splitQuery = (query) => query.normalize("NFKD").replace(/\p{M}/gu, "")
    .split(/[^\p{Letter}\p{Number}_]+/gu).filter((word) => word);
"""

    def split(self, input: str) -> list[str]:
        return super().split(fold(input))


def setup(app) -> dict:
    app.add_search_language(FoldedEnglish)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
