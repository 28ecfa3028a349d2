"""Glue a number into the page and record it, at full precision, for ``_build/results.json``: one call does both."""

from __future__ import annotations

from myst_nb import glue


def record(key: str, value: float | int, shown: str = "{:.1e}") -> None:
    """Record ``value`` under ``key``; the page shows it as ``shown.format(value)``."""
    glue(key, shown.format(value), display=False)
