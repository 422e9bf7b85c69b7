r"""What a latent structure must answer.

Let :math:`f` be the log joint of a datum evaluated at every latent state. The evidence is
:math:`\log Z(f) = \log \sum_z e^{f_z}`, and :math:`\partial \log Z / \partial f_z = p(z \mid x)`:
the responsibilities are a gradient. With a maximum in place of the sum the same gradient is the
indicator of the most probable state.
"""

import abc

import equinox as eqx

from jaxem.types import Array, State


class Latent(eqx.Module):
    """A discrete latent variable with finitely many joint states."""

    @property
    @abc.abstractmethod
    def size(self) -> int:
        """The number of joint states, K."""

    @abc.abstractmethod
    def states(self) -> State:
        """Every joint state, stacked: leaves of shape (K,)."""

    @abc.abstractmethod
    def log_partition(self, factors: Array) -> Array:
        """Evidence of each datum, (...,), from its log factors, (..., K)."""

    @abc.abstractmethod
    def marginals(self, factors: Array) -> Array:
        """Posterior of the states, (..., K): the gradient of `log_partition`."""

    @abc.abstractmethod
    def posterior(self, factors: Array, axis: int = -1) -> tuple[Array, Array]:
        """`log_partition` and `marginals`, which share work, with the states on any axis."""

    @abc.abstractmethod
    def mode(self, factors: Array, axis: int = -1) -> Array:
        """Index of the most probable joint state, (...,)."""
