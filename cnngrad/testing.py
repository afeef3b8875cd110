"""Gradient checks as pytest items: one item a layer and check, by a decorator or by a class to inherit from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from cnngrad.checks import Check
from cnngrad.core.arrays import shape_text
from cnngrad.core.errors import GradientMismatch, NotVerified, UsageError, VerdictError
from cnngrad.core.layer import Layer
from cnngrad.core.result import Status
from cnngrad.pytest_plugin import record
from cnngrad.report import Report
from cnngrad.report.data import GRADIENTS
from cnngrad.runner import check as run_check
from cnngrad.runner import choose_checks

ExpectedFailures = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class LayerCheck:
    """One check, to be called with a layer: raises on anything but a pass.

    Attributes:
        name: the check's name.
        options: ``effort`` and ``seed``, where given.
        left_out: how many checks that do not apply to the layer are counted together with this one.
    """

    name: str
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    left_out: int = field(default=0, repr=False)

    def __call__(self, layer: Layer) -> Report:
        """Run the check.

        Raises:
            GradientMismatch: it failed.
            NotVerified: the layer raised, or could not be judged.
        """
        __tracebackhide__ = True  # the traceback ends in the user's file
        for _ in range(self.left_out):
            record(Status.NOT_APPLICABLE)
        try:
            report = run_check(layer, select=(self.name,), raise_on_failure=False, **self.options)
        except UsageError as error:
            raise error.with_traceback(None)  # noqa: B904  # itself, with its own cause, from here on
        if not report.applies:
            pytest.skip(next((result.reason for result in report.results), "the check does not apply"))
        if report.status != Status.PASSED:
            raise (GradientMismatch if report.status == Status.FAILED else NotVerified)(report)
        return report


def parametrize_with_checks(
    layers: Iterable[Layer],
    *,
    expected_failures: ExpectedFailures | None = None,
    select: Sequence[str] = (),
    exclude: Sequence[str] = (),
    effort: str | None = None,
    seed: int | None = None,
) -> pytest.MarkDecorator:
    """Decorate ``def test_layer(layer, check): check(layer)``: one pytest item for each layer and check.

    An item's id is ``conv-gradients_match_forward``. Checks that do not apply to a layer become no items; the summary
    at the end of the run counts them.

    Args:
        layers: layers of different names.
        expected_failures: layer -> check -> reason. Those items must fail (strict xfail).
        select, exclude: names of checks to run, or not to run.
        effort, seed: as for ``cg.check``.

    Raises:
        UsageError: no layers, two of one name, a layer to which no check applies, or an expected failure that names
            no item. pytest reports it when it collects the file.

    >>> from cnngrad.layers import relu
    >>> [item.id for item in parametrize_with_checks([relu], select=["gradients_match_forward"]).args[1]]
    ['relu-gradients_match_forward']
    """
    __tracebackhide__ = True
    options = {key: value for key, value in (("effort", effort), ("seed", seed)) if value is not None}
    try:
        items = _all_items(layers, expected_failures or {}, choose_checks(select, exclude), options)
    except UsageError as error:
        raise error.with_traceback(None)  # noqa: B904  # itself, without the frames in here
    return pytest.mark.parametrize(("layer", "check"), items)


class LayerSuite:
    """A class of tests for one layer: a subclass has one item for each check.

    Attributes:
        layer: the layer to check.
        expected_failures: check -> reason. Those items must fail (strict xfail).
        select, exclude, effort, seed: as for :func:`parametrize_with_checks`.

    >>> from cnngrad.layers import relu
    >>> class TestRelu(LayerSuite):
    ...     layer = relu
    """

    layer: Any = None
    expected_failures: Mapping[str, str] = {}  # read only; a subclass replaces it
    select: Sequence[str] = ()
    exclude: Sequence[str] = ()
    effort: str | None = None
    seed: int | None = None

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)

        def test_layer(self: LayerSuite, layer: Layer, check: LayerCheck) -> None:
            __tracebackhide__ = True
            check(layer)

        test_layer.place_as = cls  # type: ignore[attr-defined]  # pytest then reports the user's file and class
        cls.test_layer = test_layer  # type: ignore[attr-defined]  # each suite gets its own

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Make the items; pytest calls this for every test of the class."""
        __tracebackhide__ = True
        if not {"layer", "check"} <= set(metafunc.fixturenames):
            return
        if not isinstance(self.layer, Layer):
            raise UsageError(f"{type(self).__name__} needs a class attribute  layer = conv  that is a cg.Layer")
        mark = parametrize_with_checks(
            [self.layer],
            expected_failures={self.layer.name: self.expected_failures},
            select=self.select,
            exclude=self.exclude,
            effort=self.effort,
            seed=self.seed,
        )
        metafunc.parametrize(*mark.args, **mark.kwargs)


