"""A bar on the terminal, fed by the progress reports of `jaxem.fit`."""

from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn


class Bar:
    """A context manager that is called with each report.

    Args:
        shown: Whether to draw at all; a terminal is needed too.
    """

    def __init__(self, shown: bool):
        console = Console(stderr=True)
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not (shown and console.is_terminal),
        )
        self._task = self._progress.add_task("planning and compiling", total=None)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def say(self, words: str) -> None:
        """Show what is being done before the first step."""
        self._progress.update(self._task, description=words)

    def __call__(self, report: Any) -> None:
        """Draw one report: it has steps, active, restarts and best."""
        moving = f"{report.active} of {report.restarts} starts moving"
        self._progress.update(
            self._task,
            description=f"step {report.steps}, {moving}, best {report.best:.6g}",
            total=report.restarts,
            completed=report.restarts - report.active,
        )
