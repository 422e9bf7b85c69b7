"""Checks of a declaration before anything compiles, with error messages in words."""

import difflib
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxem.model.advice import advice_on_error, advice_on_shapes
from jaxem.model.model import Model
from jaxem.model.prior import dotted
from jaxem.model.tied import check_ties
from jaxem.numerics.rows import take_rows
from jaxem.types import Data, DeclarationError


def check_declaration(model: Model, data: Data) -> None:
    """Check that the log joint, the prior and the data fit together; nothing is compiled.

    Args:
        model: The declared model.
        data: Prepared data.

    Raises:
        DeclarationError: If they do not; the message has the given, the expected and the remedy.
    """
    row = take_rows(data, 0)
    check_call(model, row)
    _check_prior(model)
    _check_use(model, row)


def check_params(model: Model, params: Any, what: str, restarts: int = 0) -> dict[str, np.ndarray]:
    """Values by dotted name from a given nested dictionary, checked.

    Args:
        model: The declared model.
        params: The dictionary; fixed and tied parameters may be left out.
        what: Name of the dictionary in error messages.
        restarts: With restarts, a leading axis of this length is allowed.

    Returns:
        Values by dotted name; stacked if the leading axis was given.

    Raises:
        DeclarationError: For a wrong name, shape or support.
    """
    if not isinstance(params, Mapping):
        raise DeclarationError(
            f"{what} must be a dictionary of parameters, or an initialiser such as "
            f"jaxem.initial.kmeans_plus_plus; got {params!r}."
        )
    known = {p.name: p for p in model.parameters}
    names = dict.fromkeys((*known, *(t.name for t in model.tied)))
    given = dict(dotted(params))
    for name in given:
        if name not in names:
            raise DeclarationError(
                f"{what} has {name!r}, which is no parameter{_did_you_mean(name, names)}; "
                f"the parameters are {', '.join(map(repr, names))}."
            )
    out = {}
    for name, p in known.items():
        if name not in given:
            if p.fixed is None:
                raise DeclarationError(f"{what} lacks parameter {name!r}, of shape {p.shape}.")
            out[name] = p.fixed
            continue
        value = _number(given[name], f"{what}[{name!r}]")
        if p.fixed is not None and not np.allclose(value, p.fixed):
            raise DeclarationError(
                f"{what} gives {name!r}, which its prior fixes at another value. Leave it out, or "
                f"give the parameter a prior that is not dist.Delta."
            )
        if value.shape not in (p.shape, (restarts, *p.shape)):
            more = f", or {(restarts, *p.shape)} with one for each restart" if restarts else ""
            raise DeclarationError(
                f"{what}[{name!r}] has shape {value.shape}; expected {p.shape}{more}."
            )
        _check_support(p, value, f"{what}[{name!r}]")
        out[name] = value
    if any(t.name in given for t in model.tied):
        leading = (restarts,) if any(out[n].shape != p.shape for n, p in known.items()) else ()
        every = {n: np.broadcast_to(out[n], (*leading, *p.shape)) for n, p in known.items()}
        check_ties(every, params, model.parameters, model.tied, what)
    return out


def _number(value: Any, what: str) -> np.ndarray:
    try:
        return np.asarray(value, float)
    except (TypeError, ValueError):
        raise DeclarationError(f"{what} is {value!r}; expected an array of numbers.") from None


