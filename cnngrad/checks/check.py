"""What a check is: a named statement about a layer that is true when it passes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from cnngrad.core.call import Calls, Evaluation
from cnngrad.core.case import Point
from cnngrad.core.errors import LayerRaised
from cnngrad.core.layer import Layer
from cnngrad.core.result import Result, Status


def always(layer: Layer) -> str:
    """The statement makes sense for every layer."""
    return ""


@dataclass(frozen=True)
class Check:
    """A named statement.

    Args:
        name: the statement itself, readable as a sentence: ``gradients_match_forward``.
        statement: the same in a full sentence, for people.
        judge: looks at a layer at one point; one result for each thing it looked at.
        why_not: ``why_not(layer)`` is empty where the check applies, else the reason why it does not.
    """

    name: str
    statement: str
    judge: Callable[[Evaluation], list[Result]]
    why_not: Callable[[Layer], str] = always

    def applies_to(self, layer: Layer) -> bool:
        return not self.why_not(layer)

    def run(self, layer: Layer, point: Point) -> list[Result]:
        """Judge a layer at a point; what the layer's own code raises becomes an ``error`` result."""
        reason = self.why_not(layer)
        if reason:
            return [Result(layer.name, self.name, Status.NOT_APPLICABLE, reason=reason)]
        calls = Calls()
        try:
            results = self.judge(Evaluation(layer, point, calls))
        except LayerRaised as raised:
            results = [self._error(raised)]
        passed = tuple(result.input for result in results if result.input and result.status == Status.PASSED)
        return [
            replace(
                result,
                layer=layer.name,
                check=self.name,
                case=point.case,
                unaffected=passed if result.status == Status.FAILED else (),
                forward_calls=calls.forward,
                backward_calls=calls.backward,
            )
            for result in results
        ]

    def _error(self, raised: LayerRaised) -> Result:
        missing = isinstance(raised.error, NotImplementedError)
        text = f"{raised.call} is not implemented yet" if missing else str(raised)
        return finding(Status.ERROR, reason=text)


def finding(status: Status, **facts: object) -> Result:
    """A result whose layer, check and case :meth:`Check.run` fills in."""
    return Result("", "", status, **facts)  # type: ignore[arg-type]  # the fields are Result's own, checked by tests
