"""Sphinx extension: pages may cite a name by where users import it; the API documents it once, where it is defined."""

from __future__ import annotations

from functools import cached_property, reduce
from importlib import import_module


def home(target: str) -> str | None:
    """Return the dotted name under which an object is documented; that of a property begins with its class.

    locsym.LocSympNet → locsym.networks.locsympnet.LocSympNet.
    """
    parts = target.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            found = reduce(getattr, parts[cut:], import_module(".".join(parts[:cut])))
        except (ImportError, AttributeError):
            continue
        if isinstance(found, (property, cached_property)):
            return f"{owner}.{parts[-1]}" if (owner := home(".".join(parts[:-1]))) else None
        module, name = getattr(found, "__module__", None), getattr(found, "__qualname__", None)
        return f"{module}.{name}" if module and name else None
    return None


def resolve(app, env, node, contnode):
    """Resolve a name from locsym that is documented elsewhere."""
    target = node.get("reftarget", "")
    if node.get("refdomain") != "py" or not target.startswith("locsym.") or (name := home(target)) in (None, target):
        return None
    domain = env.get_domain("py")
    return domain.resolve_xref(env, node["refdoc"], app.builder, "obj", name, node, contnode)


def setup(app) -> dict:
    app.connect("missing-reference", resolve)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
