"""The page as text: the numbers of the JSON, nothing from elsewhere, nothing unescaped."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
import sys
from typing import Any

import pytest

from cnngrad.cli import main
from cnngrad.core.errors import UsageError
from cnngrad.report.html import report_html
from cnngrad.report.json import report_json
from tests.report.pages import HOSTILE, every_kind, large, picture
from tests.report.results import report, result

PAGE = report_html(
    every_kind(),
    {"command": ["cnngrad", HOSTILE], **dict.fromkeys(("started", "seconds", "python", "numpy", "platform"), "1")},
)


def data_of(page: str) -> list[list[list[dict[str, Any]]]]:
    (text,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    found: list[list[list[dict[str, Any]]]] = json.loads(
        text, parse_constant=lambda word: pytest.fail(f"{word} is no JSON")
    )
    return found


def test_the_totals_are_those_of_the_json() -> None:
    totals = json.loads(report_json(every_kind()))["totals"]
    shown = {name: value for value, name in re.findall(r'<data value="([^"]*)" id="(\w+)">', PAGE)}
    for name in ("entries", "cases", "exact", "forward_calls", "backward_calls", "layers_ok"):
        assert shown[name] == str(totals[name]), name


def test_the_numbers_of_the_pictures() -> None:
    (right,), (wrong,), *_ = data_of(PAGE)
    first = picture()
    assert right[0]["shape"] == [2, 1, 3, 3]
    assert right[0]["claimed"] == [float(f"{value:.6g}") for value in first.claimed.ravel()]
    assert set(right[0]["difference"]) == {0}
    assert right[0]["bound"] == 1e-12
    assert right[2]["numeric"] == [None, 1]
    assert (wrong[0]["difference"][0], wrong[0]["curve"]["gap"], wrong[0]["curve"]["bound"]) == (0.5, 0.5, 1e-12)
    assert wrong[2]["curve"]["bound"] is None
    assert wrong[2]["shape"] == []


def test_nothing_hostile_is_left_as_it_was() -> None:
    rest = re.sub(r"<script>.*?</script>", "", PAGE, flags=re.DOTALL)  # the page's own
    for danger in ("<script>alert", "<img", "{{", "49", "\x1b", "\u2028<", "\ud800"):
        assert (danger in rest) == (danger == "{{"), danger  # braces mean nothing to a browser
    assert html.escape("</script><script>alert(1)</script>") in rest
    assert data_of(PAGE)[4][0][0]["input"].startswith("</script><script>alert(1)")
    assert PAGE.encode()


def test_only_the_pages_own_script_and_style_may_run() -> None:
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', PAGE)
    assert policy.startswith("default-src 'none'; ")
    for tag in ("script", "style"):
        (text,) = re.findall(rf"<{tag}>(.*?)</{tag}>", PAGE, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert not re.search(
        r"""(?:src|href)\s*=\s*["']?(?:https?:|//)|@import|url\(|fetch\(|\sstyle=|\son\w+=["']""",
        report_html([report(result())]),
    )


def test_what_is_told_of_a_failure() -> None:
    text = html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", "", PAGE)))
    assert "gradients_match_forward failed for w worst at w[0, 0, 0, 0]: the backward gives 4, " in text
    assert "differences give 1 (exact); 4 of 4 entries differ" in text
    assert "Looks like: the kernel's gradient is rotated by 180°; rotating it back matches exactly" in text
    assert "Change: turn it back" in text
    assert "not affected: x, b" in text
    assert "its backward: net.py:12" in text
    assert "failed: 1 of 5 layers verified" in text.replace(", incomplete: the run was stopped before its end", "")
    assert "incomplete: the run was stopped before its end" in text
    assert "dilation" in text
    assert "never" in text
    assert "n = 1; k = 2" in text
    assert "no batch_axis is declared" in text


def test_a_long_list_of_findings_is_cut() -> None:
    many = report(*[result("error", name="", check=f"check{n}", reason="raised") for n in range(13)])
    assert "and 3 findings more, in the table of results" in report_html([many])


def test_many_layers_stay_small() -> None:
    reports = large()
    assert sum(len(each.results) for each in reports) == 2000
    assert len(report_html(reports).encode()) < 5_000_000


def test_without_jinja_one_sentence_before_anything_is_checked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Any
) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(
        UsageError, match=r"--html needs Jinja2, which is not installed: pip install 'cnngrad\[report\]'"
    ):
        report_html([])
    assert main(["check", "cnngrad.layers:relu", "--html", str(tmp_path / "r.html")]) == 2
    assert capsys.readouterr().out == ""
    assert list(tmp_path.iterdir()) == []


def test_the_command_writes_the_page(tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "r.html"
    assert main(["check", "cnngrad.layers:dense", "--effort", "quick", "--html", str(path)]) == 0
    ((inputs,),) = data_of(path.read_text("utf-8"))
    assert [each["input"] for each in inputs] == ["x", "w", "b"]
    assert all(value == 0 for each in inputs for value in each["difference"])
