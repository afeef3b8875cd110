"""The nouns: layer, case, result, errors and arrays. Needs NumPy only."""
