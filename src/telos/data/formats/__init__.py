"""Readers of other people's logs, one file a layout."""

from telos.data.formats.base import AbstractFormat as AbstractFormat
from telos.data.formats.base import AbstractSource as AbstractSource
from telos.data.formats.base import Description as Description
from telos.data.formats.base import SourceColumn as SourceColumn
