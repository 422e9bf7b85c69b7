"""Saying in words what is wrong with a declaration, before anything compiles."""

import difflib
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxem.model.model import Model
from jaxem.numerics.charts import from_real, to_real
from jaxem.numerics.rows import row_count, take_rows
from jaxem.types import Data, DeclarationError

_LOOKED_AT = 256


def check_declaration(model: Model, data: Data, weights: np.ndarray) -> None:
    """Check that the log joint, the prior and the data fit together.

    Args:
        model: The declared model.
        data: Prepared data.
        weights: Prepared weights.

    Raises:
        DeclarationError: With what was given, what was expected, and what to do.
    """
    row = take_rows(data, 0)
    _check_call(model, row)
    _check_use(model, row)
    _check_values(model, take_rows(data, _some_rows(weights)), _some_rows(weights))


def check_params(model: Model, params: Any, what: str, lanes: int = 0) -> dict[str, np.ndarray]:
    """Values by dotted name from a nested dictionary that a person gave, checked.

    Args:
        model: The declared model.
        params: The dictionary; fixed parameters may be left out.
        what: How to call it in a message.
        lanes: With restarts, a leading axis of this length is allowed.

    Returns:
        Values by dotted name; stacked if the leading axis was given.

    Raises:
        DeclarationError: For a wrong name, shape or support.
    """
    if not isinstance(params, Mapping):
        raise DeclarationError(
            f"{what} must be a dictionary of parameters; got {type(params).__name__}."
        )
    known = {p.name: p for p in model.parameters}
    given = dict(_flatten(params))
    for name in given:
        if name not in known:
            raise DeclarationError(
                f"{what} has {name!r}, which is no parameter{_did_you_mean(name, known)}; "
                f"the parameters are {', '.join(map(repr, known))}."
            )
    out = {}
    for name, p in known.items():
        if name not in given:
            if p.fixed is None:
                raise DeclarationError(f"{what} lacks parameter {name!r}, of shape {p.shape}.")
            out[name] = p.fixed
            continue
        value = np.asarray(given[name], float)
        if value.shape not in (p.shape, (lanes, *p.shape)):
            more = f", or {(lanes, *p.shape)} with one for each restart" if lanes else ""
            raise DeclarationError(
                f"{what}[{name!r}] has shape {value.shape}; expected {p.shape}{more}."
            )
        _check_support(p, value, f"{what}[{name!r}]")
        out[name] = value
    return out


def _flatten(params: Mapping[str, Any], prefix: str = ""):
    for key, value in params.items():
        if isinstance(value, Mapping):
            yield from _flatten(value, f"{prefix}{key}.")
        else:
            yield prefix + str(key), value


