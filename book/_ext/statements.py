"""Sphinx extension: definitions, theorems and proofs as boxes, ``prf:theorem`` and so on, without numbers of their own.

The numbers are the paper's and part of the title; a second numbering would be confusing. A ``label`` makes the box a
target of ``{ref}``. Statements look like the paper's words (class ``paper``), except proofs and boxes with the class
``ours``.
"""

from __future__ import annotations

from typing import cast

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.domains import Domain
from sphinx.domains.std import StandardDomain
from sphinx.roles import XRefRole
from sphinx.util.docutils import SphinxDirective

STATEMENTS = ("definition", "theorem", "proposition", "lemma", "corollary")


class Statement(SphinxDirective):
    """A box with a title, which is by default its kind."""

    optional_arguments = 1
    final_argument_whitespace = True
    has_content = True
    option_spec = {"label": directives.unchanged_required, "class": directives.class_option}  # noqa: RUF012 docutils' form

    def run(self) -> list[nodes.Node]:
        kind = self.name.partition(":")[2]
        text = self.arguments[0] if self.arguments else kind.capitalize()
        parsed, messages = self.state.inline_text(text, self.lineno)
        given = self.options.get("class", [])
        look = [] if "ours" in given else ["proof" if kind == "proof" else "paper"]
        box = nodes.admonition(classes=[*look, *given])
        box += nodes.title(text, "", *parsed)
        self.set_source_info(box)
        if label := self.options.get("label"):
            std = cast(StandardDomain, self.env.get_domain("std"))
            std.labels[label] = (self.env.docname, label, text)
            std.anonlabels[label] = (self.env.docname, label)
            box["ids"].append(label)
        self.state.nested_parse(self.content, self.content_offset, box)
        return [box, *messages]


class Statements(Domain):
    """The names ``prf:…``."""

    name = "prf"
    label = "statements"
    directives = dict.fromkeys((*STATEMENTS, "proof"), Statement)
    roles = {"ref": XRefRole(lowercase=True, innernodeclass=nodes.inline, warn_dangling=True)}  # noqa: RUF012 Sphinx' form

    def resolve_xref(self, env, fromdocname, builder, typ, target, node, contnode):
        """Resolve a reference through the standard domain, which knows the labels."""
        return env.get_domain("std").resolve_xref(env, fromdocname, builder, "ref", target, node, contnode)

    def merge_domaindata(self, docnames, otherdata) -> None:
        """Do nothing: the standard domain has the labels."""

    def resolve_any_xref(self, *args) -> list:
        """Return nothing: the standard domain resolves such references."""
        return []


def setup(app) -> dict:
    app.add_domain(Statements)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
