"""Simulation of data sets from a fitted model, by a sampler or a program."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from jaxem.latent import Tree
from jaxem.model.binding import Bound
from jaxem.programs.program import ProgramModel
from jaxem.programs.simulate import Simulator
from jaxem.simulation.record import Simulation, as_drawn
from jaxem.simulation.sampler import Sampler, by_sampler, check_sampler, repeated
from jaxem.types import Data, DeclarationError, Params

#: From a name, or None, and a function to its compiled form, kept under the name.
Compile = Callable[[Any, Callable[..., Any]], Callable[..., Any]]


def simulate(
    bound: Bound,
    data: Data,
    params: Params,
    sampler: Sampler | None,
    *,
    what: str,
    compile: Compile,
    draws: int = 1,
    key: Any = 0,
    stacked: bool = False,
    weights: Any = None,
) -> Simulation:
    """Draw data sets of the form of given data.

    Args:
        bound: The model and the data.
        data: The data as given.
        params: Parameters nested as declared; stacked over draws if ``stacked``.
        sampler: Draws a unit; None for a program, which draws by itself.
        what: The purpose of the data, for error messages.
        compile: From a name and a function to its compiled form.
        draws: Number of data sets.
        key: An int or a JAX key.
        stacked: Whether every data set has parameters of its own.
        weights: Weights of rows, or of sequences, (n,): integers, the number of copies of each.

    Raises:
        DeclarationError: If nothing can be drawn.
    """
    whole = isinstance(draws, int | np.integer) and not isinstance(draws, bool)
    if not whole or draws < 1:
        raise DeclarationError(f"{what}: draws must be an integer of at least 1; got {draws!r}.")
    given = bound.weigh(weights)
    if isinstance(bound.model, ProgramModel):
        if sampler is not None:
            raise DeclarationError("a NumPyro program draws its own data; leave the sampler out.")
        if not np.all(given == 1):
            raise DeclarationError(
                "a NumPyro program draws each datum once, and some weights are not 1. Give every "
                "row as often as it counts."
            )
        return _by_program(bound, data, params, draws, key, stacked, compile)
    draw = check_sampler(sampler, bound.model, what)
    units, sequences = repeated(bound, given)
    drawn = by_sampler(draw, units, params, draws, key, stacked, compile)
    if sequences is None:
        return Simulation(drawn, None, None)
    lengths = None if isinstance(bound.model.latent, Tree) else sequences.lengths
    return Simulation(_cut(drawn, sequences.exists, 1), None, lengths)


def observed(bound: Bound, data: Data, weights: Any) -> Data:
    """The data in the form of the data sets of `simulate`."""
    if isinstance(bound.model, ProgramModel):
        return data
    units, sequences = repeated(bound, bound.weigh(weights))
    return units if sequences is None else _cut(units, sequences.exists, 0)


def _by_program(
    bound: Bound, data: Data, params: Params, draws: int, key: Any, stacked: bool, compile: Compile
) -> Simulation:
    assert isinstance(bound.model, ProgramModel)
    simulator = Simulator(bound.model, data)
    drawn = simulator.draw(params, draws, key, stacked, compile)
    lengths = None if bound.sequences is None else bound.sequences.lengths
    return Simulation(simulator.data(drawn.observed, as_drawn), drawn.latents, lengths)


def _cut(data: Data, exists: np.ndarray, lead: int) -> Data:
    """Rectangles (n, T, ...), after `lead` other axes, with zeros past the ends of sequences."""

    def cut(leaf: np.ndarray) -> np.ndarray:
        wide = exists.reshape(*exists.shape, *[1] * (leaf.ndim - lead - 2))
        return np.where(wide, leaf, np.zeros((), leaf.dtype))

    return jax.tree.map(cut, data)
