"""Readouts: from a belief to quantities that people speak of."""
