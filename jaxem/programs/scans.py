"""NumPyro's scan over hidden states: all steps, or one step.

NumPyro's ``scan`` sends a message with the body, the first carry and the inputs. All steps are run
by NumPyro, and the carries into every step are recorded. For one step the body is called twice:
once to get the carry from the state before, with its sites hidden, and once for the step itself.
"""

import contextlib
import dataclasses
import types
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpyro import handlers

from jaxem.types import DeclarationError

Answers = Callable[[Mapping[str, Any]], contextlib.AbstractContextManager[Any]]


@dataclasses.dataclass(frozen=True)
class ScanStep:
    """One step of a scan, whose inputs have been cut to that step, perhaps repeated twice.

    Attributes:
        before: Values of the hidden sites at the step before; at the first step, None.
        enters: Whether the sites of the step are recorded; if not, the scan begins after this step.
        clock: Carried values that do not depend on hidden values, by position among the leaves of
            the carry.
    """

    before: Mapping[str, Any] | None
    enters: bool
    clock: Mapping[int, Any]

    def answer(self, msg: Any, answers: Answers) -> None:
        """Set the value of a scan message from one step.

        Args:
            msg: The message.
            answers: A handler that gives hidden sites these values.
        """
        body, carry, inputs, *_ = msg["args"]
        first, last = (jax.tree.map(lambda x, at=at: x[at], inputs) for at in (0, -1))
        if self.before is not None:
            with handlers.block(), answers(self.before):
                carry, _ = body(carry, first)
        leaves, tree = jax.tree.flatten(carry)
        for position, value in self.clock.items():
            leaves[position] = value.reshape(np.shape(leaves[position]))
        carry = tree.unflatten(leaves)
        with contextlib.nullcontext() if self.enters else handlers.block():
            carry, found = body(carry, last)
        msg["value"] = _value(carry, jax.tree.map(lambda y: y[None], found))


def keep_carries(msg: Any) -> None:
    """Make a scan return the carry into each step with its outputs."""
    body, *rest = msg["args"]

    def keeping(carry: Any, inputs: Any) -> Any:
        after, found = body(carry, inputs)
        # A state is drawn as the flag's int, and may have begun as another.
        same = jax.tree.map(lambda new, old: jnp.asarray(new, jnp.result_type(old)), after, carry)
        return same, (found, carry)

    msg["args"] = (keeping, *rest)


def kept_carries(msg: Any) -> list[Any]:
    """Leaves of the carries, time first, after `keep_carries`; restores the value of the scan."""
    last, (trace, (found, carries)) = msg["value"]
    msg["value"] = last, (trace, found)
    return jax.tree.leaves(carries)


def check_scan(msg: Any) -> None:
    """Refuse other control flow than a scan forward in time.

    Raises:
        DeclarationError: With what to write instead.
    """
    if not callable(msg["args"][0]):
        raise DeclarationError(
            "the program uses cond of numpyro.contrib.control_flow, which jaxem does not read. "
            "Write jnp.where(condition, a, b) with both sides evaluated, or jax.lax.cond around "
            "what holds no sample statement."
        )
    if msg["args"][4]:
        raise DeclarationError(
            "the program scans with reverse=True; a chain runs forward in time. Turn the data "
            "around before they are given, and scan forward."
        )
    if msg["kwargs"].get("history", 1) > 1:
        raise DeclarationError(
            f"the program scans with history={msg['kwargs']['history']}; jaxem reads chains of "
            f"first order. Declare the model by hand, with jaxem.Chain(now=K, before=K)."
        )


def _value(carry: Any, found: Any) -> Any:
    """The value of a scan message in NumPyro's form, with an empty trace."""
    return (1, None, carry), (types.SimpleNamespace(trace={}), found)
