"""A scan over hidden states, run as a whole or one step of it.

NumPyro's ``scan`` sends a message with the body, the first carry and the inputs. As a whole it is
left to NumPyro, and what is carried into every step is kept. One step is the body called twice:
once to carry the state before, once for the step itself, whose sites alone are seen.
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
    """One step, in place of a scan whose inputs have been cut to a step, perhaps given twice.

    Attributes:
        before: Values of the hidden sites at the step before; at the first step, None.
        enters: Whether the sites of the step are met; if not, the scan begins after this step.
        clock: What the scan carries whatever the hidden values are, by position among the leaves
            of the carry.
    """

    before: Mapping[str, Any] | None
    enters: bool
    clock: Mapping[int, Any]

    def answer(self, msg: Any, answers: Answers) -> None:
        """Give a scan message the value that its step would have.

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
    """Make a scan return, beside its outputs, what was carried into each step."""
    body, *rest = msg["args"]

    def keeping(carry: Any, inputs: Any) -> Any:
        after, found = body(carry, inputs)
        # A state is drawn as the flag's int, and may have begun as another.
        same = jax.tree.map(lambda new, old: jnp.asarray(new, jnp.result_type(old)), after, carry)
        return same, (found, carry)

    msg["args"] = (keeping, *rest)


def kept_carries(msg: Any) -> list[Any]:
    """Leaves of what was carried, with time first, after `keep_carries`; the scan is as it was."""
    last, (trace, (found, carries)) = msg["value"]
    msg["value"] = last, (trace, found)
    return jax.tree.leaves(carries)


def check_scan(msg: Any) -> None:
    """Refuse other control flow than a scan forward in time.

    Raises:
        DeclarationError: Saying what to write instead.
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
    """What NumPyro's scan takes from its message: nothing of its own trace is left to report."""
    return (1, None, carry), (types.SimpleNamespace(trace={}), found)
