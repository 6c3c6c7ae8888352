"""Readouts: from a belief to quantities that people speak of."""

from telos.agent.readouts.description import AbstractReadoutConfig, ReadoutDescription
from telos.agent.readouts.kernel_ridge import KernelRidgeReadout, KernelRidgeReadoutConfig
from telos.agent.readouts.linear import LinearReadout, LinearReadoutConfig
from telos.agent.readouts.perceptron import PerceptronReadout, PerceptronReadoutConfig

__all__ = [
    "AbstractReadoutConfig",
    "KernelRidgeReadout",
    "KernelRidgeReadoutConfig",
    "LinearReadout",
    "LinearReadoutConfig",
    "PerceptronReadout",
    "PerceptronReadoutConfig",
    "ReadoutDescription",
]
