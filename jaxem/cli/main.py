"""The commands: ``jaxem fit``, ``jaxem explain``."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from jaxem.version import __version__

app = typer.Typer(
    name="jaxem",
    help="Fit models with hidden discrete variables: declare the joint, jaxem finds the algebra.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

ConfigFile = Annotated[Path, typer.Argument(metavar="CONFIG.toml", help="What to fit, and how.")]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="TABLE.KEY=VALUE", help="Lay a value over the config; may be repeated."
    ),
]


def main() -> None:
    """Entry point."""
    app()


def _version(asked: bool) -> None:
    if not asked:
        return
    typer.echo(f"jaxem {__version__}")
    raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    pass


@app.command("fit")
def fit_command(
    config: ConfigFile,
    settings: Settings = None,
    output: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Where results go; over [output] folder."),
    ] = None,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="No progress bar and no summary.")
    ] = False,
) -> None:
    """Fit the model of a config, print a summary, and write a folder of results.

    Ends with code 0 if the answer is usable, 1 if no start gave one, 2 if the config, its data or
    its model is wrong, 130 if it was interrupted: the best so far is then written all the same.
    """
    with _mistakes_in_words():
        from jaxem.cli.loading import load

        job = load(config, settings or [])
        from jaxem.cli import session

        session.prepare()
        from jaxem.cli import folder, running

        place = output or Path(job.config.output.folder or Path("results") / config.stem)
        folder.check(place)
        began = time.perf_counter()
        fit, given = running.fit(job, quiet)
        folder.write(place, fit, given, job, time.perf_counter() - began)
    if not quiet:
        typer.echo(fit.summary())
        typer.echo(f"\nwritten to {place}")
    raise typer.Exit(130 if fit.status.name == "INTERRUPTED" else int(not fit.status.usable))


@app.command("explain")
def explain_command(config: ConfigFile, settings: Settings = None) -> None:
    """Show what jaxem finds in the model of a config: how each parameter is solved, and why."""
    with _mistakes_in_words():
        from jaxem.cli.loading import load

        job = load(config, settings or [])
        from jaxem.cli import session

        session.prepare()
        from jaxem.cli import running

        typer.echo(str(running.explain(job)))


@contextmanager
def _mistakes_in_words() -> Iterator[None]:
    """A person's mistake, or Ctrl-C, is a sentence; anything else is a bug and a traceback."""
    from jaxem.cli.problems import ConfigError

    try:
        yield
    except ConfigError as error:
        typer.echo(error.report(), err=True)
        raise typer.Exit(2) from None
    except KeyboardInterrupt:
        typer.echo("interrupted; nothing was written", err=True)
        raise typer.Exit(130) from None


if __name__ == "__main__":
    main()
