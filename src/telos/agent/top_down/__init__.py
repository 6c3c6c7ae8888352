"""Levels that plan together, from the top down, and who leads the lowest."""
