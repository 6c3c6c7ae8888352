"""The agent: six rooms that meet only in `loop.py`, through the contracts."""
