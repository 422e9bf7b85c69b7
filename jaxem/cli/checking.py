"""Validation of a document: a checked config, or a sentence for every problem."""

from typing import Any, NamedTuple

from pydantic import ValidationError

from jaxem.cli.document import Document
from jaxem.cli.options import ZOO, Conjugate, Options, Section
from jaxem.cli.problems import Location, Problem
from jaxem.cli.schema import (
    Config,
    DataSection,
    FitSection,
    ModelSection,
    OutputSection,
    RaceTable,
    SelectSection,
    StochasticTable,
)
from jaxem.cli.sentences import problems

_TABLES: dict[str, type[Section]] = {
    "data": DataSection,
    "model": ModelSection,
    "fit": FitSection,
    "output": OutputSection,
    "select": SelectSection,
}


class Checked(NamedTuple):
    """A validated document.

    Attributes:
        config: Every table, or None if something is wrong.
        data: The data section alone, or None if it is wrong: a table can be read and checked even
            if the rest of the config is wrong.
        options: Options of the ready model, if one is named and they are right.
        problems: Everything wrong.
    """

    config: Config | None
    data: DataSection | None
    options: Options | None
    problems: list[Problem]


def check(document: Document) -> Checked:
    """Check every table of a document, and the options of the ready model that it names."""
    model = document.get("model")
    model = model if isinstance(model, dict) else {}
    zoo, given = model.get("zoo"), model.get("options", {})
    kind = ZOO.get(zoo) if isinstance(zoo, str) else None
    known = _known(kind)

    config, errors = _validate(Config, document, ())
    data, _ = _validate(DataSection, document.get("data"), ("data",))
    options = None
    if kind is not None and isinstance(given, dict):
        options, more = _validate(kind, given, ("model", "options"))
        errors += more
    wrong = problems(errors, document, known)
    if "model" in document and not wrong:
        wrong += _one_model(model)
    return Checked(config, data, options, wrong)


def check_select(document: Document) -> tuple[SelectSection | None, list[Problem]]:
    """Check the ``[select]`` table alone, which defines the models."""
    if "select" not in document:
        said = 'is missing; say in it what varies, such as vary = { components = "1-6" }.'
        return None, [Problem("[select]", said)]
    section, errors = _validate(SelectSection, document["select"], ("select",))
    return section, problems(errors, document, _known(None))


def _validate(section: Any, given: Any, under: Location) -> tuple[Any, list[Any]]:
    try:
        return section.model_validate(given), []
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        return None, [{**item, "loc": (*under, *item["loc"])} for item in found]


def _known(kind: type[Options] | None) -> dict[str, list[str]]:
    tables = {name: _keys(section) for name, section in _TABLES.items()}
    kinds = [kind] if kind else ZOO.values()
    options = list(dict.fromkeys(key for one in kinds for key in _keys(one)))
    inner = {"model.options": options, "model.options.conjugate": _keys(Conjugate)}
    inner["fit.race"] = _keys(RaceTable)
    inner["fit.stochastic"] = _keys(StochasticTable)
    return {"": list(tables), **tables, **inner}


def _keys(section: type[Section]) -> list[str]:
    return [field.alias or name for name, field in section.model_fields.items()]


def _one_model(model: Document) -> list[Problem]:
    given = [key for key in ("zoo", "declare", "program") if key in model]
    if len(given) == 1:
        return []
    has = f"has {' and '.join(given)}" if given else "names no model"
    said = (
        f'{has}; give one of zoo = "a ready model", declare = "module:function" (which returns a '
        f'jaxem.Model) and program = "module:function" (a NumPyro program).'
    )
    return [Problem("[model]", said)]
