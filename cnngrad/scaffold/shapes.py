"""Shapes to try on a forward, the usual ones of convolutional networks; the first that it takes is proposed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

# The first input, and what its weights may look like then. Sizes differ from each other, so that a mix-up shows.
DATA: tuple[tuple[tuple[int, ...], tuple[tuple[tuple[int, ...], ...], ...]], ...] = (
    ((2, 3), (((3, 4), (4,)), ((4, 3), (4,)), ((3, 4), (1, 4)), ((3,), (3,)), ((), ()), ((2, 3), (2, 3)))),
    ((2, 3, 5, 6), (((4, 3, 2, 2), (4,)), ((3, 4, 2, 2), (4,)), ((3,), (3,)), ((4, 3, 2, 2), (4, 1)))),
    ((2, 5, 6, 3), (((2, 2, 3, 4), (4,)), ((4, 2, 2, 3), (4,)), ((3,), (3,)))),
    ((3, 5, 6), (((4, 3, 2, 2), (4,)), ((4, 2, 2), (4,)), ((2, 2, 3, 4), (4,)))),
    ((5, 6), (((2, 2), ()), ((3, 2, 2), (3,)))),
    ((5,), (((2,), ()), ((5, 4), (4,)), ((4, 5), (4,)))),
    ((3, 2), (((4, 3), (4, 1)), ((4, 3), (4,)))),
    ((2, 3, 5), (((4, 3, 2), (4,)), ((5, 4), (4,)))),
    ((), ()),
    ((2, 3, 4, 4), ()),
    ((2, 4, 4, 3), ()),
    ((4, 4), ()),
)


def candidates(
    inputs: Sequence[str], targets: Sequence[str], known: Mapping[str, tuple[int, ...]]
) -> Iterator[dict[str, tuple[int, ...]]]:
    """Shapes for every input, likeliest first.

    Args:
        targets: inputs that have the shape of the first one, or one number a sample.
        known: shapes that are certain.

    >>> next(candidates(("x", "w", "b"), (), {}))
    {'x': (2, 3), 'w': (3, 4), 'b': (4,)}
    """
    free = [name for name in inputs[1:] if name not in known and name not in targets]
    for data, weights in DATA:
        for target in dict.fromkeys((data, data[:1])) if targets else (data,):
            for shapes in (*weights, (data,) * len(free)) if free else ((),):
                if len(free) <= len(shapes):
                    chosen = dict(zip(free, shapes, strict=False))
                    whole = {inputs[0]: data, **chosen, **dict.fromkeys(targets, target), **known}
                    yield {name: whole[name] for name in inputs}
