"""The gradient checkers of other projects next to this one; ``python -m benchmarks.peers``, or ``make bench``."""
