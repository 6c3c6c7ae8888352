"""The agent: perception, world model, cost and actor; they meet only in `loop.py`, through the contracts."""
