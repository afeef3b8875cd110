"""Mutation testing of cnngrad itself: what is left of the mutants, and why."""
