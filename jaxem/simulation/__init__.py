"""Simulation of data from a fitted model: by a given sampler, or by its NumPyro program."""

from jaxem.simulation.draw import simulate
from jaxem.simulation.record import Simulation
from jaxem.simulation.sampler import Sampler

__all__ = ["Sampler", "Simulation", "simulate"]
