"""The command ``cnngrad``, also as ``python -m cnngrad``."""

from __future__ import annotations

import sys

from cnngrad import __version__


def main() -> int:
    """Run the command; returns its exit code. To be told the version, nobody waits for the rest to load."""
    if sys.argv[1:] == ["--version"]:
        print(f"cnngrad {__version__}")
        return 0
    from cnngrad.cli import main as run

    return run()


# The module is also imported to run its doctests, which must not start the command.
if __name__ == "__main__":
    sys.exit(main())
