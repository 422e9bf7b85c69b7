r"""Closed forms of the M-step: fields that are affine in a mean coordinate.

Let :math:`Q` be the expected log joint as a function of one block, :math:`t`, and :math:`g` its
gradient. In exponential families the natural gradient :math:`h(t)`, built from :math:`t` and
:math:`g` alone, is an affine function of a mean coordinate :math:`m(t)` of the block,

.. math:: h(t) = n \, (m^* - m(t)),

where :math:`n` counts the data and :math:`m^*` is the maximiser. Only the slope is unknown, and a
second gradient, at another point :math:`t'`, gives it:

.. math::
    n = -\frac{\langle h(t') - h(t),\; m(t') - m(t) \rangle}{\lVert m(t') - m(t) \rVert^2},
    \qquad m^* = m(t) + h(t) / n .

The step is one unit natural-gradient step. It does not use which distribution produced :math:`Q`; a
conjugate prior only changes :math:`n` and :math:`m^*`. Whether the field is affine is not assumed
but proved (`prove`).

============================  ===================================  ===============  ============
support (or use)              Q as a function of the block         m                h
============================  ===================================  ===============  ============
simplex                       sum of c log t                       t                t g - t <t,g>
unit interval                 a log t + b log(1 - t)               t                t (1-t) g
positive                      a log t + b t^p                      t^p              t g
real, a log-rate or -scale    a u + b e^{pu}                       e^{pu}           g
real, a logit                 a u - b log(1 + e^u)                 sigmoid          g
real, logits                  <a, u> - b logsumexp(u)              softmax          g
positive definite             -a/2 log det S - tr(S^-1 M)/2        S                S g S
precision matrix              a/2 log det P - tr(P M)/2            P^-1             -g
lower Cholesky                either, through S = L L'             L L'             of S
============================  ===================================  ===============  ============

The functions take NumPy arrays (when a plan is made) and JAX arrays (when it runs) alike.
"""

import abc
import dataclasses
from typing import Any, ClassVar


@dataclasses.dataclass(frozen=True)
class Form(abc.ABC):
    """A closed form: a natural gradient that is affine in a mean coordinate, for one kind of block.

    Attributes:
        event: Event axes of a block: 0 for a scalar, 1 for a vector, 2 for a matrix.
        words: The form in a few words.
    """

    event: ClassVar[int] = 0
    words: ClassVar[str]

    @abc.abstractmethod
    def mean(self, t: Any) -> Any:
        """The mean coordinate m(t)."""

    @abc.abstractmethod
    def field(self, t: Any, g: Any) -> Any:
        """The natural gradient h(t), from the gradient of Q at t."""

    @abc.abstractmethod
    def inverse(self, m: Any) -> Any:
        """The block with this mean coordinate; from outside the support, the nearest edge."""

    def inside(self, m: Any) -> Any:
        """Whether a mean coordinate is that of a block inside the support; size-one event axes."""
        xp = m.__array_namespace__()
        return xp.isfinite(_over_event(m, self))

    @abc.abstractmethod
    def other(self, t: Any) -> Any:
        """A second point of the support, not close to t."""

    def describe(self) -> str:
        """The form in a few words."""
        return self.words


def propose(form: Form, t: Any, g: Any, t2: Any, g2: Any) -> tuple[Any, Any, Any]:
    """The maximiser of Q under a form, from two points and the gradients at these.

    Args:
        form: The form to use.
        t: The block.
        g: Gradient of Q at t.
        t2: ``form.other(t)``.
        g2: Gradient of Q at t2.

    Returns:
        The maximiser, of the shape of t; the count n, with size-one event axes; and whether the
        maximiser is interior, likewise. Blocks on which Q does not depend (n and h both zero) are
        returned unchanged. A negative count, which no maximum has, gives NaN.
    """
    xp = t.__array_namespace__()
    h, h2 = form.field(t, g), form.field(t2, g2)
    m, m2 = form.mean(t), form.mean(t2)
    moved = m2 - m
    n = -_over_event((h2 - h) * moved, form) / _over_event(moved * moved, form)
    best = m + h / xp.where(n > 0, n, 1.0)
    # A count of exactly zero leaves m - m, which is zero but for an ulp of either sign.
    best = xp.where(xp.abs(best) <= 500 * xp.finfo(m.dtype).eps * xp.abs(m), 0.0 * best, best)
    untouched = (n == 0) & (_over_event(xp.abs(h), form) == 0)
    answer = xp.where(n > 0, form.inverse(best), xp.nan)
    return xp.where(untouched, t, answer), n, (n > 0) & form.inside(best)


def _over_event(x: Any, form: Form) -> Any:
    axes = tuple(range(-form.event, 0))
    return x.sum(axes, keepdims=True) if axes else x
