"""Guardrails: what must hold, and what is done when no plan is safe."""
