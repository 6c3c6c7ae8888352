"""A short film as bytes that every browser plays."""

import io
from fractions import Fraction

import numpy as np
from jaxtyping import UInt8

from telos.core.errors import MissingExtraError

KINDS = (
    ("libx264", "mp4", "video/mp4", {"crf": "14", "preset": "slow", "tune": "animation", "mbtree": "0", "movflags": "+faststart"}),
    ("libvpx-vp9", "webm", "video/webm", {"crf": "18", "b": "0"}),
)
"""Encoder, container, media type and options, the widest known first; which ones there are depends on how PyAV was built.

Without `mbtree=0` the same pictures are not always encoded to the same bytes.
"""


def check_video_encoder() -> None:
    """Raises MissingExtraError if films cannot be made; ask before the long work, not after it."""
    _import_av()


def encode_video(frames: UInt8[np.ndarray, "time height width 3"], *, per_second: int) -> tuple[bytes, str]:
    """A film, one picture after another, and its media type; height and width must be even.

    Raises:
        MissingExtraError: PyAV is not installed.
    """
    av = _import_av()
    encoder, container, media, options = next(kind for kind in KINDS if kind[0] in av.codecs_available)
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        stream = output.add_stream(encoder, rate=Fraction(per_second), options=options)
        assert isinstance(stream, av.VideoStream)
        stream.height, stream.width, stream.pix_fmt = frames.shape[1], frames.shape[2], "yuv420p"
        # Without these tags browsers guess the colour matrix, and each guesses for itself.
        colours = av.video.reformatter.Colorspace.ITU709
        stream.codec_context.colorspace = stream.codec_context.color_primaries = stream.codec_context.color_trc = 1
        for picture in frames:
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            output.mux(stream.encode(frame.reformat(format="yuv420p", dst_colorspace=colours)))
        output.mux(stream.encode())
    return file.getvalue(), media


def _import_av():
    try:
        import av
    except ImportError as error:
        raise MissingExtraError.of("av", extra="report", purpose="The video of the report") from error
    return av
