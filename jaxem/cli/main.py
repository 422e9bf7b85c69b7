"""The commands: ``jaxem fit``, ``jaxem explain``, ``jaxem select``, ``jaxem report``."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from jaxem.version import __version__

if TYPE_CHECKING:
    from jaxem.cli.loading import Job

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
OutputFolder = Annotated[
    Path | None, typer.Option(metavar="FOLDER", help="Where results go; over [output] folder.")
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar and no summary.")]


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
    output: OutputFolder = None,
    quiet: Quiet = False,
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

        place = output or place_of(job)
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


@app.command("select")
def select_command(
    config: ConfigFile,
    settings: Settings = None,
    output: OutputFolder = None,
    quiet: Quiet = False,
) -> None:
    """Fit every model of a config's [select] table, and compare them in one table.

    Each fit is written to a folder of its own as soon as it is made. Ends with code 0 if the chosen
    model has a usable answer, 1 if none has one, 2 if anything is wrong with the config, 130 if it
    was interrupted; the same command then goes on where it stopped.
    """
    with _mistakes_in_words():
        from jaxem.cli.loading import load_members

        section, jobs = load_members(config, settings or [])
        from jaxem.cli import session

        session.prepare()
        from jaxem.cli import folder, selected, selecting

        place = output or place_of(next(iter(jobs.values())))
        folder.check(place)
        outcome = selecting.select(jobs, section, place, quiet)
        selected.write(place, outcome)
    if not quiet:
        typer.echo(f"\n{selected.words(outcome)}\n\nwritten to {place}")
    chosen = outcome.selection
    if outcome.interrupted:
        raise typer.Exit(130)
    raise typer.Exit(int(chosen is None or not chosen.fit.status.usable))


@app.command("report")
def report_command(
    run: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="What jaxem fit has written, or jaxem select.")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="The same as JSON.")] = False,
) -> None:
    """Report on a finished run: optima, standard errors, criteria, what looks wrong.

    The data are read again, from where the config of the run says that they are; if they or the
    module of the model have changed since, nothing is reported, and the code is 2.
    """
    with _mistakes_in_words():
        from jaxem.cli.finished import read_finished

        finished = read_finished(run)
        from jaxem.cli import session

        session.prepare()
        from jaxem.cli import reporting

        found = reporting.report(finished)
        typer.echo(found.as_json() if as_json else str(found))


def place_of(job: "Job") -> Path:
    """Where the results of a config go."""
    return Path(job.config.output.folder or Path("results") / job.path.stem)


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
