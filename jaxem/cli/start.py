"""The entry point of the process: signal handlers are installed before slow imports."""

import contextlib
import io
import os
import sys

_INTERRUPTED = 130


def main() -> None:
    """Run ``jaxem``; after a request to stop the process ends at once, with code 130."""
    for stream in (sys.stdout, sys.stderr):  # a name that the terminal cannot show is no failure
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        from jaxem.cli.interrupts import interrupts

        with interrupts:
            import typer.main

            from jaxem.cli.main import app

            command = typer.main.get_command(app)
            command()
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; nothing was written\n")
        _leave()
    except SystemExit as ended:
        if ended.code == _INTERRUPTED:
            _leave()
        raise


def _leave() -> None:
    """Exit without Python's finalisation, in which JAX waits and exceptions are dropped."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError):
            stream.flush()
    os._exit(_INTERRUPTED)


if __name__ == "__main__":
    main()
