"""The report: one self-contained page about a run."""

from telos.evaluation.report.codec import Codec, train_decoder
from telos.evaluation.report.decoder import DecoderConfig
from telos.evaluation.report.report import write_report
from telos.evaluation.report.sources import Sources

__all__ = ["Codec", "DecoderConfig", "Sources", "train_decoder", "write_report"]
