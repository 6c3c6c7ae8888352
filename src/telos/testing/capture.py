"""Whether `torch.compile` captures a function as one graph, without a break that Python has to fill."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import jaxtyping
import torch

from telos.testing.promises import Promises
from telos.testing.trees import near


def check_capture(promises: Promises, name: str, function: Callable[..., Any], *args: Any) -> None:
    """Captures a function as a single graph with the eager backend, and compares what it gives.

    Raises:
        ConformanceError: the graph breaks, or gives something else.
    """
    expected = function(*args)
    disabled = jaxtyping.config.jaxtyping_disable
    torch.compiler.reset()
    try:
        # Run-time shape checks, which tests may have turned on, are Python that no graph can hold.
        jaxtyping.config.update("jaxtyping_disable", True)
        found = torch.compile(function, backend="eager", fullgraph=True)(*args)
    except Exception as error:
        raise promises.broken(f"{name} is captured by torch.compile(fullgraph=True)", _reason(error)) from error
    finally:
        jaxtyping.config.update("jaxtyping_disable", disabled)
        with suppress(Exception):
            torch.compiler.reset()
    promises(near(found, expected), f"{name} gives the same when torch.compile has captured it")


def _reason(error: Exception) -> str:
    """The first sentence of a message that fills a page, and the line of the component that it is about."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    places = [line.strip() for line in lines if line.strip().startswith("File ")]
    return " ".join([*lines[:1], *places[-1:]])
