"""One self-contained page about a store: what it covers, what is in it twice, and which episodes look wrong."""

from telos.evaluation.dataset_report.report import write_dataset_report

__all__ = ["write_dataset_report"]
