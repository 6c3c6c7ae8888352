"""Of which space a column will be in the store: smaller pictures, combined actions, bounds."""

from telos.core.errors import ConfigError
from telos.core.spaces import AbstractSpace, DiscreteSpace, PixelSpace, VectorSpace
from telos.data.formats.base import Role, SourceColumn
from telos.data.importing.options import ImportOptions, limits


def stored_space(column: SourceColumn, role: Role, options: ImportOptions, stride: int) -> AbstractSpace:
    """The space of one row in the store. Raises ConfigError for options that do not fit the column."""
    space = column.space
    if isinstance(space, PixelSpace):
        return space if role in ("extra", "time", "action") else _shrunk(column.name, space, options)
    if role == "action" and isinstance(space, VectorSpace):
        return _stored_action(space, options, stride)
    if role == "action" and stride > 1 and options.combine != "last":
        raise ConfigError(f"Choices cannot be combined by '{options.combine}'.", expected="--combine last")
    return VectorSpace(1) if isinstance(space, DiscreteSpace) and role != "action" else space


def _shrunk(name: str, space: PixelSpace, options: ImportOptions) -> PixelSpace:
    height, width = (min(space.height, space.width),) * 2 if options.crop == "square" else (space.height, space.width)
    if options.resize is None:
        return PixelSpace(height, width, space.channels)
    if options.resize > min(height, width):
        raise ConfigError(
            f"Pictures of '{name}' have {space.height} x {space.width} pixels, and cannot become {options.resize}.",
            expected=f"--resize of {min(height, width)} or less",
        )
    return PixelSpace(options.resize, options.resize, space.channels)


def _stored_action(space: VectorSpace, options: ImportOptions, stride: int) -> VectorSpace:
    factor = stride if options.combine == "sum" else 1
    copies = stride if options.combine == "stack" else 1
    low, high = space.low, space.high
    if (given := limits(options.bounds)) is not None:
        low, high = (given[0],) * space.size, (given[1],) * space.size
    elif options.bounds == "none" or options.relative_to is not None:
        low = high = None
    elif factor > 1:
        low, high = (bound and tuple(factor * number for number in bound) for bound in (low, high))
    return VectorSpace(copies * space.size, low and copies * low, high and copies * high)
