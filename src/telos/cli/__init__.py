"""The command line: one file a verb. Heavy imports happen inside a verb, so that help answers at once."""

import os
import sys
from typing import Annotated

from tyro import cli
from tyro.conf import FlagCreatePairsOff, OmitArgPrefixes, OmitSubcommandPrefixes, subcommand

from telos.cli.calibrate import Calibrate
from telos.cli.data import Data
from telos.cli.demo import Demo
from telos.cli.evaluate import Evaluate
from telos.cli.export import Export
from telos.cli.import_model import ImportModel
from telos.cli.levels import Levels
from telos.cli.plan import Plan
from telos.cli.practise import Practise
from telos.cli.rate import Rate
from telos.cli.readout import Readout
from telos.cli.remember import Remember
from telos.cli.serve import Serve
from telos.cli.show import Show
from telos.cli.surprise import Surprise
from telos.cli.time_to_go import TimeToGo
from telos.cli.train import Train
from telos.core.errors import TelosError

Verb = (
    Annotated[Demo, subcommand("demo")]
    | Annotated[Data, subcommand("data")]
    | Annotated[Train, subcommand("train")]
    | Annotated[ImportModel, subcommand("import-model")]
    | Annotated[Plan, subcommand("plan")]
    | Annotated[Evaluate, subcommand("evaluate")]
    | Annotated[Readout, subcommand("readout")]
    | Annotated[Practise, subcommand("practise")]
    | Annotated[Surprise, subcommand("surprise")]
    | Annotated[Remember, subcommand("remember")]
    | Annotated[Levels, subcommand("levels")]
    | Annotated[TimeToGo, subcommand("time-to-go")]
    | Annotated[Calibrate, subcommand("calibrate")]
    | Annotated[Rate, subcommand("rate")]
    | Annotated[Export, subcommand("export")]
    | Annotated[Serve, subcommand("serve")]
    | Annotated[Show, subcommand("show")]
)

DESCRIPTION = "Learn how a world works from logged trajectories; reach goals in it; see how. Start with: telos demo"
WRONG_USAGE = 2


def main() -> None:
    """Runs one verb. Exits with 0 (fine), 1 (a property or bar violated) or 2 (wrong usage or unusable input)."""
    code = run(sys.argv[1:])
    distributed = sys.modules.get("torch.distributed")
    if distributed is not None and distributed.is_initialized():
        # The threads of a process group now and then abort while the interpreter shuts down, when all is done and said.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


def run(arguments: list[str]) -> int:
    """Runs one verb and returns the exit code; a mistake of the user's gets its sentence, never a traceback."""
    from telos.cli.terminal import print_error

    command = cli(Verb, prog="telos", description=DESCRIPTION, args=arguments, config=(FlagCreatePairsOff, OmitArgPrefixes, OmitSubcommandPrefixes))  # type: ignore[call-overload]
    # Of several processes that train together, all meet the same mistake; one says so.
    tell = print_error if os.environ.get("RANK", os.environ.get("LOCAL_RANK", "0")) == "0" else lambda text: None
    try:
        return command.run() or 0
    except TelosError as error:
        tell(str(error))
    except OSError as error:
        tell(f"{error.filename or 'A file'}: {error.strerror or error}.")
    except KeyboardInterrupt:
        tell("stopped; what was saved is safe, and the same command goes on from there.")
        return 130
    return WRONG_USAGE
