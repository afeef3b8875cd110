"""What a file of reasons holds."""

from __future__ import annotations

# For each module ("checks.exactly"; "" for any): a pattern of the change, and why no test can notice it. What the
# pattern is searched in is "module.function: removed line -> added line", each without its indentation.
Reasons = dict[str, dict[str, str]]
