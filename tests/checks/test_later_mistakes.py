"""The fifth to the ninth set of mistakes: each is caught where its right twin passes, for the inputs it says."""

from __future__ import annotations

import pytest

from tests.checks.catching import differing, is_caught, points_of, remembers
from tests.mistakes import ALL
from tests.mistakes.eighth import ALSO as ALSO_EIGHTH
from tests.mistakes.eighth import EIGHTH
from tests.mistakes.fifth import ALSO as ALSO_FIFTH
from tests.mistakes.fifth import FIFTH
from tests.mistakes.fourth import FOURTH
from tests.mistakes.ninth import ALSO as ALSO_NINTH
from tests.mistakes.ninth import NINTH
from tests.mistakes.seventh import ALSO as ALSO_SEVENTH
from tests.mistakes.seventh import SEVENTH
from tests.mistakes.sixth import ALSO as ALSO_SIXTH
from tests.mistakes.sixth import SIXTH
from tests.mistakes.third import THIRD

SETS = {
    "fifth": (FIFTH, ALSO_FIFTH),
    "sixth": (SIXTH, ALSO_SIXTH),
    "seventh": (SEVENTH, ALSO_SEVENTH),
    "eighth": (EIGHTH, ALSO_EIGHTH),
    "ninth": (NINTH, ALSO_NINTH),
}


@pytest.mark.integration
@pytest.mark.usefixtures("without_places")
@pytest.mark.parametrize("which", SETS)
def test_every_mistake_is_caught_where_its_right_twin_passes(which: str) -> None:
    for mistake in SETS[which][0]:
        shown = (p for p in points_of(mistake.layer) if remembers(mistake) or differing(mistake, p))
        assert any(is_caught(mistake, point) for point in shown), mistake.name


def test_the_sets_are_well_described() -> None:
    names = [mistake.name for mistake in (*ALL, *THIRD, *FOURTH, *FIFTH, *SIXTH, *SEVENTH, *EIGHTH, *NINTH)]
    assert len(set(names)) == len(names)
    for mistakes, also in SETS.values():
        assert len(mistakes) >= 40
        assert also.keys() <= {mistake.name for mistake in mistakes}
        assert sum(bool(mistake.needs) for mistake in mistakes) >= len(mistakes) / 3
        for mistake in mistakes:
            assert mistake.wrong.facts == mistake.layer.facts, mistake.name
            assert set(mistake.expected) <= set(mistake.layer.differentiable), mistake.name
            assert mistake.says, mistake.name
            assert mistake.family not in also.get(mistake.name, ()), mistake.name
