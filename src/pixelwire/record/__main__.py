"""The recorder's process, started by the supervisor."""

import sys
from functools import partial
from pathlib import Path

from pixelwire import lifeline, telemetry
from pixelwire.errors import PixelwireError, SegmentDamaged, SyncFailed
from pixelwire.home import check_home
from pixelwire.record.chain import SegmentLimits
from pixelwire.record.options import RecorderOptions
from pixelwire.record.server import RecorderServer
from pixelwire.record.waiting import WaitingWriter
from pixelwire.record.writer import Writer

EXIT_FAILED = 1
EXIT_SYNC_FAILED = 74  # EX_IOERR: opened anew by the next process, never tried again by this one


def main() -> int:
    options = lifeline.take_options(RecorderOptions)
    telemetry.configure(options.log_format, options.log_level)
    log = telemetry.logger("record")
    try:
        check_home(Path(options.data_dir), options.lock)
        writer = WaitingWriter(
            partial(
                Writer.open,
                Path(options.data_dir),
                segment_limits=SegmentLimits(bytes_max=options.retention.segment_bytes),
                retention=options.retention,
            )
        )
        server = RecorderServer(Path(options.socket_path), writer)
        lifeline.on_release(server.stop)
        lifeline.say_ready()
        serve(server, writer)
    except SyncFailed as error:
        log.error("sync_failed", error=str(error), remedy="check the disk; the recorder opens its files anew")
        return EXIT_SYNC_FAILED
    except PixelwireError as error:
        log.error("recorder_failed", error=error.text, remedy=error.hint or "see the lines above")
        return EXIT_FAILED
    return 0


def serve(server: RecorderServer, writer: WaitingWriter) -> None:
    """Until it is released. What can not be read ends it, too: the next one looks closely first."""
    try:
        server.serve()
    except SegmentDamaged:
        writer.mark_suspect()
        raise
    writer.close()


if __name__ == "__main__":
    sys.exit(main())
