"""Guardrails: what must never happen, and what is done when no plan is safe."""

from telos.agent.guardrails.fallbacks import Brake, Hold, LastSafePlan
from telos.agent.guardrails.fingerprints import differing, fingerprint_of, leads, quantities_of, tie_of, unusual, weights_above
from telos.agent.guardrails.holds import Holds
from telos.agent.guardrails.order import NotBefore
from telos.agent.guardrails.reading import guardrail_from_mapping, load_guardrails_file, region_from_mapping
from telos.agent.guardrails.requirements import Apart, KeepOut, Limit, StayInside
from telos.agent.guardrails.saving import load_guardrails, save_guardrails
from telos.core.guarding import Calibration, Guardrail
from telos.core.regions import Box, Disc, Field, Intersection, Outside, Polygon, Union

__all__ = [
    "Apart",
    "Box",
    "Brake",
    "Calibration",
    "Disc",
    "Field",
    "Guardrail",
    "Hold",
    "Holds",
    "Intersection",
    "KeepOut",
    "LastSafePlan",
    "Limit",
    "NotBefore",
    "Outside",
    "Polygon",
    "StayInside",
    "Union",
    "differing",
    "fingerprint_of",
    "guardrail_from_mapping",
    "leads",
    "load_guardrails",
    "load_guardrails_file",
    "quantities_of",
    "region_from_mapping",
    "save_guardrails",
    "tie_of",
    "unusual",
    "weights_above",
]
