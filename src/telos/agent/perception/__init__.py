"""Perception: from an observation to a latent."""

from telos.agent.perception.convolutional import ConvolutionalConfig, ConvolutionalEncoder
from telos.agent.perception.transformer import ViTConfig, ViTEncoder
from telos.agent.perception.tree import EncoderConfig, TreeEncoder
from telos.agent.perception.vector import VectorConfig, VectorEncoder

__all__ = ["ConvolutionalConfig", "ConvolutionalEncoder", "EncoderConfig", "TreeEncoder", "VectorConfig", "VectorEncoder", "ViTConfig", "ViTEncoder"]
