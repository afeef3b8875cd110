"""One pytest item a layer and check: run by pytest inside pytest, right and wrong layers side by side."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable

import numpy as np
import pytest

import cnngrad as cg
from cnngrad import checks
from cnngrad.checks import Check
from cnngrad.checks.check import finding
from cnngrad.core.call import Evaluation
from cnngrad.core.result import Result, Status
from cnngrad.testing import LayerCheck, LayerSuite, parametrize_with_checks

PLUGIN = ("-p", "cnngrad.pytest_plugin", "-W", "ignore::pytest.PytestAssertRewriteWarning", "--cnngrad-effort=quick")
Run = Callable[..., pytest.RunResult]

LAYERS = """
    import numpy as np
    import cnngrad as cg

    def scale(factor):
        return lambda x: (2 * x, lambda dy: (factor * dy,))

    def raising(x):
        raise NotImplementedError

    right = cg.Layer(scale(2.0), ("x",), "right", shapes={"x": (3,)})
    wrong = cg.Layer(scale(3.0), ("x",), "wrong", shapes={"x": (3,)})
    flat = cg.Layer(lambda x: (0 * x, lambda dy: (0 * dy,)), ("x",), "flat", shapes={"x": (3,)})
    stub = cg.Layer(raising, ("x",), "stub", shapes={"x": (3,)})
"""
DECORATED = (
    LAYERS
    + """
    @cg.parametrize_with_checks([right, wrong])
    def test_layer(layer, check):
        check(layer)
"""
)
GRADIENTS = "gradients_match_forward"


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a test file with the plugin loaded, whether or not the package is installed."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")

    def run(source: str, *options: str) -> pytest.RunResult:
        pytester.makepyfile(source)
        return pytester.runpytest(*PLUGIN, *options)

    return run


def shift_judge(at: Evaluation) -> list[Result]:
    """A behaviour: the forward is not constant. It compares no gradients."""
    y = at.output()
    return [finding(Status.PASSED if np.ptp(y) else Status.FAILED)]


@pytest.fixture
def three_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The gradients, a behaviour, and a check that applies to no layer of one input."""
    behaviour = Check("forward_is_not_constant", "the forward is not constant", shift_judge)
    never = Check("never_applies", "it never applies", shift_judge, lambda layer: "one input only")
    gradients = next(each for each in checks.ALL if each.name == GRADIENTS)
    monkeypatch.setattr(checks, "ALL", (gradients, behaviour, never))


