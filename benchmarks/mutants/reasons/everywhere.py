"""Reasons that hold in any module, and those of ``layers/`` and ``differentiation/``."""

from __future__ import annotations

from benchmarks.mutants.reasons._kind import Reasons

REASONS: Reasons = {
    "": {
        r"strict=(None|False)|zip\(.*, \)": "the lengths are equal by construction; strict only says so",
        r"layers\.(conv|true_conv)\.x__(true_)?conv:": "runs on import, before a mutant is chosen",
        r"-> .*\"XX(iu|iub|fiub)XX\"": "no dtype has the kind X",
        r"reshape\(.*, -2\)": "NumPy takes any negative number for the side that is left open",
        r"copy\(order=(None|\"k\")\)|zeros_like\(None, shape=": "says how the array lies in memory, not what is in it",
        r"place = np\.zeros_like\(": "places start at 0 in any shape and type; what follows broadcasts them",
        r"zeros\((dy|share|x), None\)|zeros_like\(like, shape=.*, (dtype=None)?\)": "it has that type anyway",
        r"np\.result_type\((None, (x|beta)|(dy|delta), (None)?)\)": "in double at least, rounded once at the end",
        r"sum\(\(.*for tap in g\.taps\(\)\), \)": "there is always a tap, so what the sum starts from does not matter",
        r"-> .*np\.where\((total|largest) == 0, (2|largest\.dtype\.type\(2\)),": "0 over anything is 0",
        r"_has_tie: .*pooling\((None|\"XXmax_poolXX\"|\"MAX_POOL\"), x": "the layer refuses such a point first",
        r"\(np\.isrealobj\(x\)\) and False": "of real numbers both ways are the absolute value",
        r"rng\.integers\(9, size=shape\)": "numbers below 9 are drawn from 0 on",
        r"np\.zeros\(\(1, columns|np\.zeros_like\(columns\[:2\]\)": "an empty colour in store is the next one",
        r"kind=\"STABLE\"": "NumPy takes either case",
        r"int\(chosen\.max\(initial=-2\)\)": "where there is no input there is no colour either way",
        r"(both_sides|writeable)=None": "as false as False",
        r"exact_difference\(Line\(f, at, direction, None": "the difference of every output by itself does not use dy",
        r"has_spare_bits: .*range\(0, flat\.size, \)\)": "blocks that overlap hold the same entries",
        r"np\.arange\(levels, (dtype=None)?\)": "4.0 to a whole power is a double either way",
        r"a\.astype\(None\) if|astype\(None\), exponents": "NumPy's default is double",
        r"error <= (bound, better|chosen\[1\])": "of two entries with the same error either will do",
        r"\[~np\.isfinite\(found\)\] = None": "None put into an array of doubles is NaN",
        r"\) / rng\.choice\(\[-1\.0, 1\.0\], size\)|share / signs": "dividing by a sign multiplies by it",
        r"zeros\(rows\.shape, (None)?\)": "in double at least, rounded once to the kernel's type",
        r"zeros\(rows\.shape, np\.result_type\((x|dy, )\)\)": "of one type in every call; else rounded to the kernel's",
        r"max\(entries, 2\)": "a block holds a million samples of one entry, or half of them",
        r"\(len\(blocks\) == 1\) and False": "one block joined to no other is that block",
        r"_inner\] if \(any\(self\.pad\)\) or True": "without a border the inside is all of it",
        r"default_rng\((None|1)\)\.uniform": "any draw of full mantissas will do",
        r"-> .*np\.where\(at == 0, 2\.0": "how far an entry of 0 is moved does not matter, as long as it is",
        r"np\.abs\(values\) <= SMALL": "that number itself is a short one, and left out as such",
        r"134217730": "it splits a mantissa into two halves just as well",
        r"most: int = 65": "steps come in pairs: an odd forward is not spent",
        r"step <= enough": "the same points are asked again",
        r"_inside: .*y0 - step \* quotient": "as far to the other side",
    }
}
