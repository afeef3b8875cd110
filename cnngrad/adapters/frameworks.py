"""What the adapters of PyTorch, JAX and autograd share: names and positions, outputs of any nesting, refusals."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cnngrad.adapters.declared import names_of, refuse_unknown
from cnngrad.core.errors import UsageError
from cnngrad.core.layer import Layer

# One cotangent an output in, one gradient a differentiated input out.
Pull = Callable[[Sequence[Any]], Sequence[Any]]
# run(values, free, config): the outputs as NumPy arrays and their pull; ``free`` are the positions to differentiate.
Run = Callable[[Sequence[Any], Sequence[int], Mapping[str, Any]], tuple[Sequence[Any], Pull]]


@dataclass(frozen=True)
class Wrapped:
    """A framework's function as a ``vjp`` between NumPy arrays."""

    run: Run
    inputs: tuple[str, ...]
    free: tuple[int, ...]

    def vjp(self, *values: Any, **config: Any) -> tuple[Any, Callable[[Any], tuple[Any, ...]]]:
        outputs, pull = self.run(values, self.free, config)
        single = len(outputs) == 1

        def backward(dy: Any) -> tuple[Any, ...]:
            found = dict(zip(self.free, pull((dy,) if single else dy), strict=True))
            return tuple(found.get(position) for position in range(len(self.inputs)))

        return (outputs[0] if single else tuple(outputs)), backward


def framework_layer(
    adapter: Callable[..., Layer], run: Run, inputs: str | Sequence[str], name: str, declared: Mapping[str, Any]
) -> Layer:
    """The layer of a framework's function.

    Raises:
        UsageError: an unknown keyword.

    >>> def run(values, free, config): return [2 * values[0]], lambda dys: [2 * dys[0]]
    >>> y, back = framework_layer(framework_layer, run, "x", "double", {})(3.0)
    >>> y, back(1.0)
    (6.0, (2.0,))
    """
    refuse_unknown(adapter, declared)
    names = names_of(inputs)
    constants = names_of(declared.get("constants", ()))
    free = tuple(position for position, each in enumerate(names) if each not in constants)
    return Layer(Wrapped(run, names, free).vjp, names, **{"name": name, **declared, "constants": constants})


def missing(adapter: str, framework: str, extra: str) -> UsageError:
    """The error where a framework is not installed.

    >>> str(missing("from_torch", "PyTorch", "torch"))
    "from_torch needs PyTorch: pip install 'cnngrad[torch]'"
    """
    return UsageError(f"{adapter} needs {framework}: pip install 'cnngrad[{extra}]'")


def refuse_not_callable(adapter: str, function: Any) -> None:
    """Refuse what cannot be called."""
    if not callable(function):
        raise UsageError(f"{adapter} takes a function, not {type(function).__name__} {function!r:.40}")


def leaves(returned: Any) -> Iterator[Any]:
    """The arrays in what a function returned, tuples, lists and dicts opened, ``None`` left out.

    >>> list(leaves((1.0, [2.0, None], {"a": 3.0})))
    [1.0, 2.0, 3.0]
    """
    if isinstance(returned, Mapping):
        returned = tuple(returned.values())
    if isinstance(returned, (tuple, list)):
        for part in returned:
            yield from leaves(part)
    elif returned is not None:
        yield returned


def refuse_no_output(name: str, outputs: Sequence[Any]) -> None:
    """Refuse a function that returned nothing to differentiate."""
    if not outputs:
        raise UsageError(f"{name} returned None; a forward returns its output")


def refuse_partly_cut(name: str, floats: Sequence[bool], cut: Sequence[bool]) -> None:
    """A float output that no gradient reaches, beside others, is data, and cannot be told from a mistake.

    >>> refuse_partly_cut("f", [True, False], [False, False])
    """
    if any(cut) and sum(cut) < sum(floats):
        raise UsageError(
            f"{name}: output {list(cut).index(True)} is float, but no gradient passes through it (detached, or marked "
            f"as not differentiable); leave it out:  lambda *inputs: {name}(*inputs)[0]"
        )
