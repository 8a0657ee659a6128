"""The entry point of the command `pixelwire`.

The web server's spawned workers import the main script again, and with it this module: so it imports
nothing before it is called.
"""


def main() -> None:
    """Runs the command line and ends the process with its exit code."""
    from pixelwire.cli.group import run

    run()
