"""The pytest plugin, run by pytest inside pytest."""

from __future__ import annotations

import pytest

from cnngrad import pytest_plugin

# It is imported already by the time the inner run wants to prepare it, which changes nothing here.
PLUGIN = ("-p", "cnngrad.pytest_plugin", "-W", "ignore::pytest.PytestAssertRewriteWarning", "-p", "no:cacheprovider")

COUNTING = """
    import pytest
    from cnngrad.pytest_plugin import record

    @pytest.fixture
    def checked():
        record("passed")

    def test_passes(checked):
        record("passed")

    def test_fails():
        record("failed")
        assert False

    def test_something_else():
        pass
"""


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch):
    """Run a test file with the plugin loaded, whether or not the package is installed."""
    # Installed, the plugin is loaded through its entry point, and naming it again would be an error.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")

    def run(source: str, *options: str) -> pytest.RunResult:
        pytester.makepyfile(source)
        return pytester.runpytest(*PLUGIN, *options)

    return run


def test_checks_are_counted_at_the_end(run) -> None:
    result = run(COUNTING)
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["cnngrad: 3 gradient checks: 1 failed, 2 passed"])


def test_checks_run_by_other_processes_are_counted_too(run) -> None:
    pytest.importorskip("xdist")
    result = run(COUNTING, "-p", "xdist.plugin", "-n", "1")
    result.stdout.fnmatch_lines(["cnngrad: 3 gradient checks: 1 failed, 2 passed"])


def test_a_run_without_checks_says_nothing(run) -> None:
    result = run("def test_nothing(): pass")
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*cnngrad*")


READING = """
    from cnngrad.pytest_plugin import OPTIONS

    def test_options():
        assert OPTIONS == {expected}
"""


@pytest.mark.parametrize(
    ("options", "expected", "header"),
    [
        (["--cnngrad-effort=quick"], {"effort": "quick"}, "effort quick"),
        (["--cnngrad-seed=0"], {"seed": 0}, "seed 0"),
        (["--cnngrad-no-diagnosis"], {"diagnose": False}, "diagnose False"),
        (
            ["--cnngrad-effort=thorough", "--cnngrad-seed=7"],
            {"effort": "thorough", "seed": 7},
            "effort thorough, seed 7",
        ),
    ],
)
def test_options_are_published_and_shown(run, options: list[str], expected: dict[str, object], header: str) -> None:
    result = run(READING.format(expected=expected), *options)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines([f"cnngrad *: {header}"])


def test_without_options_nothing_is_published(run) -> None:
    run(READING.format(expected={})).assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--cnngrad-effort=maximal", "*--cnngrad-effort: invalid choice: 'maximal'*quick*normal*thorough*exhaustive*"),
        ("--cnngrad-seed=x", "*--cnngrad-seed: invalid int value: 'x'*"),
    ],
)
def test_a_wrong_option_is_a_usage_error(run, option: str, message: str) -> None:
    result = run("def test_nothing(): pass", option)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([message])


def test_a_nested_run_leaves_the_outer_options_alone(run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(pytest_plugin.OPTIONS, "seed", 41)
    run(READING.format(expected={"effort": "quick"}), "--cnngrad-effort=quick").assert_outcomes(passed=1)
    assert pytest_plugin.OPTIONS["seed"] == 41
