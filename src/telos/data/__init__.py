"""Logged trajectories: the native store, its views, collecting, and looking at what is there."""

from telos.data.base import AbstractEpisodes as AbstractEpisodes
from telos.data.behaviour import AbstractBehaviour as AbstractBehaviour
from telos.data.behaviour import HeldRandomActions as HeldRandomActions
from telos.data.behaviour import RandomActions as RandomActions
from telos.data.collect import collect as collect
from telos.data.contact_sheet import contact_sheet as contact_sheet
from telos.data.importing import ImportOptions as ImportOptions
from telos.data.importing import ImportResult as ImportResult
from telos.data.importing import describe_source as describe_source
from telos.data.importing import import_logs as import_logs
from telos.data.inspection import Inspection as Inspection
from telos.data.inspection import inspect_store as inspect_store
from telos.data.scenery import scenery_share as scenery_share
from telos.data.store import Episodes as Episodes
from telos.data.views import Mixture as Mixture
from telos.data.views import Selection as Selection
from telos.data.views import split as split
from telos.data.wandering_expert import WanderingExpert as WanderingExpert
from telos.data.writer import EpisodeWriter as EpisodeWriter
