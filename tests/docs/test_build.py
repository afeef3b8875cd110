"""The pages build without a warning, ask nothing of the network, and hold what the layers compute."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from posixpath import normpath

import pytest

from cnngrad import layers
from cnngrad.explain import explain
from tests.docs.blocks import ROOT

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module", params=["en", "zh_CN"])
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("sphinx")
    out = tmp_path_factory.mktemp(request.param)
    options = ["-W", "--keep-going", "-q", "-E", "-b", "html", "-d", str(out / ".doctrees")]
    language = [] if request.param == "en" else ["-D", f"language={request.param}"]
    command = [sys.executable, "-m", "sphinx", *options, *language, str(ROOT / "docs"), str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return out


def test_nothing_is_asked_of_the_network(site: Path) -> None:
    pages = list(site.glob("**/*.html"))
    assert len(pages) > len(layers.ALL)
    for page in pages:
        html = page.read_text(encoding="utf-8")
        loaded = re.findall(r'<(?:script|img|iframe|source)[^>]*src="([^"]+)"', html)
        loaded += re.findall(r'<link[^>]*rel="(?:stylesheet|icon|preload)"[^>]*href="([^"]+)"', html)
        assert [address for address in loaded if "//" in address] == [], page.name


def test_derivations_hold_formulas_pictures_and_numbers(site: Path) -> None:
    for layer in layers.ALL:
        html = (site / "derivations" / f"{layer.name}.html").read_text(encoding="utf-8")
        assert html.count('<math xmlns="http://www.w3.org/1998/Math/MathML" display="block">') >= 2, layer.name
        assert f"backward = {layer.name}(" in html, layer.name
        first = explain(layer.name).numbers().splitlines()[3]
        assert first.split()[0] in html, layer.name
    assert '<div class="picture"><svg ' in (site / "derivations" / "conv.html").read_text(encoding="utf-8")


def test_each_page_links_to_itself_in_the_other_language(site: Path) -> None:
    for page in ("index.html", "derivations/conv.html"):
        html = (site / page).read_text(encoding="utf-8")
        (switch,) = re.findall(r'<div class="languages">(.*?)</div>', html, re.DOTALL)
        (address,) = re.findall(r'href="([^"]*)"', switch)
        up = "../" * page.count("/")
        chinese = 'lang="zh-CN"' in html
        assert normpath(address) == (f"{up}../{page}" if chinese else f"{up}zh_CN/{page}")
