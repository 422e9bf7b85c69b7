"""The models of a selection, as one config each."""

import copy
import hashlib
import itertools
import math
import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from jaxem.cli.document import Document
from jaxem.cli.limits import MODELS
from jaxem.cli.placing import RESULTS, SELECTION
from jaxem.cli.problems import Problem, place
from jaxem.cli.schema import SelectSection

_LONGEST = 200

#: Default number of starts of every model.
RESTARTS = 20

_RANGE = re.compile(r"(\d{1,9})\s*-\s*(\d{1,9})")


class Member(NamedTuple):
    """One model of a selection.

    Attributes:
        label: Its unique name.
        document: The config that fits it alone.
    """

    label: str
    document: Document


def expand(document: Document, section: SelectSection) -> tuple[list[Member], list[Problem]]:
    """The models of all combinations of varied options, and problems of the table."""
    wrong = _contradictions(document, section)
    values = {key: _values(given) for key, given in section.vary.items()}
    wrong += [
        Problem(
            place(("select", "vary", key), section.vary[key]),
            'expected a list of values, or a range of whole numbers such as "1-6".',
        )
        for key, found in values.items()
        if not found
    ]
    if not all(values.values()) or not (section.vary or section.models):
        return [], wrong
    tables = [document.get("model", {}), *section.models]
    count = len(tables) * math.prod(map(len, values.values()))
    if count > MODELS:
        said = f"asks for {count:,} models; {MODELS:,} are the most."
        return [], [*wrong, Problem("[select]", said)]
    base = {key: table for key, table in document.items() if key != "select"}
    fit = base.get("fit", {})
    if isinstance(fit, dict):
        base["fit"] = {"restarts": RESTARTS, **fit}
    members = [
        _member(base, table, dict(zip(values, chosen, strict=True)), len(tables) > 1)
        for table in tables
        for chosen in itertools.product(*values.values())
    ]
    wrong += _label_problems([member.label for member in members])
    return ([] if wrong else members), wrong


def folder_name(label: str) -> str:
    """The name of the folder of one model."""
    name = re.sub(r"[^\w.=,-]+", "_", label.replace(", ", ",")).strip(". ")
    if len(name.encode()) <= _LONGEST:
        return name
    mark = hashlib.sha256(label.encode()).hexdigest()[:12]
    return f"{name.encode()[: _LONGEST - 13].decode(errors='ignore')}-{mark}"


def _label_problems(labels: Sequence[str]) -> list[Problem]:
    """Models with the same name, and names that cannot be a folder of their own."""
    wrong: list[str] = []
    folder_names: dict[str, str] = dict.fromkeys((*RESULTS, *SELECTION), "")
    for label in labels:
        run_folder = unicodedata.normalize("NFKC", folder_name(label)).casefold()
        other = folder_names.setdefault(run_folder, label)
        if labels.count(label) > 1:
            wrong.append(f"{label} is there twice; give every table of models a name of its own.")
        elif run_folder and other == "":
            wrong.append(f"{label!r} is the name of a file of results; give another name.")
        elif other != label:
            wrong.append(f"{other!r} and {label!r} would share a folder; give other names.")
    return [Problem("[select]", said) for said in dict.fromkeys(wrong)]


def _contradictions(document: Document, section: SelectSection) -> list[Problem]:
    """Problems of settings that a selection cannot use."""
    fit = document.get("fit", {})
    fit = fit if isinstance(fit, dict) else {}
    wrong = []
    if not section.vary and not section.models:
        said = 'says of nothing that it varies; give vary = { components = "1-6" }, or models.'
        wrong.append(Problem("[select]", said))
    if section.criterion == "held_out" and section.folds is None:
        said = "needs a cross-validation; add folds = 10."
        wrong.append(Problem(place(("select", "criterion"), "held_out"), said))
    if fit.get("e_step") == "hard":
        said = 'the criteria need the likelihood, which "hard" does not maximise; leave it out.'
        wrong.append(Problem(place(("fit", "e_step"), "hard"), said))
    for table in (document.get("model"), *section.models):
        name = str(table.get("name", "a name")) if isinstance(table, dict) else "a name"
        if not folder_name(name):
            said = "a model has a folder of its own, which cannot have this name; give another."
            wrong.append(Problem(place(("select", "models", "name"), name), said))
    if isinstance(fit.get("init"), dict):
        said = 'starting values suit one model alone; name an initialiser, such as "prior_draws".'
        wrong.append(Problem("[fit.init]", said))
    return wrong


def _values(given: Any) -> Sequence[Any]:
    """The values of a list or a range such as "1-6"; none if it is neither."""
    if isinstance(given, list):
        return given
    found = _RANGE.fullmatch(given.strip()) if isinstance(given, str) else None
    return range(int(found[1]), int(found[2]) + 1) if found else []


def _member(base: Document, table: Any, chosen: dict[str, Any], many: bool) -> Member:
    model = copy.deepcopy(table)
    name = _name(model) if many else ""
    if isinstance(model, dict):
        options = model.setdefault("options", {})
        if isinstance(options, dict):
            options.update(chosen)
    words = [f"{key}={value}" for key, value in chosen.items()]
    label = ", ".join([name, *words] if name else words)
    return Member(label, {**copy.deepcopy(base), "model": model})


def _name(model: Any) -> str:
    """The name in a table of a model, removed from it; else the model that it names."""
    if not isinstance(model, dict):
        return "model"
    named = model.pop("name", None)
    given = (model[key] for key in ("zoo", "declare", "program") if key in model)
    return str(named or next(given, "model"))


def of_members(
    section: SelectSection, found: Iterable[tuple[str, Problem]], many: bool
) -> list[Problem]:
    """Problems of members without repetitions, at their places in the config.

    Args:
        section: The table of the selection.
        found: Labels and problems of these members.
        many: Whether there are several tables of models, so that labels are needed.
    """
    told: dict[tuple[str, str], Problem] = {}
    for label, problem in found:
        where, said = _written(section, problem.where), problem.said
        if many and where.startswith("[model"):
            where = f"{where}, of {label}"
        told.setdefault((where, said), Problem(where, said))
    return list(told.values())


def _written(section: SelectSection, where: str) -> str:
    """The place in the ``[select]`` table of a place in the options of a member."""
    for key, given in section.vary.items():
        if re.match(rf"\[model\.options\] {re.escape(key)}\b", where):
            return place(("select", "vary", key), given)
    return where
