"""The results of a selection: a table, files and a picture."""

import csv
import dataclasses
import io
from pathlib import Path
from typing import Any

from jaxem.cli import folder
from jaxem.cli.members import folder_name
from jaxem.cli.placing import SELECTION, Placed, put
from jaxem.cli.selecting import Outcome
from jaxem.digest import digest
from jaxem.selection import Selection
from jaxem.selection.compare import CRITERIA


def words(outcome: Outcome) -> str:
    """The table, the choice of each criterion, and the models that are not in the table."""
    lines = []
    if outcome.selection is not None:
        lines += [str(outcome.selection), _agreement(outcome.selection)]
    lines += [f"{label} could not be judged: {why}" for label, why in outcome.refused.items()]
    if outcome.missing:
        lines.append(f"not fitted to the end: {'; '.join(outcome.missing)}")
    if outcome.interrupted:
        lines.append("interrupted; the same command goes on from here")
    return "\n".join(lines)


def _agreement(selection: Selection) -> str:
    """Which criteria prefer another model than the one chosen."""
    others = {name: label for name, label in best_by(selection).items() if label != selection.best}
    if not others:
        return "every other criterion prefers it too"
    return "; ".join(f"by {name}: {label}" for name, label in others.items())


def best_by(selection: Selection) -> dict[str, str]:
    """The model that each criterion prefers, among those with a usable status."""
    names = [*CRITERIA, *(("held_out",) if selection.held_out else ())]
    return {name: dataclasses.replace(selection, criterion=name).best for name in names}


def write(place: Path, outcome: Outcome) -> Placed:
    """Write ``selection.csv``, ``selection.json`` and, with matplotlib, ``selection.png``."""
    rows = _rows(outcome.selection)
    folder_names = {label: folder_name(label) for label in rows}
    told = {
        "models": rows,
        "folders": folder_names,
        "fits": {
            label: _digest(place / run_folder / "fit.npz")
            for label, run_folder in folder_names.items()
        },
        "best": {} if outcome.selection is None else best_by(outcome.selection),
        "criterion": None if outcome.selection is None else outcome.selection.criterion,
        "refused": outcome.refused,
        "missing": outcome.missing,
        "interrupted": outcome.interrupted,
    }

    def fill(stage: Path) -> None:
        (stage / "selection.csv").write_text(_csv(rows), encoding="utf-8")
        _picture(stage / "selection.png", outcome.selection)
        (stage / "selection.json").write_text(folder.json_text(told), encoding="utf-8")

    return put(place, SELECTION, fill)


def _digest(path: Path) -> str:
    """Digest of a fit; empty if there is no such file."""
    return digest(path) if path.is_file() else ""


def _rows(selection: Selection | None) -> dict[str, dict[str, Any]]:
    """The numbers of every model that was judged, by label."""
    rows: dict[str, dict[str, Any]] = {}
    if selection is None:
        return rows
    for label, found in selection.criteria.items():
        rows[label] = {"status": selection.fits[label].status.name, **vars(found)}
        if label in selection.held_out:
            held_out = selection.held_out[label]
            rows[label] |= {"held_out": held_out.log_likelihood, "held_out_error": held_out.error}
    return rows


def _csv(rows: dict[str, dict[str, Any]]) -> str:
    text = io.StringIO()
    names = list(next(iter(rows.values()), {}))
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["model", *names])
    writer.writerows([label, *row.values()] for label, row in rows.items())
    return text.getvalue()


def _picture(path: Path, selection: Selection | None) -> None:
    """Draw the criteria, where matplotlib is installed and there is something to draw."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return
    if selection is None:
        return
    figure = Figure(layout="constrained")
    selection.plot(figure.subplots())
    figure.savefig(path, dpi=150)
