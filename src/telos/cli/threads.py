"""How much of the processor a verb may use."""

from telos.core.errors import ConfigError


def use_threads(num: int | None) -> None:
    """Lets torch compute with `num` threads; None: with as many as it likes. Raises ConfigError for none or fewer."""
    if num is None:
        return
    if num < 1:
        raise ConfigError(f"{num} threads cannot compute anything.", expected="--threads of 1 or more")
    import torch

    torch.set_num_threads(num)
