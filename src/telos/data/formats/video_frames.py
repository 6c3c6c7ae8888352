"""Frames of videos by their time, decoded from front to back; nothing but the file itself is opened."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from telos.core.errors import DataError, MissingExtraError
from telos.core.spaces import PixelSpace
from telos.data.formats.arrays import MOST_ROW_BYTES, foreign

CONTAINERS = "mov,mp4,matroska,webm,avi"
"""What a file may be. Others, such as playlists, name files that lie elsewhere."""
PICTURES = {1: "gray", 3: "rgb24", 4: "rgba"}
"""By channels, as FFmpeg calls them."""
SLACK = 64
"""Pixels by which decoders may pad a picture."""
ENDINGS = (".mp4", ".mkv", ".avi", ".mov", ".webm", ".m4v")


class Film:
    """One video, read from front to back. Close it, or use it in a `with` statement.

    Raises:
        DataError: the file is damaged, or holds no video; names the file.
        MissingExtraError: PyAV is not installed.
    """

    def __init__(self, path: Path) -> None:
        av = _import_av(path)
        self.path = path
        if not path.is_file():
            raise DataError(f"{path} is missing." if not path.exists() else f"{path} is no file.", fix="get the file again, or leave the episode out")
        with foreign(path):
            # An absolute path cannot be taken for the name of a protocol.
            self._container = av.open(str(path.absolute()), options={"format_whitelist": CONTAINERS, "protocol_whitelist": "file"})
        self._frames: Iterator[Any] = iter(())
        self._held: list[Any] = []
        # Kept, since a frame would make one for itself.
        self._convert = av.video.reformatter.VideoReformatter().reformat
        try:
            self._open_stream()
        except BaseException:
            self.close()
            raise

    def _open_stream(self) -> None:
        with foreign(self.path):
            if not self._container.streams.video:
                raise DataError(f"{self.path} holds no video.", fix="get the file again, or leave the episode out")
            self.stream = self._container.streams.video[0]
            context = self.stream.codec_context
            if context is None:
                raise DataError(f"{self.path} is packed with a codec that is not known.", fix="ffmpeg -i OLD -c:v libx264 -crf 10 NEW.mp4")
            self.height, self.width, self.codec = int(context.height), int(context.width), str(context.name)
            if not 0 < self.height * self.width * 3 <= MOST_ROW_BYTES:
                raise DataError(f"{self.path} has frames of {self.height} x {self.width}.", expected=f"{MOST_ROW_BYTES:,} bytes at most")
            context.options = {"max_pixels": str((self.height + SLACK) * (self.width + SLACK))}
            # Episodes are read side by side: threads of one decoder would only add to the memory.
            context.thread_count = 1
            self._frames, self._tick = self._container.decode(self.stream), float(self.stream.time_base)

    def __enter__(self) -> "Film":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._held = []
        self._container.close()

    @property
    def fps(self) -> float | None:
        """Frames per second, on average, if the file says."""
        rate = self.stream.average_rate
        return float(rate) if rate else None

    @property
    def begins(self) -> float:
        """Seconds at which the first frame is shown."""
        return float((self.stream.start_time or 0) * self.stream.time_base)

    def count(self) -> int:
        """Frames, as the file says or, where it does not, as there are packets; nothing is decoded, and nothing can be read afterwards."""
        if self.stream.frames > 0:
            return int(self.stream.frames)
        with foreign(self.path):
            return sum(packet.size > 0 for packet in self._container.demux(self.stream))

    def next(self, num: int, space: PixelSpace) -> np.ndarray:
        """The next frames `[num height width channel]`, or those that are left."""
        pictures = []
        while len(pictures) < num and (frame := self._next()) is not None:
            pictures.append(self._picture(frame, space))
        return np.stack(pictures) if pictures else np.empty((0, *space.shape), np.uint8)

    def at(self, times: np.ndarray, tolerance: float, space: PixelSpace) -> np.ndarray:
        """The frames that are shown at `times`, in seconds, which never go back; `[time height width channel]`.

        Raises:
            DataError: no frame is as near as `tolerance` to one of the times.
        """
        pictures = np.empty((len(times), *space.shape), np.uint8)
        for row, time in enumerate(times):
            pictures[row] = self._picture(self._nearest(float(time), tolerance), space)
        return pictures

    def seek(self, time: float) -> None:
        """Goes to the key frame before a time, so that what lies before it need not be decoded."""
        self._jump(time)
        with foreign(self.path):
            first = self._next()
        if first is None or self._time(first) > time:
            # An index that counts in decoding order may end up behind the picture.
            self._jump(0.0)
            return
        self._held = [first]

    def _jump(self, time: float) -> None:
        with foreign(self.path):
            self._container.seek(max(0, int(time / self.stream.time_base)), stream=self.stream)
            self._frames, self._held = self._container.decode(self.stream), []

    def _nearest(self, time: float, tolerance: float) -> Any:
        while not self._held or self._time(self._held[-1]) < time:
            frame = self._next()
            if frame is None:
                break
            self._held = [*self._held[-1:], frame]
        if self._held:
            best = min(self._held, key=lambda frame: abs(self._time(frame) - time))
            if abs(self._time(best) - time) <= tolerance:
                return best
        last = f"; the nearest is at {self._time(self._held[-1]):.4f} s" if self._held else ""
        raise DataError(f"{self.path} has no frame at {time:.4f} s{last}.", fix="get the file again, or leave the episode out")

    def _next(self) -> Any | None:
        with foreign(self.path):
            return next(self._frames, None)

    def _time(self, frame: Any) -> float:
        if frame.pts is None:
            raise DataError(f"{self.path} has frames without a time.", fix="ffmpeg -i OLD -c:v libx264 -crf 10 NEW.mp4")
        return frame.pts * self._tick

    def _picture(self, frame: Any, space: PixelSpace) -> np.ndarray:
        if (frame.height, frame.width) != (space.height, space.width):
            raise DataError(f"{self.path} has frames of {frame.height} x {frame.width}.", expected=f"{space.height} x {space.width}")
        if frame.is_corrupt:
            raise DataError(f"{self.path} is damaged: a frame cannot be decoded.", fix="get the file again, or leave the episode out")
        with foreign(self.path):
            return self._convert(frame, format=PICTURES[space.channels], threads=1).to_ndarray().reshape(space.shape)


def is_film(path: Path) -> bool:
    """Whether a file is called as videos are."""
    return path.suffix.lower() in ENDINGS and path.is_file()


def _import_av(path: Path) -> Any:
    try:
        import av
    except ImportError as error:
        raise MissingExtraError.of("av", extra="formats", purpose=f"Reading {path.name}") from error
    return av
