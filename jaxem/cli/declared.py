"""The model of a config: a ready one, or one from a function of a user's module."""

import importlib
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jaxem import zoo
from jaxem.cli.fingerprint import file_of, places_of_modules
from jaxem.cli.loading import Job
from jaxem.cli.problems import ConfigError, Problem, did_you_mean, listing, place
from jaxem.model import Model
from jaxem.model.binding import Declaration
from jaxem.programs import Program, from_numpyro
from jaxem.types import DeclarationError


def build(job: Job) -> Declaration:
    """The model, or the program that becomes one.

    Raises:
        ConfigError: If it cannot be found, or fails, or returns something else.
        DeclarationError: If the declaration is wrong.
    """
    section = job.config.model
    if section.program is not None:
        with _in_words(job, "program", section.program):
            return from_numpyro(_function(section.program, job.path.parent), **section.options)
    if section.declare is None:
        return _ready(job)
    with _in_words(job, "declare", section.declare):
        model = _function(section.declare, job.path.parent)(**section.options)
    if not isinstance(model, Model | Program):
        where = place(("model", "declare"), section.declare)
        said = f"returned {type(model).__name__}; expected a jaxem.Model."
        raise ConfigError(job.path, [Problem(where, said)])
    return model


@contextmanager
def _in_words(job: Job, key: str, named: str) -> Iterator[None]:
    """A context that raises errors of a user's module as problems of the config."""
    where = place(("model", key), named)
    try:
        yield
    except DeclarationError:
        raise
    except _NotThereError as error:
        raise ConfigError(job.path, [Problem(where, str(error))]) from None
    except MemoryError:
        raise
    except (Exception, SystemExit) as error:
        raise ConfigError(job.path, [Problem(where, _failure(error))]) from error


class _NotThereError(Exception):
    """The module or the function does not exist."""


def _ready(job: Job) -> Model:
    assert job.options is not None and job.config.model.zoo is not None
    arguments = job.options.arguments(len(job.table.columns))
    if "conjugate" in arguments:
        arguments["conjugate"] = zoo.NormalInverseWishart(**arguments["conjugate"])
    return getattr(zoo, job.config.model.zoo)(**arguments)


def _function(named: str, folder: Path) -> Any:
    module_name, _, name = named.partition(":")
    places = places_of_modules(folder)
    _check_free(module_name, places)
    for place_to_look in map(str, reversed(places)):
        if place_to_look not in sys.path:
            sys.path.insert(0, place_to_look)
    importlib.invalidate_caches()
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not module_name.startswith(error.name):
            raise
        where = " or ".join(map(str, places))
        raise _NotThereError(f"there is no module {error.name!r} in {where}.") from None
    function = getattr(module, name, None)
    if function is None:
        public = [key for key, value in vars(module).items() if callable(value) and key[0] != "_"]
        hint = did_you_mean(name, public)
        raise _NotThereError(f"{module_name} has no {name!r}.{hint} It has {listing(public)}.")
    if not callable(function):
        raise _NotThereError(f"{name!r} is {type(function).__name__}, not a function.")
    return function


def _check_free(module_name: str, places: tuple[Path, ...]) -> None:
    """Check that a user's module does not have the name of one of Python's or of a package."""
    top = module_name.partition(".")[0]
    own = file_of(top, places, ())
    taken = top in sys.stdlib_module_names or _installed(sys.modules.get(top))
    if own is not None and taken:
        raise _NotThereError(
            f"{own} has the name of a module that Python or a package brings; rename it."
        )


def _installed(module: Any) -> bool:
    return "site-packages" in Path(getattr(module, "__file__", None) or "").parts


def _failure(error: BaseException) -> str:
    """An error of a user's code in one line: its type, message and location."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    location = f"{Path(frame.filename).name}, line {frame.lineno}"
    return f"failed with {type(error).__name__}: {error} ({location})."
