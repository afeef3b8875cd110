"""Formulas as MathML, which browsers draw by themselves: no script, no font, no request.

The translation from TeX is that of docutils, which Sphinx needs anyway.
"""

from __future__ import annotations

from typing import Any

from docutils import nodes
from docutils.utils.math import MathError, latex2mathml
from sphinx.application import Sphinx
from sphinx.util import logging


def inline(self: Any, node: nodes.math) -> None:
    """One formula inside a line."""
    self.body.append(_mathml(node, node.astext()))
    raise nodes.SkipNode


def block(self: Any, node: nodes.math_block) -> None:
    """A formula on lines of its own; several lines of TeX are aligned at their ``&``."""
    text = node.astext()
    if "\\\\" in text and "\\begin" not in text:
        text = f"\\begin{{aligned}}{text}\\end{{aligned}}"
    self.body.append(f'<div class="math">{_mathml(node, text, as_block=True)}</div>')
    raise nodes.SkipNode


def _mathml(node: nodes.Node, text: str, as_block: bool = False) -> str:
    try:
        return str(latex2mathml.tex2mathml(text, as_block=as_block))
    except MathError as error:
        logging.getLogger(__name__).warning("%s in the formula %r", error, text, location=node)
        return ""


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the renderer that ``html_math_renderer`` in conf.py names."""
    app.add_html_math_renderer("mathml", (inline, None), (block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
