"""The command line: ``python -m companion build``, ``rerun``, ``keep``, ``adopt``, ``pdf``, ``compare``, ``faults``."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from .build import build
from .compare import compare
from .faults import faults
from .keep import keep
from .pdf import pdf
from .project import Mistake, Project
from .rerun import rerun
from .seal import Damaged
from .site import SiteError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit status: 1 when something failed, 2 for a mistake in the command."""
    given = parser().parse_args(arguments)
    project = Project(Path(given.root).resolve())
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        if given.command == "build":
            return build(project, given.profile, given.only, given.jobs, given.dry_run)
        if given.command == "keep":
            return keep(project, given.to)
        if given.command == "adopt":
            from .adopt import adopt  # needs torch, which the other commands do not

            return adopt(project)
        if given.command == "faults":
            return faults(project)
        if given.command == "pdf":
            return pdf(project, given.to)
        if given.command == "compare":
            return compare(given.first, given.second, given.within)
        return rerun(project, given.notebook, " ".join(given.parameters), given.profile)
    except Mistake as mistake:
        print(f"error: {mistake}", file=sys.stderr)
        return 2
    except (SiteError, Damaged) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except OSError as error:  # no space, no permission
        print(f"error: {error}; everything finished is kept", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ninterrupted; everything finished is kept, trainings resume; run the command again", file=sys.stderr)
        return 130


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    top = argparse.ArgumentParser(prog="python -m companion", description="From notebooks to the book.")
    top.add_argument("--root", default=".", help="the folder of the book (default: this one)")
    commands = top.add_subparsers(dest="command", required=True)

    one = commands.add_parser("build", help="execute what has changed, check the numbers, build the site")
    one.add_argument("--profile", default="paper", help="a file of book/profiles (default: paper)")
    one.add_argument("--only", nargs="+", metavar="NOTEBOOK", help="run only these; the beginning of a name is enough")
    one.add_argument("--jobs", type=positive, help="notebooks at a time (default: one a processor)")
    one.add_argument("--dry-run", action="store_true", help="only list what would run, and why")

    two = commands.add_parser("rerun", help="run one notebook with other parameters; the book stays as it is")
    two.add_argument("notebook", help="its name, or the beginning of it")
    two.add_argument("-p", dest="parameters", action="append", default=[], metavar="NAME=VALUE",
                     help='parameters; several may stand in one: -p "tau=0.05 steps=500"')
    two.add_argument("--profile", help="where the other parameters come from (default: the built book's profile)")

    three = commands.add_parser("keep", help="write book/record.json: the numbers of the last full build")
    three.add_argument("--to", type=Path, metavar="FILE", help="another file to write")

    commands.add_parser("adopt", help="take over finished trainings after a change of code that changes no bit")

    four = commands.add_parser("pdf", help="print the built book to _build/book.pdf, with Chromium")
    four.add_argument("--to", type=Path, metavar="FILE", help="another file to write")

    five = commands.add_parser("compare", help="compare two results.json; times are ignored")
    five.add_argument("first", type=Path)
    five.add_argument("second", type=Path)
    five.add_argument("--within", type=float, default=0.0, help="the relative difference allowed (default: none)")

    commands.add_parser("faults", help="write book/faults.json, the outcome of the last run of tests/faults")
    return top


def positive(text: str) -> int:
    """Read a whole number of at least one."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return value


if __name__ == "__main__":
    sys.exit(main())
