"""JUnit: the counts add up, each status has its kind, and nothing that XML cannot hold gets in."""

from __future__ import annotations

from xml.etree import ElementTree

from cnngrad.core.source import Source
from cnngrad.report.junit import report_junit
from tests.report.results import failure, report, result

APART = result("not_applicable", name="", check="samples_are_independent", reason="no batch_axis")
RAISED = result("error", name="b", reason="backward raised KeyError: 'cache'")
ZERO = result("inconclusive", name="x", reason="the gradient is zero everywhere")
MIXED = report(failure(), failure(), result(name="v"), RAISED, ZERO, APART, source=Source("net.py", 12))


def tree(*reports: object, seconds: tuple[float, ...] = ()) -> ElementTree.Element:
    return ElementTree.fromstring(report_junit(reports, seconds))  # type: ignore[arg-type]  # a list does as well as the tuple


def test_the_counts_are_those_of_the_tests_below() -> None:
    root = tree(MIXED, report(result()), seconds=(1.5, 0.25))
    for element in (root, *root.iter("testsuite")):
        for name, tag in (("tests", "testcase"), ("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert int(element.get(name, "")) == len(list(element.iter(tag))), (element.attrib, name)
    assert [root.get(name) for name in ("tests", "failures", "errors", "skipped", "time")] == [
        "6",
        "1",
        "2",
        "1",
        "1.750",
    ]
    assert [suite.get("time") for suite in root] == ["1.500", "0.250"]


def test_a_test_says_what_was_found_and_where_the_backward_is() -> None:
    (suite,) = tree(MIXED)
    failed, passed, raised, zero, apart = suite
    assert failed.attrib == {
        "classname": "conv2d",
        "name": "gradients_match_forward[w]",
        "file": "net.py",
        "line": "12",
    }
    assert failed[0].get("message") == "conv2d: gradients_match_forward failed for w"
    assert "worst at w[0, 0, 0, 0]: backward gives 4" in str(failed[0].text)
    assert str(failed[0].text).endswith("and 1 more")
    assert len(passed) == 0
    assert (raised[0].tag, raised[0].get("type")) == ("error", "error")
    assert (zero[0].tag, zero[0].get("type"), zero[0].text) == ("error", "inconclusive", ZERO.reason)
    assert (apart[0].tag, apart[0].get("message")) == ("skipped", "no batch_axis")


def test_a_layer_that_is_no_pass_is_never_green() -> None:
    for wrong, why in (
        (report(), "never compared"),
        (report(result(), differentiable=("w", "x")), "never compared: x"),
        (report(result(), complete=False), "the run was stopped before its end"),
        (report(failure(), complete=False), "the run was stopped before its end"),
        (report(APART, differentiable=()), "nothing was compared"),
    ):
        assert not wrong.ok
        messages = [str(error.get("message")) for error in tree(wrong).iter("error")]
        assert len(messages) == 1, why
        assert messages[0].startswith(why) or (why, messages[0]) == ("never compared", "nothing was compared")
    assert list(tree(report(result())).iter("error")) == []


def test_hostile_text_is_escaped() -> None:
    hostile = "</testsuite>\x00\x1b[31m\ud800\ufffe<!--\x85 ü 0°"
    (suite,) = tree(report(failure(reason=hostile, reproduce=hostile)))
    assert r"</testsuite>\x00\x1b[31m\ud800\ufffe<!--" in str(suite[0][0].text)
    assert "ü 0°" in str(suite[0][0].text)
