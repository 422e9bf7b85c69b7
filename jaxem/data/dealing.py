"""The data of an algorithm with minibatches."""

from typing import Any

from jaxem.algebra.anchors import Refused
from jaxem.algorithm import Algorithm, Incremental
from jaxem.algorithm.minibatches import Minibatches
from jaxem.data.fit_data import FitData
from jaxem.numerics.keys import generator
from jaxem.types import DeclarationError


def deal_out(fit_data: FitData, algorithm: Algorithm, key: Any) -> FitData:
    """Deal the rows, or the sequences, to the minibatches of an algorithm, if it has any.

    Equal rows have been merged; the distinct rows are dealt.

    Args:
        fit_data: The data.
        algorithm: The algorithm.
        key: An int or a JAX key.

    Raises:
        DeclarationError: If a minibatch is larger than the data, or statistics are needed and there
            are none.
    """
    if not isinstance(algorithm, Minibatches):
        return fit_data
    chains, name = fit_data.sequences, type(algorithm).__name__
    given, units = (fit_data.given, "rows") if chains is None else (chains.count, "sequences")
    if algorithm.batch_size > given:
        raise DeclarationError(
            f"jaxem.{name}: batch_size={algorithm.batch_size}, and the data have {given} {units}; "
            f"a minibatch is smaller, or use jaxem.EM()."
        )
    if isinstance(algorithm, Incremental) and isinstance(fit_data.found, Refused):
        raise DeclarationError(
            f"jaxem.Incremental keeps the sufficient statistics of minibatches, and this log joint "
            f"has none on these data: {fit_data.found.reason}. Use jaxem.EM(), or "
            f"jaxem.Online(...), which takes gradients there."
        )
    different = len(fit_data.weights) if chains is None else chains.count
    return fit_data.in_parts(algorithm.parts(different), generator(key))
