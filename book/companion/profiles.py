"""A profile: the parameters of all notebooks, from ``book/profiles/NAME.yml`` and nowhere else."""

from __future__ import annotations

from .parameters import Parameters, checked, declared, literal
from .project import Mistake, Project


def names(project: Project) -> list[str]:
    """Return the names of all profiles."""
    return sorted(path.stem for path in project.profiles.glob("*.yml"))


def load(project: Project, profile: str) -> dict[str, Parameters]:
    """Return ``{notebook: {parameter: value}}`` for every notebook, defaults filled in.

    Raises Mistake, before anything runs, for an unknown profile, notebook or parameter, and for a value of another type
    than the default or out of its range; the message lists what is allowed.
    """
    if profile not in names(project):
        raise Mistake(f"there is no profile {profile[:200]!r}; allowed: {', '.join(names(project))}")
    path = project.profiles / f"{profile}.yml"
    given = literal(path.read_text(encoding="utf-8")) or {}
    notebooks = project.notebooks()
    where = f"profile {profile}"
    if not isinstance(given, dict):
        raise Mistake(f"{where}: lines of the form NOTEBOOK: {{parameter: value}} are needed, got {given!r}")
    for name, values in given.items():
        if name not in notebooks:
            raise Mistake(f"{where} names the notebook {name!r}, which is not there; allowed: {', '.join(notebooks)}")
        if not isinstance(values or {}, dict):
            raise Mistake(f"{where}, {name}: {{parameter: value}} is needed, got {values!r}")
    return {
        name: checked(given.get(name) or {}, declared(project.source(name)), f"{where}, {name}") for name in notebooks
    }
