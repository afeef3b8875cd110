"""Why no test can notice a mutant, module by module."""

from __future__ import annotations

import re

from benchmarks.mutants.reasons import behaviour, everywhere, exactness, judging, kinks, localising, pictures

FILES = (everywhere, judging, exactness, localising, kinks, pictures, behaviour)


def reason_for(change: str) -> str | None:
    """Why no test can notice it, if that is known; ``change`` reads "module.function: removed -> added"."""
    for file in FILES:
        for module, reasons in file.REASONS.items():
            if not change.startswith(module):
                continue
            for pattern, why in reasons.items():
                if re.search(pattern, change):
                    return why
    return None
