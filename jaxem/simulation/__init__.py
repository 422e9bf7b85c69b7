"""Data drawn from a fitted model: by a person's sampler, or by the NumPyro program that it is."""

from jaxem.simulation.draw import simulate
from jaxem.simulation.record import Simulation
from jaxem.simulation.sampler import Sampler

__all__ = ["Sampler", "Simulation", "simulate"]
