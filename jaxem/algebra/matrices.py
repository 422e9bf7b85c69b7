r"""Closed forms for covariance and precision matrices, and for their Cholesky factors.

For a factor :math:`L` with :math:`S = L L^\top` the gradient with respect to :math:`S` follows from
the one with respect to :math:`L` by the adjoint of the Cholesky factorisation: with :math:`\Phi`
the lower triangle of :math:`L^\top g_L`, its diagonal halved,

.. math:: S \, g_S \, S = \tfrac12 L (\Phi + \Phi^\top) L^\top .

Source of the adjoint: S. P. Smith (1995), Differentiation of the Cholesky algorithm.
"""

import dataclasses
from typing import Any, ClassVar

from jaxem.algebra.forms import Form


def _symmetric(a: Any) -> Any:
    return (a + a.mT) / 2


@dataclasses.dataclass(frozen=True)
class Covariance(Form):
    """A covariance: -a/2 log det S - tr(S^-1 M)/2."""

    event: ClassVar[int] = 2
    words: ClassVar[str] = "weighted scatter matrix"

    def mean(self, t: Any) -> Any:
        """The covariance itself."""
        return t

    def field(self, t: Any, g: Any) -> Any:
        """S g S."""
        return t @ _symmetric(g) @ t

    def inverse(self, m: Any) -> Any:
        """The mean coordinate, symmetrised."""
        return _symmetric(m)

    def other(self, t: Any) -> Any:
        """Twice the matrix."""
        return 2 * t


@dataclasses.dataclass(frozen=True)
class Precision(Form):
    """A precision: a/2 log det P - tr(P M)/2."""

    event: ClassVar[int] = 2
    words: ClassVar[str] = "inverse of the weighted scatter matrix"

    def mean(self, t: Any) -> Any:
        """The covariance."""
        return t.__array_namespace__().linalg.inv(t)

    def field(self, t: Any, g: Any) -> Any:
        """Minus the gradient."""
        return -_symmetric(g)

    def inverse(self, m: Any) -> Any:
        """The inverse, symmetrised."""
        return _symmetric(m.__array_namespace__().linalg.inv(m))

    def other(self, t: Any) -> Any:
        """Twice the matrix."""
        return 2 * t


@dataclasses.dataclass(frozen=True)
class CholeskyOfCovariance(Form):
    """The lower factor of a covariance."""

    event: ClassVar[int] = 2
    words: ClassVar[str] = "Cholesky factor of the weighted scatter matrix"

    def mean(self, t: Any) -> Any:
        """The covariance L L'."""
        return t @ t.mT

    def field(self, t: Any, g: Any) -> Any:
        """S g_S S from the gradient with respect to L."""
        xp = t.__array_namespace__()
        eye = xp.eye(t.shape[-1], dtype=t.dtype)
        phi = xp.tril(t.mT @ g) * (1 - eye / 2)
        return t @ (phi + phi.mT) @ t.mT / 2

    def inverse(self, m: Any) -> Any:
        """The lower factor."""
        return m.__array_namespace__().linalg.cholesky(_symmetric(m))

    def other(self, t: Any) -> Any:
        """The factor of twice the matrix."""
        return 2**0.5 * t


@dataclasses.dataclass(frozen=True)
class CholeskyOfPrecision(CholeskyOfCovariance):
    """The lower factor of a precision."""

    words: ClassVar[str] = "Cholesky factor of the inverse scatter matrix"

    def mean(self, t: Any) -> Any:
        """The covariance (L L')^-1."""
        return t.__array_namespace__().linalg.inv(t @ t.mT)

    def field(self, t: Any, g: Any) -> Any:
        """Minus g_P, from S g_S S of the parent taken back through P."""
        inverse = self.mean(t)
        return -inverse @ CholeskyOfCovariance.field(self, t, g) @ inverse

    def inverse(self, m: Any) -> Any:
        """The lower factor of the inverse."""
        xp = m.__array_namespace__()
        return xp.linalg.cholesky(_symmetric(xp.linalg.inv(m)))
