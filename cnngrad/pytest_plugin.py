"""The pytest plugin: options for every ``cnngrad.check`` of a run, a header, and a summary line.

It imports nothing of cnngrad and waits to be told: the runner reads :data:`OPTIONS` and calls :func:`record`, so a
run without gradient checks costs nothing.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest

EFFORTS = ("quick", "normal", "thorough", "exhaustive")

#: What the command line of this run asks for: ``effort``, ``seed``, ``diagnose``, each only where given. They are
#: defaults: an argument of ``cnngrad.check`` itself goes before them.
OPTIONS: dict[str, Any] = {}

# A test's counts travel on its own report, which is how they reach the summary when pytest-xdist runs it elsewhere.
_PROPERTY = "cnngrad "
_recorded: Counter[str] = Counter()


def record(status: str) -> None:
    """Count one finished report of a layer for the summary at the end of the run.

    Args:
        status: the report's status, ``"passed"`` or another.

    >>> _ = _take()
    >>> record("passed")
    >>> _take()
    {'passed': 1}
    """
    _recorded[str(status)] += 1


def _take() -> dict[str, int]:
    taken = dict(_recorded)
    _recorded.clear()
    return taken


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("cnngrad", "checks of hand-written gradients")
    group.addoption(
        "--cnngrad-effort",
        choices=EFFORTS,
        help="how far cnngrad.check searches where a test does not say: %(choices)s",
    )
    group.addoption(
        "--cnngrad-seed",
        type=int,
        metavar="N",
        help="the seed of cnngrad.check where a test gives none",
    )
    group.addoption(
        "--cnngrad-no-diagnosis",
        action="store_true",
        help="do not look for the mistake behind a failed gradient check",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Publish the options for as long as this run lasts; runs may be nested."""
    before = dict(OPTIONS)
    _publish(_options_of(config))
    config.add_cleanup(lambda: _publish(before))
    config.pluginmanager.register(_Summary(), "cnngrad-summary")


def _options_of(config: pytest.Config) -> dict[str, Any]:
    given = {
        "effort": config.getoption("cnngrad_effort"),
        "seed": config.getoption("cnngrad_seed"),
        "diagnose": False if config.getoption("cnngrad_no_diagnosis") else None,
    }
    return {name: value for name, value in given.items() if value is not None}


def _publish(options: dict[str, Any]) -> None:
    OPTIONS.clear()
    OPTIONS.update(options)


def pytest_report_header() -> str | None:
    """Name the version and the options, if there are any."""
    if not OPTIONS:
        return None
    from cnngrad import __version__

    return f"cnngrad {__version__}: " + ", ".join(f"{name} {value}" for name, value in OPTIONS.items())


def pytest_runtest_setup() -> None:
    """What was recorded outside of tests belongs to none of them."""
    _take()


def pytest_runtest_teardown(item: pytest.Item) -> None:
    """Attach to a test what was recorded while it ran."""
    item.user_properties.extend((_PROPERTY + status, count) for status, count in _take().items())


class _Summary:
    """Adds up the counts of one run."""

    def __init__(self) -> None:
        self.totals: Counter[str] = Counter()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        # All phases of a test hand on its properties; only the last one has them all.
        if report.when != "teardown":
            return
        for name, count in report.user_properties:
            if name.startswith(_PROPERTY) and isinstance(count, int):
                self.totals[name.removeprefix(_PROPERTY)] += count

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.totals:
            counts = ", ".join(f"{count} {status}" for status, count in sorted(self.totals.items()))
            terminalreporter.write_line(f"cnngrad: {self.totals.total()} gradient checks: {counts}")
