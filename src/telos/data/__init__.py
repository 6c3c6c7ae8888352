"""Logged trajectories: the native store, its views, and collecting."""

from telos.data.base import AbstractEpisodes as AbstractEpisodes
from telos.data.behaviour import AbstractBehaviour as AbstractBehaviour
from telos.data.behaviour import HeldRandomActions as HeldRandomActions
from telos.data.behaviour import RandomActions as RandomActions
from telos.data.collect import collect as collect
from telos.data.scenery import scenery_share as scenery_share
from telos.data.store import Episodes as Episodes
from telos.data.views import Mixture as Mixture
from telos.data.views import Selection as Selection
from telos.data.views import split as split
from telos.data.writer import EpisodeWriter as EpisodeWriter
