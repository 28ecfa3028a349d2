"""locsym: learn the flow map of a divergence-free system with networks that keep volume exactly.

The one idea: a flow map is any callable ``(y, h) -> y``.
"""
