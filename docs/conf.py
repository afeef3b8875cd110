"""How the pages are built: Sphinx with MyST and furo, formulas as MathML, numbers and pictures computed on the way."""

from __future__ import annotations

import os
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE / "_ext"), str(HERE.parent)]
# Building the pages must leave no cases behind and be the same whatever cases lie about.
os.environ["CNNGRAD_MEMORY"] = "off"

import cnngrad  # noqa: E402 - found through the line above

project = "cnngrad"
author = "The cnngrad authors"
copyright = "the cnngrad authors, MIT licence"
release = version = cnngrad.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "mathml", "derivation"]
exclude_patterns = ["_build", "locale"]
myst_enable_extensions = ["dollarmath", "colon_fence"]
myst_heading_anchors = 3
html_math_renderer = "mathml"

html_theme = "furo"
html_title = "cnngrad"
html_static_path = ["_static"]
html_css_files = ["pages.css"]
html_show_sourcelink = html_copy_source = False
templates_path = ["_templates"]
html_sidebars = {
    "**": [
        "sidebar/brand.html",
        "sidebar/search.html",
        "sidebar/languages.html",
        "sidebar/scroll-start.html",
        "sidebar/navigation.html",
        "sidebar/scroll-end.html",
    ]
}

# The order in the source is the order of reading; signatures stay short.
autodoc_member_order = "bysource"
autodoc_typehints = "none"
add_module_names = False

# Chinese: one catalogue a folder of pages. The pages of TRANSLATED must be whole (tests/docs/test_chinese.py).
locale_dirs = ["locale"]
gettext_location = False
gettext_uuid = False