def _all_items(
    layers: Iterable[Layer], expected_failures: ExpectedFailures, chosen: Sequence[Check], options: Mapping[str, Any]
) -> list[Any]:
    listed = _layers(layers)
    expected = _expected(expected_failures, [layer.name for layer in listed])
    return [item for layer in listed for item in _items(layer, chosen, expected.get(layer.name, {}), options)]


def _layers(given: Iterable[Layer]) -> list[Layer]:
    if isinstance(given, Layer) or not isinstance(given, Iterable):
        raise UsageError(f"parametrize_with_checks takes a list of layers, [conv, pool], not {shape_text(given)}")
    layers = list(given)
    if not layers:
        raise UsageError("parametrize_with_checks was given no layers, so there is nothing to test: [conv, pool]")
    for layer in layers:
        if not isinstance(layer, Layer):
            raise UsageError(
                f"parametrize_with_checks takes Layers, not {shape_text(layer)}: wrap a function pair with "
                "cg.from_functions, a class with cg.from_class, or write cg.Layer(vjp, inputs=(...))"
            )
    twice = [name for name, count in Counter(layer.name for layer in layers).items() if count > 1]
    if twice:
        raise UsageError(
            f"two layers are called {twice[0]!r}; names tell the items apart, so give each its own: "
            "name='conv_stride_2'"
        )
    return layers


def _expected(given: ExpectedFailures, names: Sequence[str]) -> ExpectedFailures:
    for layer, reasons in given.items():
        if layer not in names:
            raise UsageError(f"expected_failures names the layer {layer!r}; the layers are {', '.join(names)}")
        if not isinstance(reasons, Mapping) or not all(isinstance(r, str) and r.strip() for r in reasons.values()):
            raise UsageError(
                f"expected_failures[{layer!r}] is {reasons!r}; it takes a reason for each check: "
                f"{{{GRADIENTS!r}: 'issue 12'}}"
            )
    return given


def _items(layer: Layer, chosen: Sequence[Check], reasons: Mapping[str, str], options: Mapping[str, Any]) -> list[Any]:
    applicable = [each.name for each in chosen if each.applies_to(layer)]
    left_out = len(chosen) - len(applicable)
    if not applicable:
        why = "; ".join(f"{each.name}: {each.why_not(layer)}" for each in chosen)
        raise UsageError(f"no check applies to {layer.name}, so it would go untested ({why})")
    for name in reasons:
        if name not in applicable:
            raise UsageError(
                f"expected_failures names the check {name!r} for {layer.name}, which is not run for it; "
                f"the checks run are {', '.join(applicable)}"
            )
    return [
        pytest.param(
            layer,
            LayerCheck(name, options, 0 if number else left_out),  # the first item counts them, so they count once
            id=f"{layer.name}-{name}",
            marks=_expected_to_fail(reasons[name]) if name in reasons else (),
        )
        for number, name in enumerate(applicable)
    ]


def _expected_to_fail(reason: str) -> pytest.MarkDecorator:
    # A layer called wrongly (UsageError) is not the failure that was expected.
    return pytest.mark.xfail(raises=VerdictError, reason=reason, strict=True)
