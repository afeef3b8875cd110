"""A first test file for someone's module: what looks like a layer in it, which shapes it takes, and the text."""

from __future__ import annotations

from cnngrad.scaffold.found import layers_in
from cnngrad.scaffold.text import Proposal, file_text, proposed

__all__ = ["Proposal", "file_text", "layers_in", "proposed"]