def _did_you_mean(name: str, known: Mapping[str, Any]) -> str:
    close = difflib.get_close_matches(name, list(known), 1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def _check_support(p, value: np.ndarray, what: str) -> None:
    if not np.all(np.isfinite(value)):
        raise DeclarationError(f"{what} is not finite.")
    inside = np.asarray(p.support.feasible_like(value)) if value.size == 0 else None
    if inside is None and p.kind == "simplex":
        close = np.abs(value.sum(-1) - 1) < 1e-5
        inside = close & np.all(value >= 0, -1)
    elif inside is None:
        inside = np.asarray(p.support(jnp.asarray(value)))
        if p.kind in ("positive", "unit"):
            inside = inside | (value == 0) | ((value == 1) & (p.kind == "unit"))
    if not np.all(inside):
        raise DeclarationError(
            f"{what} lies outside its support, {p.support}. Its prior, {p.described}, sets the "
            f"support; give a value inside it."
        )


def _check_call(model: Model, row: Data) -> None:
    """Call the log joint once, abstractly, and put its complaint in words."""
    values = {p.name: jnp.asarray(p.center()) for p in model.parameters}
    z = jax.tree.map(lambda s: s[0], model.latent.states())
    names = [p.name for p in model.parameters]
    try:
        out = jax.eval_shape(model.log_joint, model.nest(values), z, row)
    except KeyError as missing:
        key = missing.args[0] if missing.args else ""
        raise DeclarationError(
            f"log_joint asks for {key!r}, which is not there"
            f"{_did_you_mean(str(key), dict.fromkeys(names))}; the parameters are "
            f"{', '.join(map(repr, names))}, and the data are {_data_words(row)}."
        ) from missing
    except (TypeError, ValueError, IndexError, AttributeError) as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise DeclarationError(
            f"log_joint(params, z, x) fails for one row x = {_data_words(row)}, "
            f"z = {_state_words(z)} and params of shapes "
            f"{ {p.name: p.shape for p in model.parameters} }: {first}"
        ) from error
    shape = getattr(out, "shape", None)
    if shape != ():
        got = f"shape {shape}" if shape is not None else type(out).__name__
        raise DeclarationError(
            f"log_joint returns {got}; expected a scalar, the log density of one row. Sum the "
            f"log densities of independent entries with .sum(), or .to_event(1)."
        )


def _check_use(model: Model, row: Data) -> None:
    """Every parameter must matter, and so must the latent state."""
    values = {p.name: jnp.asarray(p.center()) for p in model.parameters}
    used, of_state = model.reads(values, row)
    if model.latent.size > 1 and not of_state:
        raise DeclarationError(
            f"log_joint ignores z: it is the same for all {model.latent.size} states. Index the "
            f"parameters by z, and add the log probability of z, for instance "
            f'dist.Categorical(params["weights"]).log_prob(z).'
        )
    asked = _asked_by_priors(model)
    for p in model.parameters:
        if not used[p.name] and p.path[0] not in asked:
            raise DeclarationError(
                f"prior declares {p.name!r}, which log_joint never uses. Remove it from the prior, "
                f"or use it."
            )


class _Asked(dict):
    """A dictionary that remembers what was asked of it."""

    def __init__(self, values):
        super().__init__(values)
        self.keys_asked: set[str] = set()

    def __getitem__(self, key):
        self.keys_asked.add(key)
        return super().__getitem__(key)


def _asked_by_priors(model: Model) -> set[str]:
    values = {p.name: jnp.asarray(p.center()) for p in model.parameters}
    params = _Asked(model.nest(values))
    for p in model.parameters:
        if not hasattr(p.prior, "log_prob"):
            p.prior(params)  # pyright: ignore[reportCallIssue]
    return params.keys_asked


def _check_values(model: Model, rows: Data, where: np.ndarray) -> None:
    """The log joint must be a number at ordinary parameters, for every row in some state."""
    rng = np.random.default_rng(0)
    program = jax.jit(model.table)
    tables = [np.asarray(program(_ordinary(model, rng, i), rows)) for i in range(3)]
    broken = np.all([np.isnan(t).any(1) for t in tables], axis=0)
    if broken.any():
        row = int(where[broken.argmax()])
        raise DeclarationError(
            f"log_joint is NaN at ordinary parameters, first for row {row} of the data: "
            f"{_row_words(rows, int(broken.argmax()))}. Look for a logarithm or root of a "
            f"negative number, or a value outside a distribution's domain."
        )
    impossible = np.all([(t == -np.inf).all(1) for t in tables], axis=0)
    if impossible.any():
        row = int(where[impossible.argmax()])
        raise DeclarationError(
            f"{int(impossible.sum())} of {len(where)} rows looked at have zero density under "
            f"every latent state, first row {row}: {_row_words(rows, int(impossible.argmax()))}. "
            f"Is the value outside the support of its distribution, or excluded in every state?"
        )


def _ordinary(model: Model, rng: np.random.Generator, scale: int) -> dict[str, np.ndarray]:
    """The centre of every support (scale 0), or a value about it."""
    out = {}
    for p in model.parameters:
        value = p.center()
        if p.fixed is None and p.kind != "other" and scale:
            noise = 0.5 * scale * rng.normal(size=p.shape)
            value = from_real(p.kind, to_real(p.kind, value) + noise)
        out[p.name] = value.astype(jnp.result_type(float))
    return out


def _some_rows(weights: np.ndarray) -> np.ndarray:
    present = np.flatnonzero(weights > 0)
    if len(present) <= _LOOKED_AT:
        return present
    return np.sort(np.random.default_rng(0).choice(present, _LOOKED_AT, replace=False))


def _data_words(row: Data) -> str:
    leaves = jax.tree_util.tree_leaves_with_path(row)
    if len(leaves) == 1 and not leaves[0][0]:
        return f"an array of shape {np.shape(row)}"
    return ", ".join(f"{jax.tree_util.keystr(k)} of shape {np.shape(v)}" for k, v in leaves)


def _state_words(z: Any) -> str:
    return "a dictionary of ints" if isinstance(z, dict) else "an int"


def _row_words(rows: Data, index: int) -> str:
    assert row_count(rows) > index
    taken = jax.tree.map(lambda leaf: np.asarray(leaf)[index].tolist(), rows)
    words = str(taken)
    return words if len(words) <= 120 else words[:117] + "..."