@pytest.fixture
def gradients_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many checks there will be, these tests count with one."""
    monkeypatch.setattr(checks, "ALL", tuple(each for each in checks.ALL if each.name == GRADIENTS))


# One item a layer and check.


@pytest.mark.usefixtures("three_checks")
def test_one_item_a_layer_and_check(run: Run) -> None:
    result = run(DECORATED, "-v")
    result.assert_outcomes(passed=3, failed=1)
    result.stdout.fnmatch_lines_random(
        [
            f"*::test_layer[[]right-{GRADIENTS}[]] PASSED*",
            "*::test_layer[[]right-forward_is_not_constant[]] PASSED*",
            f"*::test_layer[[]wrong-{GRADIENTS}[]] FAILED*",
        ]
    )
    result.stdout.no_fnmatch_line("*never_applies*")


@pytest.mark.usefixtures("three_checks")
def test_checks_left_out_are_counted_once_a_layer(run: Run) -> None:
    run(DECORATED).stdout.re_match_lines([r"cnngrad: 6 gradient checks: 1 failed, .*2 not_applicable.*"])


@pytest.mark.usefixtures("three_checks")
def test_a_behaviour_is_judged_by_itself(run: Run) -> None:
    result = run(DECORATED.replace("[right, wrong]", "[flat]"), "-k", "forward_is_not_constant")
    result.assert_outcomes(failed=1, deselected=1)


@pytest.mark.usefixtures("gradients_only")
@pytest.mark.parametrize(
    ("layer", "error", "line"),
    [
        ("wrong", "GradientMismatch", "*wrong: gradients_match_forward failed for x*"),
        ("flat", "NotVerified", "*gradients_match_forward inconclusive for x*"),
        ("stub", "NotVerified", "*forward is not implemented yet*"),
    ],
)
def test_anything_but_a_pass_fails_in_the_users_file(run: Run, layer: str, error: str, line: str) -> None:
    result = run(DECORATED.replace("[right, wrong]", f"[{layer}]"))
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([line])
    result.stdout.re_match_lines([rf"test_anything\w+\.py:\d+: {error}$"])
    result.stdout.no_re_match_line(r".*cnngrad/(testing|runner)\.py:\d+")


@pytest.mark.usefixtures("gradients_only")
def test_k_selects_and_x_stops(run: Run) -> None:
    run(DECORATED, "-k", f"right and {GRADIENTS}").assert_outcomes(passed=1, deselected=1)
    run(DECORATED.replace("[right, wrong]", "[wrong, right]"), "-x").assert_outcomes(failed=1)


@pytest.mark.usefixtures("gradients_only")
def test_lf_runs_what_failed(run: Run) -> None:
    run(DECORATED)
    result = run(DECORATED, "--lf", "-v")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*wrong-gradients_match_forward*"])


@pytest.mark.usefixtures("gradients_only")
def test_junit_counts_every_item(run: Run, pytester: pytest.Pytester) -> None:
    run(DECORATED, "--junitxml=out.xml", "-o", "junit_family=xunit1")
    suite = ET.parse(pytester.path / "out.xml").getroot().find("testsuite")
    assert suite is not None
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    items = {item.get("name"): item.get("file") for item in suite.iter("testcase")}
    assert items == dict.fromkeys(
        (f"test_layer[right-{GRADIENTS}]", f"test_layer[wrong-{GRADIENTS}]"), "test_junit_counts_every_item.py"
    )


def test_two_processes_share_the_items(run: Run) -> None:
    pytest.importorskip("xdist")
    selected = DECORATED.replace("wrong]", f"wrong], select=['{GRADIENTS}']")
    result = run(selected, "-p", "xdist.plugin", "-n", "2")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["cnngrad: 2 gradient checks: 1 failed, 1 passed"])


# Expected failures.

EXPECTED = (
    LAYERS
    + """
    @cg.parametrize_with_checks([right, wrong, stub], expected_failures={expected})
    def test_layer(layer, check):
        check(layer)
"""
)


@pytest.mark.usefixtures("gradients_only")
def test_an_expected_failure_is_a_strict_xfail_with_its_reason(run: Run) -> None:
    source = EXPECTED.replace("[right, wrong, stub]", "[right, wrong]")
    result = run(source.replace("{expected}", str({"wrong": {GRADIENTS: "issue 12"}})), "-rx")
    result.assert_outcomes(passed=1, xfailed=1)
    result.stdout.fnmatch_lines([f"XFAIL *wrong-{GRADIENTS}* issue 12*"])


@pytest.mark.usefixtures("gradients_only")
def test_an_expected_failure_that_passes_fails(run: Run) -> None:
    source = EXPECTED.replace("[right, wrong, stub]", "[right]")
    result = run(source.replace("{expected}", str({"right": {GRADIENTS: "issue 12"}})))
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*XPASS(strict)*issue 12*"])


@pytest.mark.usefixtures("gradients_only")
def test_a_layer_called_wrongly_is_no_expected_failure(run: Run) -> None:
    source = EXPECTED.replace("[right, wrong, stub]", "[cg.Layer(scale(2.0), ('x',), 'bare')]")
    result = run(source.replace("{expected}", str({"bare": {GRADIENTS: "issue 12"}})))
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E *UsageError: bare declares no shapes*"])


# What is refused at collection.

REFUSED = [
    ("[]", "parametrize_with_checks was given no layers, so there is nothing to test: [[]conv, pool[]]"),
    ("right", "parametrize_with_checks takes a list of layers, [[]conv, pool[]], not Layer Layer(right: x)"),
    ("[scale]", "parametrize_with_checks takes Layers, not function*: wrap a function pair with cg.from_functions*"),
    ("[right, wrong, right]", "two layers are called 'right'; names tell the items apart*name='conv_stride_2'"),
    ("[right], select=['sign']", "there is no check 'sign'; there are gradients_match_forward*"),
    (
        "[right], expected_failures={'conv': {'a': 'b'}}",
        "expected_failures names the layer 'conv'; the layers are right",
    ),
    (
        "[right], expected_failures={'right': {'sign': 'issue 12'}}",
        "expected_failures names the check 'sign' for right, which is not run for it; the checks run are gradients_*",
    ),
    (
        "[right], expected_failures={'right': {'never_applies': 'issue 12'}}",
        "expected_failures names the check 'never_applies' for right, which is not run for it*",
    ),
    (
        "[right], expected_failures={'right': {'gradients_match_forward': ''}}",
        "expected_failures[[]'right'[]] is {*}; it takes a reason for each check*",
    ),
    (
        "[right], select=['never_applies']",
        "no check applies to right, so it would go untested (never_applies: one input only)",
    ),
]


@pytest.mark.usefixtures("three_checks")
@pytest.mark.parametrize(("arguments", "message"), REFUSED)
def test_a_mistake_is_refused_at_collection(run: Run, arguments: str, message: str) -> None:
    result = run(DECORATED.replace("[right, wrong]", arguments))
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"E   *UsageError: {message}"])
    result.stdout.re_match_lines([r"test_a_mistake\w*\.py:\d+: in <module>"])
    result.stdout.no_re_match_line(r".*cnngrad/testing\.py:\d+")


# The class.

SUITE = (
    LAYERS
    + """
    class TestRight(cg.LayerSuite):
        layer = right

    class TestWrong(cg.LayerSuite):
        layer = wrong

        def test_of_their_own(self):
            pass
