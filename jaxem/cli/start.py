"""The entry point of the process: signals are watched before anything slow is imported."""

import io
import sys

from jaxem.cli.interrupts import interrupts


def main() -> None:
    """Run ``jaxem``."""
    for stream in (sys.stdout, sys.stderr):  # a name that the terminal cannot show is no failure
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        with interrupts:
            from jaxem.cli.main import app

            app()
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; nothing was written\n")
        sys.exit(130)


if __name__ == "__main__":
    main()
