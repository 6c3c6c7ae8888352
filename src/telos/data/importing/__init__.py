"""Turns other people's logs into stores."""

from telos.data.importing.detection import describe_source as describe_source
from telos.data.importing.importer import import_logs as import_logs
from telos.data.importing.importer import plan_import as plan_import
from telos.data.importing.options import ImportOptions as ImportOptions
from telos.data.importing.result import ImportResult as ImportResult
from telos.data.importing.result import LeftOut as LeftOut
from telos.data.importing.selection import Plan as Plan
