"""Scripted experts that keep to guardrails: what an agent under the same guardrails is measured against."""

from telos.evaluation.experts.cautious import CautiousExpert
from telos.evaluation.experts.choice import expert_under
from telos.evaluation.experts.detour import DetourExpert

__all__ = ["CautiousExpert", "DetourExpert", "expert_under"]
