"""Advice for common mistakes in a log joint, from the error that JAX raised or from its shapes."""

import jax

from jaxem.latent import Markov
from jaxem.model.model import Model

#: Advice for an error of a traced value, by the class of the error; the first that fits.
_OF_ERROR = (
    (
        jax.errors.TracerBoolConversionError,
        "The state, the datum and the parameters are traced: write jnp.where(condition, a, b), or "
        "index an array by the state, instead of if",
    ),
    (
        jax.errors.TracerArrayConversionError,
        "NumPy cannot read traced values: use jax.numpy in place of numpy, and index a NumPy "
        "table by the state as jnp.asarray(table)[z]",
    ),
    (
        jax.errors.ConcretizationTypeError,
        "The state, the datum and the parameters are traced: float, int and .item() cannot read "
        "them, and shapes cannot depend on them; leave them JAX arrays",
    ),
)


def advice_on_error(error: Exception, complaint: str) -> str:
    """What to do about an error that a log joint raises; empty if nothing is known.

    Args:
        error: The error.
        complaint: The first line of its message.
    """
    for kind, words in _OF_ERROR:
        if isinstance(error, kind):
            return f" {words}."
    if "Indexer must" in complaint or "boolean indices" in complaint:
        return " Codes with which an array is indexed must be integers: code = code.astype(int)."
    if "not a valid JAX type" in complaint:
        return " Return the log density, a JAX scalar."
    return ""


def advice_on_shapes(model: Model, shapes: list[tuple[int, ...]]) -> str:
    """What to do about a log joint that returns no scalar.

    Args:
        model: The declared model.
        shapes: Shapes of what it returns, none if that is None.
    """
    if not shapes:
        return "It returns None: is a return statement missing?"
    if len(shapes) > 1:
        return "Return their sum alone."
    before, *others = model.latent.arguments
    start = (
        f"At the start {before} is None, and a[None] adds an axis of length one: let log_joint "
        f"begin with `if {before} is None`. If it does: "
        if others
        else ""
    )
    sum_up = "Sum the log densities of independent entries with .sum(), or .to_event(1)."
    states = model.latent.states()
    if isinstance(states, dict) or isinstance(model.latent, Markov):
        return f"{start}{sum_up}"
    if shapes[0] == (model.latent.size,):
        return (
            f"It has one entry a state: index the parameters by the state, as in "
            f"params['weights'][{before}]. Otherwise: {sum_up[0].lower()}{sum_up[1:]}"
        )
    return sum_up
