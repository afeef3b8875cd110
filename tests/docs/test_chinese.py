"""The Chinese pages are whole: every message of start, guide and derivations is translated, and none is fuzzy."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.docs.blocks import ROOT

pytestmark = pytest.mark.integration

DOCS = ROOT / "docs"
PAGES = [DOCS / "index.md", DOCS / "start.md", DOCS / "guide.md", *sorted((DOCS / "derivations").glob("*.md"))]
CATALOGUES = ("index", "start", "guide", "derivations")
# Formulas, code, names of files and numbers stay as they are.
SAME = re.compile(r"`[^`]*`|[\w./-]+\.py|\d+|pytest|cnngrad|seed \d+|Relu|Sigmoid|Tanh|Softmax")
CHINESE = re.compile(r"[\u4e00-\u9fff]")


@pytest.fixture(scope="module")
def catalogues(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Any, Any]]:
    """For each catalogue the messages of the English pages, extracted now, and the translations that are kept."""
    pofile = pytest.importorskip("babel.messages.pofile")
    pytest.importorskip("sphinx")
    out = tmp_path_factory.mktemp("gettext")
    command = [sys.executable, "-m", "sphinx", "-W", "-q", "-b", "gettext", str(DOCS), str(out), *map(str, PAGES)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert {path.stem for path in out.glob("*.pot")} == set(CATALOGUES)
    kept = DOCS / "locale" / "zh_CN" / "LC_MESSAGES"
    return {name: (_read(pofile, out / f"{name}.pot"), _read(pofile, kept / f"{name}.po")) for name in CATALOGUES}


def _read(pofile: Any, path: Path) -> Any:
    with path.open("rb") as file:
        return pofile.read_po(file)


def untranslated(english: Any, chinese: Any) -> list[str]:
    """Messages that are missing, empty, fuzzy, left in English, or no longer on any page."""
    known = [message.id for message in english if message.id]
    return [text for text in known if not _translated(chinese.get(text))] + [
        message.id for message in chinese if message.id and message.id not in known
    ]


def _translated(message: Any) -> bool:
    if message is None or not message.string or message.fuzzy:
        return False
    return bool(message.string != message.id or _stays(message.id))


def _stays(text: str) -> bool:
    formula = "$" not in text and ("\\" in text or text == "y = x")
    return formula or SAME.fullmatch(text) is not None


def test_every_message_is_translated(catalogues: dict[str, tuple[Any, Any]]) -> None:
    for name, (english, chinese) in catalogues.items():
        assert untranslated(english, chinese) == [], f"{name}.po: run make messages, then fill it"
    sentences = [m for _, chinese in catalogues.values() for m in chinese if m.id and CHINESE.search(m.string)]
    assert len(sentences) > 150


def test_what_is_missing_is_found(catalogues: dict[str, tuple[Any, Any]]) -> None:
    from babel.messages.catalog import Catalog

    english = Catalog()
    for text in ("One sentence.", "Another one.", "A third.", "A fourth.", r"\frac{a}{b}", "`code`"):
        english.add(text)
    chinese = Catalog()
    chinese.add("One sentence.", "一句话。")
    chinese.add("Another one.", "")
    chinese.add("A third.", "第三句。", flags=["fuzzy"])
    chinese.add("A fourth.", "A fourth.")
    chinese.add(r"\frac{a}{b}", r"\frac{a}{b}")
    chinese.add("`code`", "`code`")
    chinese.add("Gone.", "没有了。")
    assert untranslated(english, chinese) == ["Another one.", "A third.", "A fourth.", "Gone."]


def test_both_languages_show_the_same_code_and_formulas(catalogues: dict[str, tuple[Any, Any]]) -> None:
    for _, chinese in catalogues.values():
        for message in chinese:
            for pattern in (r"`[^`]+`", r"\$[^$]+\$", r"\]\([^)]+\)"):
                left, right = (set(re.findall(pattern, text)) for text in (message.id or "", message.string or ""))
                assert left == right, message.id
