"""Conversion of pydantic's validation errors to problems: places in the config and sentences."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from jaxem.cli.problems import Location, Problem, did_you_mean, listing, place

#: Keys of every table by dotted name, "" for the tables themselves.
Known = Mapping[str, Iterable[str]]

_CLAUSES: dict[str, Callable[[dict[str, Any]], str]] = {
    "missing": lambda _: "is required, and missing",
    "int_type": lambda _: "expected a whole number",
    "bool_type": lambda _: "expected true or false",
    "float_type": lambda _: "expected a number",
    "finite_number": lambda _: "expected a finite number",
    "string_type": lambda _: "expected text in quotes",
    "string_too_short": lambda _: "must not be empty",
    "list_type": lambda _: "expected a list, such as [1, 2]",
    "dict_type": lambda _: "expected a table",
    "model_type": lambda _: "expected a table",
    "literal_error": lambda context: f"expected {context['expected']}",
    "greater_than": lambda context: f"must be more than {context['gt']:g}",
    "greater_than_equal": lambda context: f"must be at least {context['ge']:g}",
    "less_than_equal": lambda context: f"must be at most {context['le']:,}",
    "too_short": lambda context: f"must not have fewer than {context['min_length']} entries",
    "string_pattern_mismatch": lambda _: 'expected "module:function"',
}


def problems(errors: Iterable[Any], document: Any, known: Known) -> list[Problem]:
    """One problem for each place; the errors of the branches of a union are joined.

    Args:
        errors: Errors of pydantic, with locations from the top of the document.
        document: The document that was validated.
        known: The keys that a table may have, for suggestions.
    """
    found: dict[Location, tuple[Any, list[str]]] = {}
    for error in errors:
        location, value = _locate(error["loc"], document)
        _, sayings = found.setdefault(location, (value, []))
        said = _say(error, location, value, known)
        if said not in sayings:
            sayings.append(said)
    return [
        Problem(place(location, value), " Or: ".join(sayings))
        for location, (value, sayings) in found.items()
        if not any(_inside(other, location) for other in found)
    ]


def _locate(steps: Location, document: Any) -> tuple[Location, Any]:
    """The location of an error in the document, and the value there.

    Steps that name a branch of a union are left out: they are text, where the document has a
    number or a list.
    """
    value, location = document, ()
    for step in steps:
        if isinstance(value, dict):
            location, value = (*location, step), value.get(step)
        elif isinstance(value, list) and isinstance(step, int):
            location, value = (*location, step), value[step]
    return location, value


def _inside(inner: Location, outer: Location) -> bool:
    return len(inner) > len(outer) and inner[: len(outer)] == outer


def _say(error: Any, location: Location, value: Any, known: Known) -> str:
    if error["type"] == "extra_forbidden":
        return _unknown(location, known)
    context = error.get("ctx", {})
    clause = _CLAUSES.get(error["type"])
    said = f"{clause(context) if clause else error['msg']}."
    if error["type"] == "literal_error" and isinstance(value, str):
        names = context["expected"].replace(" or ", ", ").split(", ")
        said += did_you_mean(value, [name.strip("'") for name in names])
    return said


def _unknown(location: Location, known: Known) -> str:
    """The sentence for an unknown key: of another table, or misspelt."""
    *tables, key = (str(step) for step in location)
    table = ".".join(tables)
    hint = did_you_mean(key, known.get(table, ()))
    other = next((name for name, keys in known.items() if name != table and key in keys), None)
    if other:
        return f"belongs under [{other}]."
    if not tables:
        return f"there is no such table.{hint} A config has {listing(known[''])}."
    return f"there is no such key.{hint} [{table}] takes {listing(known.get(table, ()))}."
