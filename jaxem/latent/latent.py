r"""The interface of latent structures.

Let :math:`f` be the log joint of a datum evaluated at every latent state. The evidence is
:math:`\log Z(f) = \log \sum_z e^{f_z}`, and :math:`\partial \log Z / \partial f_z = p(z \mid x)`:
the responsibilities are a gradient. With a maximum in place of the sum the same gradient is the
indicator of the most probable state.

A log joint is evaluated on *configurations*: for independent rows, the states; for a chain, the
states of a start and the pairs of states of a later step.
"""

import abc
from typing import Any

import equinox as eqx

from jaxem.types import Array, State

#: The arguments of a log joint between parameters and datum: for each all its values, stacked, or
#: None where it is None.
Branch = tuple[State | None, ...]


class Latent(eqx.Module):
    """A discrete latent variable with finitely many joint states.

    ``factors`` below are log factors: an array whose states are on some axis, or, for structures
    that tie rows to one another, a record of their own.
    """

    @property
    @abc.abstractmethod
    def size(self) -> int:
        """The number of joint states of one row, K."""

    @property
    @abc.abstractmethod
    def configurations(self) -> int:
        """The number of log factors of one row."""

    @property
    @abc.abstractmethod
    def arguments(self) -> tuple[str, ...]:
        """Names of the arguments of the log joint between parameters and datum."""

    @abc.abstractmethod
    def states(self) -> State:
        """Every joint state, stacked: leaves of shape (K,)."""

    @abc.abstractmethod
    def branches(self) -> tuple[Branch, ...]:
        """The calls of the log joint; configurations run over branches, last argument fastest."""

    @abc.abstractmethod
    def occupancy(self, counts: Array) -> Array:
        """Expected counts of the states, (..., K), from those of the configurations, (..., C)."""

    @abc.abstractmethod
    def log_partition(self, factors: Any, axis: int = -1) -> Array:
        """Evidence of each datum, (...,), from its log factors, the states on any axis."""

    @abc.abstractmethod
    def marginals(self, factors: Any) -> Any:
        """Posterior of the states, (..., K): the gradient of `log_partition`."""

    @abc.abstractmethod
    def posterior(self, factors: Any, axis: int = -1) -> tuple[Array, Any]:
        """`log_partition` and `marginals`, which share work, with the states on any axis."""

    @abc.abstractmethod
    def mode(self, factors: Any, axis: int = -1) -> Array:
        """Index of the most probable joint state, (...,)."""

    @abc.abstractmethod
    def hard(self, factors: Any, axis: int = -1) -> tuple[Array, Any]:
        """Log joint of the mode, and its indicator; zero where no state is possible."""
