"""A claim that is no linear function of dy: squared, clipped, normalised, masked by its sign, something added."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from cnngrad.core.arrays import Array
from cnngrad.core.result import Suspect
from cnngrad.diagnosis.failure import Failure, enough, faint, given, magnitude, same
from cnngrad.diagnosis.scene import Scene

LINEAR = "backward is linear in dy: dy is multiplied in once, whatever its sign and size"


def not_linear(failure: Failure) -> Iterator[Suspect]:
    """What was done to dy, or to the gradient, that no linear function does."""
    scenes = [s for s in failure.wrong if s.g.shape == s.shape and np.all(np.isfinite(s.g))]
    if not scenes or len(scenes) < len(failure.wrong) or all(map(_is_linear, scenes[:3])):
        return
    name = failure.name
    of_dy: tuple[tuple[str, str, Callable[[Array], Array]], ...] = (
        ("power", "dy is squared", np.square),
        ("power", "|dy| stands in the place of dy", np.abs),
        ("power", "sign(dy) stands in the place of dy", np.sign),
        ("mask", "dy is masked by [dy > 0]", lambda dy: np.maximum(dy, 0)),
    )
    for family, words, function in of_dy:
        yield from failure.lead(
            family, f"{words} in the gradient of {name}", given(lambda s, f: s.true(f(s.cotangent)), function), LINEAR
        )
    largest = max(float(np.max(np.abs(s.g))) for s in scenes)
    of_gradient: tuple[tuple[str, str, Callable[[Array], Array]], ...] = (
        ("clipping", f"clipped to [-{largest:.6g}, {largest:.6g}]", lambda n: np.clip(n, -largest, largest)),
        ("constant factor", "divided by its own norm", lambda n: n / np.sqrt(np.sum(n**2))),
        ("constant factor", "divided by its own largest entry", lambda n: n / np.max(np.abs(n))),
        ("power", "squared", np.square),
        ("power", "without its sign", np.abs),
        ("power", "its sign alone", np.sign),
    )
    for family, words, function in of_gradient:
        yield from failure.lead(
            family,
            f"the gradient of {name} is {words}",
            given(lambda s, f: f(s.n), function),
            "return the gradient itself: what becomes of it is the optimiser's matter",
        )
    telling = [s for s in scenes if np.any(s.dy < 0)]
    if len(telling) >= min(2, len(scenes)) and all(_takes_positive_only(s) for s in telling):
        yield Suspect(
            f"the gradient of {name} does not look at dy where dy is negative: the mask [dy > 0]",
            f"with the negative dy set to 0 backward gives the same in {len(telling)} failing cases",
            "the mask belongs to the forward, [z > 0], whatever dy is",
            "mask",
        )


def added_whatever_dy(failure: Failure) -> Iterator[Suspect]:
    """A part of the claim that is there for dy = 0 as well."""
    parts = [(s, s.rerun(0 * s.dy)) for s in failure.wrong]
    if not parts or any(part is None or part.shape != s.shape for s, part in parts):
        return
    told = [(s, part) for s, part in parts if part is not None and np.any(part)]
    right = [same(s.n, s.g - part) for s, part in told]
    if len(told) < min(2, len(failure.wrong)) or any(matched is None for matched in right):
        return
    name, words = failure.name, "a term that does not contain dy"
    fields: dict[str, Callable[[Scene], Array]] = {
        **{n: given(lambda s, n: s.inputs[n], n) for n in failure.layer.inputs},
        "the output": lambda s: s.out,
        "1": lambda s: np.ones(s.shape),
    }
    for other, field in fields.items():
        shares = [_share(part, field(s)) for s, part in told]
        if all(c is not None for c in shares):
            words = f"{shares[0]:.4g} {other}" if np.ptp(np.array(shares)) < 1e-6 else f"a multiple of {other}"
            break
    yield Suspect(
        f"{words} is added to the gradient of {name}, whatever dy is",
        f"backward of dy = 0 gives it; without it every entry is right, in {len(told)} failing cases",
        "leave it out: the gradient of dy = 0 is 0; weight decay is a layer of its own, or belongs to the update",
        "added term",
    )


def dy_itself(failure: Failure) -> Iterator[Suspect]:
    """``G = N - dy`` or ``G = N + dy``: of an input that reaches the output by two ways, one of them unchanged."""
    name = failure.name
    for sign, family, words, advice in (
        (-1, "missing term", f"the term dy is missing in the gradient of {name}",
         f"the output holds {name} itself (a skip connection) beside what else it goes through: add the share of each"),
        (1, "added term", f"dy is added to the gradient of {name}",
         f"the output does not hold {name} itself: hand back what comes through the layers, and no dy beside it"),
    ):  # fmt: skip  # a table: what belongs together stays on one line
        predict = given(lambda s, sign: s.n + sign * s.cotangent if s.y_shape == s.shape else None, sign)
        yield from failure.lead(family, words, predict, advice, everywhere=True)


def multiple_of_itself(failure: Failure) -> Iterator[Suspect]:
    """``G = N + c dE v`` in a loss: what a penalty on the input itself gives, too much or too little of it."""
    of_losses = [s for s in failure.wrong if s.g.shape == s.shape and s.dy.size == 1]
    told = [s for s in of_losses if np.all(np.isfinite(s.n))]  # at a kink, and near one, slopes are not known
    if len(of_losses) < len(failure.wrong) or len(told) < min(2, len(of_losses)):
        return
    c = _coefficient(min(told, key=lambda s: _unknown(s) / max(float(np.linalg.norm(s.value)), 1e-300)))
    name = failure.name
    family, words, advice = (
        ("added term", "is added to", "only what stands in the forward's penalty decays: leave it out")
        if c > 0
        else (
            "missing term",
            "is missing in",
            "the forward has a penalty on it: add the whole of its derivative, after any division",
        )
    )
    if abs(c) > 1e-6:
        matched = [same(s.n + c * s.dy[0] * s.value, s.g, _unknown(s)) for s in told]
        entries = sum(count or 0 for count in matched)
        if None not in matched and enough(len(told), entries, len(told)):
            yield Suspect(
                f"the term {abs(c):.4g} {name} dE {words} the gradient of {name}",
                f"this gives the claimed gradient, {entries} of {entries} entries in {len(told)} failing cases",
                advice,
                family,
            )


def _coefficient(s: Scene) -> float:
    """The ``c`` of least squares in ``G = N + c dE v``."""
    field = s.dy[0] * s.value.ravel()
    return float(field @ (s.g - s.n).ravel()) / max(float(field @ field), 1e-300)


def _unknown(s: Scene) -> float:
    """What the error of the differences is a share of, where the loss is large beside its slopes too."""
    return max(magnitude(s), faint(s))


def _share(part: Array, field: Array) -> float | None:
    if field.shape != part.shape or not np.any(field):
        return None
    c = float(np.sum(part * field) / np.sum(np.square(field)))
    return c if np.allclose(part, c * field, atol=1e-9) else None


def _is_linear(s: Scene) -> bool:
    other = np.cos(np.arange(s.dy.size) + 1.0)
    parts = [s.rerun(dy) for dy in (other, s.dy - 2 * other)]
    if any(part is None or part.shape != s.shape for part in parts):
        return True  # nothing can be said
    whole = np.asarray(2 * parts[0] + parts[1])  # type: ignore[operator]  # None is ruled out above
    return same(whole, s.g, float(np.max(np.abs(whole)))) is not None


def _takes_positive_only(s: Scene) -> bool:
    positive = s.rerun(np.maximum(s.dy, 0))
    return positive is not None and np.array_equal(positive, s.g)
