"""Why a request is refused, and with which status of HTTP."""

from telos.core.errors import TelosError


class RefusedError(TelosError):
    """A request that is not done. Other errors of Telos are refusals of what a body holds, and answered with 422."""

    status = 422


class MalformedError(RefusedError):
    """A body that is not what its content type says."""

    status = 400


class ForeignPageError(RefusedError):
    """A request from a web page: a browser on this machine must not move the robot for anybody's page."""

    status = 403


class LateBodyError(RefusedError):
    """A body that did not arrive in time, or broke off."""

    status = 408


class StaleFrameError(RefusedError):
    """A frame that is too old, or older than one that came before."""

    status = 409


class TooLargeError(RefusedError):
    """A body beyond the limit."""

    status = 413


class BusyError(RefusedError):
    """Another request of the session is being answered."""

    status = 429


class PlanningError(RefusedError):
    """The planner itself failed."""

    status = 500


class UnavailableError(RefusedError):
    """No room for another session, or no time for a goal."""

    status = 503


def status_of(error: TelosError) -> int:
    """The status that an error is answered with."""
    return error.status if isinstance(error, RefusedError) else RefusedError.status
