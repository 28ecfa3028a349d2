"""Sphinx extension: pages may cite a name by where users import it; the API documents it once, where it is defined."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import partial, reduce
from importlib import import_module


def homes(target: str) -> Iterator[str]:
    """Yield the dotted names under which an object may be documented: locsym.fit → locsym.training.fit.fit.

    A class or a function knows where it was defined. An attribute is documented with its class. A value knows nothing:
    it stands in one of the modules below the package that offers it.
    """
    parts = target.split(".")
    for cut in range(len(parts) - 1, 0, -1):
        try:
            owner = reduce(getattr, parts[cut:-1], import_module(".".join(parts[:cut])))
            found = getattr(owner, parts[-1])
        except (ImportError, AttributeError):
            continue
        if name := getattr(found, "__qualname__", None):
            yield f"{found.__module__}.{name}"
        elif isinstance(owner, type):
            yield f"{owner.__module__}.{owner.__qualname__}.{parts[-1]}"
        else:
            below = [name for name in sorted(sys.modules) if name.startswith(f"{owner.__name__}.")]
            yield from (f"{name}.{parts[-1]}" for name in below if getattr(sys.modules[name], parts[-1], None) is found)
        return


def resolve(app, env, node, contnode):
    """Resolve a name from locsym that is documented elsewhere."""
    target = node.get("reftarget", "")
    if node.get("refdomain") != "py" or not target.startswith("locsym."):
        return None
    link = partial(env.get_domain("py").resolve_xref, env, node["refdoc"], app.builder, "obj")
    return next(filter(None, (link(name, node, contnode) for name in homes(target))), None)


def setup(app) -> dict:
    app.connect("missing-reference", resolve)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
