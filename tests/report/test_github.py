"""Workflow commands and the job summary: what GitHub reads, escaped as its runner wants it."""

from __future__ import annotations

import re
from urllib.parse import unquote

from cnngrad.core.source import Source
from cnngrad.report.github import error_lines, job_summary
from tests.report.results import failure, report, result


def test_an_error_points_at_the_backward() -> None:
    (line,) = error_lines(report(failure(), source=Source("src/a,b:c.py", 12)))
    assert line.startswith("::error file=src/a%2Cb%3Ac.py,line=12,title=conv2d%3A failed::conv2d: gradients_match_")
    assert "\n" not in line
    assert "forward differences give 1 (exact); 4 of 4 entries differ%0A  not affected: x, b%0A" in line


def test_without_a_place_it_is_told_all_the_same() -> None:
    (line,) = error_lines(report(result(), complete=False))
    assert line.startswith("::error title=conv2d%3A inconclusive::conv2d: inconclusive; ")


def test_a_pass_is_no_error() -> None:
    assert error_lines(report(result())) == []


def test_no_text_can_end_a_command_or_start_another() -> None:
    hostile = "50% of\r\n::set-output name=x::y\x00"
    (line,) = error_lines(report(failure(reason=hostile), source=Source("a\n::error::b.py", 1)))
    assert not re.search(r"[\r\n\x00]", line)
    assert "50%25 of%0D%0A::set-output name=x::y" in line
    assert unquote(line).count(hostile[:-1]) == 1


def test_the_summary_has_a_row_a_layer_and_what_was_found() -> None:
    text = job_summary([report(result()), report(failure()), report(result(), complete=False)])
    assert text.startswith(
        "### cnngrad: 1 of 3 layers verified\n\n| layer | status | what was compared |\n|---|---|---|\n"
    )
    assert text.count("\n| conv2d | ") == 3
    assert "| ✅ passed | 4 gradient entries compared at 1 points, exactly; " in text
    assert "| ❌ failed | " in text
    assert "| ❌ inconclusive, incomplete | " in text
    assert "```text\nconv2d: gradients_match_forward failed for w\n" in text


def test_markup_in_a_name_stays_text() -> None:
    named = report(failure(reason="```\n<script>"))
    hostile = type(named)("a|b`c`\n<img src=x>[l](u)", named.results, ("w",))
    text = job_summary([hostile])
    row = text.splitlines()[4]
    assert row.startswith("| a&#124;b&#96;c&#96; &#60;img src=x&#62;&#91;l&#93;(u) | ❌ failed |")
    assert "\n````text\n" in text
    assert "\n````\n" in text


def test_a_long_list_is_cut() -> None:
    assert "and 3 layers more" in job_summary([report(failure())] * 23)