def _did_you_mean(name: str, known: Mapping[str, Any]) -> str:
    close = difflib.get_close_matches(name, list(known), 1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def _check_support(p, value: np.ndarray, what: str) -> None:
    if not np.all(np.isfinite(value)):
        raise DeclarationError(f"{what} is not finite.")
    if value.size and not np.all(p.support.contains(value)):
        worst = value.ravel()[:4].tolist() if value.ndim else float(value)
        raise DeclarationError(
            f"{what} = {worst}{'...' if value.size > 4 else ''} lies outside its support, "
            f"{p.constraint}. Its prior, {p.described}, sets the "
            f"support; give a value inside it."
        )


def check_call(model: Model, row: Data) -> None:
    """Trace the log joint once, and raise its error, if any, with an explanation."""
    values = {p.name: np.asarray(p.center(), jnp.result_type(float)) for p in model.parameters}
    names = [p.name for p in model.parameters]
    try:
        shapes = model.shapes(values, row)
    except KeyError as missing:
        key = missing.args[0] if missing.args else ""
        raise DeclarationError(
            f"log_joint asks for {key!r}, which is not there"
            f"{_did_you_mean(str(key), dict.fromkeys(names))}; the parameters are "
            f"{', '.join(map(repr, names))}, and one row of the data is {_data_words(row)}."
        ) from missing
    except DeclarationError:
        raise
    except (TypeError, ValueError, IndexError, AttributeError) as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        called = ", ".join(("params", *model.latent.arguments, "x"))
        raise DeclarationError(
            f"log_joint({called}) fails for one row x = {_data_words(row)}, "
            f"{_state_words(model)} and params of shapes "
            f"{ {p.name: p.shape for p in model.parameters} }: "
            f"{first.removesuffix('.')}.{advice_on_error(error, first)}"
        ) from error
    if shapes != [()]:
        got = f"shape {shapes[0]}" if len(shapes) == 1 else f"{len(shapes) or 'no'} arrays"
        raise DeclarationError(
            f"log_joint returns {got}; expected a scalar, the log density of one row. "
            f"{advice_on_shapes(model, shapes)}"
        )


def _check_prior(model: Model) -> None:
    """Trace the log prior once, and raise its error, if any, with an explanation."""
    values = {p.name: np.asarray(p.center(), jnp.result_type(float)) for p in model.parameters}
    try:
        shapes = model.prior_shapes(values)
    except DeclarationError:
        raise
    except Exception as error:  # a user's functions may raise anything
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        advice = ""
        if isinstance(error, jax.errors.ConcretizationTypeError):
            advice = " Parameters are traced: write jnp.where instead of if."
        raise DeclarationError(
            f"the log prior, of the functions in prior and of factor, fails for params of shapes "
            f"{ {p.name: p.shape for p in model.parameters} }: {first}.{advice}"
        ) from error
    if shapes != [()]:
        raise DeclarationError(
            f"factor(params) returns an array of shape {shapes[0]}; expected a scalar, which is "
            f"added to the log prior. Sum it with .sum()."
        )


def _check_use(model: Model, row: Data) -> None:
    """Check that the log joint reads the state, and it or a prior every parameter."""
    values = {p.name: np.asarray(p.center(), jnp.result_type(float)) for p in model.parameters}
    used, of_state = model.reads(values, row)
    if model.latent.size > 1 and not of_state:
        raise DeclarationError(
            f"log_joint ignores z: it is the same for all {model.latent.size} states. Index the "
            f"parameters by z, and add the log probability of z, for instance "
            f'dist.Categorical(params["weights"]).log_prob(z).'
        )
    asked = asked_by_prior(model)
    for p in model.parameters:
        if not used[p.name] and p.path[0] not in asked:
            raise DeclarationError(
                f"prior declares {p.name!r}, which log_joint never uses. Remove it from the prior, "
                f"or use it."
            )


class _Recorder(dict):
    """A dictionary that records the keys that are read."""

    def __init__(self, values):
        super().__init__(values)
        self.keys_read: set[str] = set()

    def __getitem__(self, key):
        self.keys_read.add(key)
        return super().__getitem__(key)


def asked_by_prior(model: Model) -> set[str]:
    """First keys of the parameters that the factor or a conditional prior reads."""
    values = {p.name: np.asarray(p.center(), jnp.result_type(float)) for p in model.parameters}
    params = _Recorder(model.nest(values))
    for p in model.parameters:
        if p.is_conditional:
            p.distribution(params)
    for tied in model.tied:
        tied.prior(params)
    if model.factor is not None:
        model.factor(params)
    return params.keys_read


def _data_words(row: Data) -> str:
    leaves = jax.tree_util.tree_leaves_with_path(row)
    if len(leaves) == 1 and not leaves[0][0]:
        return f"an array of shape {np.shape(row)}"
    return ", ".join(f"{jax.tree_util.keystr(k)} of shape {np.shape(v)}" for k, v in leaves)


def _state_words(model: Model) -> str:
    kind = "a dictionary of ints" if isinstance(model.latent.states(), dict) else "an int"
    if "z_prev" in model.latent.arguments:
        return f"z_prev = None at the start and {kind} later, z = {kind}"
    return f"z = {kind}"
