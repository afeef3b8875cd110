"""``python -m cnngrad`` is the command ``cnngrad``."""

from __future__ import annotations

import sys

from cnngrad.cli import main

# The module is also imported to run its doctests, which must not start the command.
if __name__ == "__main__":
    sys.exit(main())
