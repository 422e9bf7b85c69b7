"""The commands: ``jaxem fit``, ``jaxem explain``, ``jaxem select``, ``jaxem report``."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from jaxem.cli.interrupts import interrupts
from jaxem.cli.problems import ConfigError
from jaxem.version import __version__

if TYPE_CHECKING:
    from jaxem.cli.loading import Job
    from jaxem.cli.placing import Placed

app = typer.Typer(
    name="jaxem",
    help="Fit models with hidden discrete variables: declare the joint, jaxem finds the algebra.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # which reads the name of a table in brackets as a colour
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
    """Entry point of ``python -m jaxem.cli.main``."""
    from jaxem.cli import start

    start.main()


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
        from jaxem.cli import placing

        place = place_of(job, output)
        placing.check(place, placing.RESULTS)
        from jaxem.cli import session

        session.prepare()
        from jaxem.cli import folder, running

        interrupts.check()
        began = time.perf_counter()
        fit, given = running.fit(job, quiet)
        placed = folder.write(place, fit, given, job, time.perf_counter() - began)
        if placed.trouble:
            typer.echo(f"{place} {placed.trouble}", err=True)
        if placed.folder is None:
            _say(folder.json_text(fit.params))
        if not quiet:
            _say(f"{fit.summary()}{_where(place, placed)}")
        ended = int(not fit.status.usable)
        raise typer.Exit(_code(ended, fit.status.name == "INTERRUPTED", bool(placed.trouble)))


@app.command("explain")
def explain_command(config: ConfigFile, settings: Settings = None) -> None:
    """Show what jaxem finds in the model of a config: how each parameter is solved, and why."""
    with _mistakes_in_words():
        from jaxem.cli.loading import load

        job = load(config, settings or [])
        from jaxem.cli import session

        session.prepare()
        from jaxem.cli import running

        interrupts.check()
        _say(str(running.explain(job)))


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
        from jaxem.cli import members, placing

        place = place_of(next(iter(jobs.values())), output)
        placing.check(place, placing.SELECTION)
        for run_folder in (place / members.folder_name(label) for label in jobs):
            if os.path.lexists(run_folder):
                placing.check(run_folder, placing.RESULTS)
        from jaxem.cli import session

        session.prepare()
        from jaxem.cli import selected, selecting

        interrupts.check()
        outcome = selecting.select(jobs, section, place, quiet)
        placed = selected.write(place, outcome)
        troubles = [*outcome.troubles, *([f"{place} {placed.trouble}"] if placed.trouble else [])]
        for trouble in troubles:
            typer.echo(trouble, err=True)
        if not quiet:
            _say(f"\n{selected.words(outcome)}{_where(place, placed)}")
        chosen = outcome.selection
        ended = int(chosen is None or not chosen.fit.status.usable)
        raise typer.Exit(_code(ended, outcome.interrupted, bool(troubles)))


@app.command("report")
def report_command(
    run: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="What jaxem fit has written, or jaxem select.")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="The same as JSON.")] = False,
    data: Annotated[
        Path | None,
        typer.Option(metavar="FILE.csv", help="The data, if they are not where they were."),
    ] = None,
    trust: Annotated[
        bool,
        typer.Option("--trust", help="Run the module of a model whose folder was not made here."),
    ] = False,
) -> None:
    """Report on a finished run: optima, standard errors, criteria, what looks wrong.

    The data are read again, from where the config of the run says that they are, or from --data; if
    they or the modules of the model have changed since, nothing is reported, and the code is 2.
    Modules of a folder that was moved or downloaded are run only with --trust.
    """
    with _mistakes_in_words():
        from jaxem.cli.finished import read_finished

        finished = read_finished(run, data, trust)
        from jaxem.cli import session

        session.prepare()
        from jaxem.cli import reporting

        interrupts.check()
        found = reporting.report(finished)
        interrupts.check()
        _say(found.as_json() if as_json else str(found))


def place_of(job: "Job", output: Path | None = None) -> Path:
    """The folder of results of a config."""
    if output is not None:
        return output
    folder = job.config.output.folder or os.path.join("results", job.path.stem)
    return Path(os.path.expanduser(folder))


def _say(text: str) -> None:
    """Print the answer, after the files are written; exit with code 2 if it cannot be printed."""
    try:
        typer.echo(text)
    except BrokenPipeError:
        raise  # a reader such as head has seen enough
    except OSError as error:
        typer.echo(f"the standard output cannot be written: {error.strerror}", err=True)
        raise typer.Exit(2) from None


def _where(place: Path, placed: "Placed") -> str:
    """A line with the folder of results; empty if it is not the one asked for."""
    return "" if placed.trouble else f"\n\nwritten to {place}"


def _code(ended: int, interrupted: bool, troubled: bool) -> int:
    """The exit code of a command that has an answer."""
    if interrupted or interrupts.asked:
        return 130
    return 2 if troubled else ended


@contextmanager
def _mistakes_in_words() -> Iterator[None]:
    """A context that prints a user's mistake, or a request to stop, as a sentence, and exits."""
    with interrupts:
        try:
            yield
            interrupts.check()
        except ConfigError as error:
            typer.echo(error.report(), err=True)
            raise typer.Exit(_code(2, False, False)) from None
        except MemoryError:
            typer.echo("there is not enough memory for this; nothing was written", err=True)
            raise typer.Exit(2) from None
        except (Exception, KeyboardInterrupt) as error:
            asked = interrupts.asked and not isinstance(error, typer.Exit)
            if not (asked or isinstance(error, KeyboardInterrupt)):
                raise
            typer.echo("interrupted; nothing was written", err=True)
            raise typer.Exit(130) from None


if __name__ == "__main__":
    main()