"""
)


@pytest.mark.usefixtures("three_checks")
def test_a_suite_has_one_item_a_check(run: Run) -> None:
    result = run(SUITE, "-v")
    result.assert_outcomes(passed=4, failed=1)
    result.stdout.fnmatch_lines_random(
        [
            f"*::TestRight::test_layer[[]right-{GRADIENTS}[]] PASSED*",
            f"*::TestWrong::test_layer[[]wrong-{GRADIENTS}[]] FAILED*",
            "*::TestWrong::test_layer[[]wrong-forward_is_not_constant[]] PASSED*",
        ]
    )
    result.stdout.no_fnmatch_line("*testing.py*")


@pytest.mark.usefixtures("gradients_only")
def test_a_suite_takes_expected_failures(run: Run) -> None:
    expected = f"layer = wrong\n        expected_failures = {{'{GRADIENTS}': 'issue 12'}}"
    run(SUITE.replace("layer = wrong", expected)).assert_outcomes(passed=2, xfailed=1)


@pytest.mark.usefixtures("gradients_only")
def test_a_suite_stands_in_the_users_file(run: Run, pytester: pytest.Pytester) -> None:
    run(SUITE, "--junitxml=out.xml", "-o", "junit_family=xunit1")
    items = {i.get("classname"): i for i in ET.parse(pytester.path / "out.xml").iter("testcase")}
    right = items["test_a_suite_stands_in_the_users_file.TestRight"]
    lines = SUITE.splitlines()[1:]  # pytester drops the first, empty line
    assert right.get("file") == "test_a_suite_stands_in_the_users_file.py"
    assert "class TestRight" in lines[int(right.get("line") or 0)]


def test_a_suite_without_a_layer_is_refused(run: Run) -> None:
    result = run("import cnngrad as cg\nclass TestConv(cg.LayerSuite):\n    pass")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*UsageError: TestConv needs a class attribute  layer = conv  that is a cg.Layer"])


# Used here, as people use it.


def square(factor: float) -> cg.Layer:
    return cg.Layer(lambda x: (x * x, lambda dy: (factor * x * dy,)), ("x",), f"square_{factor}", shapes={"x": (3,)})


@parametrize_with_checks(
    [square(2.0), square(3.0)],
    expected_failures={"square_3.0": {GRADIENTS: "the derivative of x² is 2x"}},
    select=[GRADIENTS],
    effort="quick",
    seed=1,
)
def test_in_this_very_file(layer: cg.Layer, check: LayerCheck) -> None:
    report = check(layer)
    assert (report.seed, report.effort) == (1, "quick")


class TestSquare(LayerSuite):
    layer = square(2.0)
    select = (GRADIENTS,)
    effort = "quick"
