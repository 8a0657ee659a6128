"""The management process, started by the supervisor."""

import socket

from pixelwire import lifeline, telemetry
from pixelwire.errors import PixelwireError
from pixelwire.manage.app import build_app
from pixelwire.manage.options import ManageOptions
from pixelwire.manage.server import ManageServer

EXIT_FAILED = 1


def main() -> int:
    options = lifeline.take_options(ManageOptions)
    telemetry.configure(options.log_format, options.log_level)
    try:
        server = ManageServer(build_app(options), lifeline.say_ready)
        lifeline.on_release(server.release)
        server.serve_on(socket.socket(fileno=options.socket_fd))
    except PixelwireError as error:
        telemetry.logger("manage").error("manage_failed", error=str(error))
        return EXIT_FAILED
    return 0


if __name__ == "__main__":
    lifeline.leave(main())
