r"""Forecasts of the states of future steps: :math:`p(z_{T+k} \mid x_1 \dots x_T)`.

A log joint is the sum of log transition and log emission. The transition is found in three ways.

*Steps whose emission is masked.* If the log joint has a mask, future steps are missing data, and
the filter continues over them. Then :math:`\sum_b e^{f(a, b, x)} = 1` for every a, which is
checked. The check suffices: with an emission e in f, :math:`P e = 1`, and if P has an inverse, the
only solution is e = 1, no emission.

*Steps whose response is unknown.* Their inputs are given, and any response of the data takes the
place of the unknown one. At each step :math:`f(a, b) = \log P(a, b) + v(b)`, and as below P is
determined if it has an inverse. That v does not depend on a is checked: another response must give
the same P.

*A constant transition.* If on all data :math:`f(a, b, x) = g(a, b) + v(b, x)`, then
:math:`P(a, b) = e^{g(a, b)} d(b)` for some d, and rows of P have sum 1: :math:`e^g d = 1`. If
:math:`e^g` has an inverse there is one such d, and the transition is determined.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from jaxem.latent import Tree
from jaxem.model.binding import Bound
from jaxem.predict.decoding import decode, filtered
from jaxem.predict.impossible import blanked, tell
from jaxem.predict.stand_ins import extend, fill, lacks_leaves
from jaxem.predict.transitions import (
    GIVE_FUTURE,
    check_totals,
    ratios,
    relative,
    tolerance,
    totals,
    transition,
    transitions,
)
from jaxem.types import Array, Data, DeclarationError

if TYPE_CHECKING:
    from jaxem.predict.readings import Readings


def forecast(reader: "Readings", data: Data, steps: Any, future: Data, lengths: Any) -> Array:
    """Probabilities of the states of future steps, (n, k, S); see `Fit.forecast`."""
    bound = reader.checked(data, lengths)
    check_chain(bound)
    check_request(steps, future)
    assert bound.sequences is not None
    ends = bound.sequences.lengths
    if steps is None and not lacks_leaves(data, future):
        longer, places = extend(data, ends, future)
        until = ends + places.shape[1]
        whole, which = reader.checked(longer, until), np.arange(len(ends))[:, None]
        sums, _ = _decode(reader, whole, "totals", totals)
        check_totals(sums[which, places - 1])
        found, evidence = _decode(reader, whole, "filtered", filtered)
        return blanked(found[which, places], tell(bound, evidence))
    found, evidence = _decode(reader, bound, "filtered", filtered)
    last = found[np.arange(len(ends)), ends - 1]
    if steps is not None:
        seen, _ = _decode(reader, bound, "ratios", ratios, timed=False)
        matrices = np.broadcast_to(transition(seen), (len(ends), steps, *seen.shape[-2:]))
    else:
        matrices = _driven(reader, data, ends, future)
    return blanked(ahead(last, matrices).astype(found.dtype), tell(bound, evidence))


def _decode(reader: "Readings", bound: Bound, name: Any, reading: Any, **how: Any):
    name = name, reader.algorithm.e_step
    return decode(bound, reader.params, reader.compile, name, reading, **how)


def _driven(reader: "Readings", data: Data, ends: np.ndarray, future: Data) -> np.ndarray:
    """Transition matrices of future steps whose inputs are given, (n, k, S, S)."""
    found = []
    for filled in fill(data, ends, future):
        moved, _ = _decode(reader, reader.checked(filled), "relative", relative)
        if np.all(moved.max(-2) > -np.inf):  # every state can make these responses
            found.append(transitions(moved.astype(float)))
        if len(found) == 2:
            break
    if not found:
        raise DeclarationError(
            f"no response of the data is possible in every state with the inputs of future, so "
            f"transitions cannot be told without one. {GIVE_FUTURE}"
        )
    if np.abs(found[0] - found[-1]).max() > 1e3 * tolerance(moved):
        raise DeclarationError(
            "the log joint of a step depends on its response and on the state before together, so "
            "transitions cannot be told without a response. Give future=... with a mask by which "
            "the log joint leaves the emission out."
        )
    return found[0]


def check_chain(bound: Bound) -> None:
    """Check that the rows are steps of a chain.

    Raises:
        DeclarationError: If rows are independent, or nodes of a tree.
    """
    if isinstance(bound.model.latent, Tree):
        raise DeclarationError(
            f"{bound.model!r} has no order of time to filter along; responsibilities(data) "
            f"gives every state given all data."
        )
    if bound.sequences is None:
        raise DeclarationError(
            f"{bound.model!r} has independent rows: there are no steps to come. For new rows "
            f"there are responsibilities(data), predict(data) and expect(data, function)."
        )


def check_request(steps: Any, future: Data) -> None:
    """Check that either a number of steps or their data were given.

    Raises:
        DeclarationError: If not.
    """
    number = isinstance(steps, int | np.integer) and not isinstance(steps, bool) and steps >= 1
    if steps is None and future is None:
        raise DeclarationError(
            "forecast takes steps=k, how many steps to forecast, or future=..., data of the steps "
            "to come, which are needed where transitions depend on inputs; got neither."
        )
    if steps is not None and future is not None:
        raise DeclarationError(
            f"forecast takes steps or future=..., and not both; future has its own number of "
            f"steps. Got steps={steps!r} and future."
        )
    if future is None and not number:
        raise DeclarationError(
            f"forecast takes steps, an integer of at least 1; got steps={steps!r}."
        )


def ahead(last: np.ndarray, matrices: np.ndarray) -> np.ndarray:
    """Probabilities of the next k states, (n, k, S).

    Args:
        last: Probabilities of the last state, (n, S).
        matrices: Transition matrices of the next steps, (n, k, S, S).
    """
    out = [last]
    for step in range(matrices.shape[1]):
        out.append(np.einsum("na,nab->nb", out[-1], matrices[:, step]))
    return np.stack(out[1:], axis=1)
