"""The command ``cnngrad``, also as ``python -m cnngrad``."""

from __future__ import annotations

import sys

from cnngrad import __version__


def main() -> int:
    """Run the command; returns its exit code. To be told the version, nobody waits for the rest to load."""
    if sys.argv[1:] == ["--version"] and _version_is_said():
        return 0
    from cnngrad.cli import main as run

    return run()


def _version_is_said() -> bool:
    try:
        print(f"cnngrad {__version__}", flush=True)
    except OSError:  # a full disk, a reader that has gone: the rest of the command line says so
        return False
    return True


# The module is also imported to run its doctests, which must not start the command.
if __name__ == "__main__":
    sys.exit(main())
