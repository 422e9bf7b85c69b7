"""Closed forms for vectors: points of a simplex, and logits of one."""

import dataclasses
from typing import Any, ClassVar

from jaxem.algebra.forms import Form

_TINY = 1e-30


@dataclasses.dataclass(frozen=True)
class Simplex(Form):
    """Probabilities that sum to one: sum of c log t, up to any function of sum t."""

    event: ClassVar[int] = 1
    words: ClassVar[str] = "normalised expected counts"

    def mean(self, t: Any) -> Any:
        """The probabilities themselves."""
        return t

    def field(self, t: Any, g: Any) -> Any:
        """The gradient in the logits: c - t sum c, with c = t g."""
        c = t * g
        return c - t * c.sum(-1, keepdims=True)

    def inverse(self, m: Any) -> Any:
        """The mean coordinate with negative entries at zero, normalised."""
        clipped = m.__array_namespace__().maximum(m, 0.0)
        return clipped / clipped.sum(-1, keepdims=True)

    def inside(self, m: Any) -> Any:
        """Whether no expected count is negative."""
        return (m > -1e-9).all(-1, keepdims=True)

    def other(self, t: Any) -> Any:
        """The midpoint between t and the vertex of the least probable category."""
        xp = t.__array_namespace__()
        vertex = xp.argmin(t, axis=-1)[..., None] == xp.arange(t.shape[-1])
        return xp.where(vertex, (t + 1) / 2, t / 2)


@dataclasses.dataclass(frozen=True)
class Softmax(Form):
    """Logits of probabilities, free up to a constant: <a, u> - b logsumexp(u)."""

    event: ClassVar[int] = 1
    words: ClassVar[str] = "log of normalised expected counts"

    def mean(self, t: Any) -> Any:
        """The probabilities."""
        xp = t.__array_namespace__()
        e = xp.exp(t - xp.max(t, axis=-1, keepdims=True))
        return e / e.sum(-1, keepdims=True)

    def field(self, t: Any, g: Any) -> Any:
        """The gradient."""
        return g

    def inverse(self, m: Any) -> Any:
        """Log probabilities; large but finite for an exact zero."""
        xp = m.__array_namespace__()
        clipped = xp.maximum(m, _TINY)
        return xp.log(clipped / clipped.sum(-1, keepdims=True))

    def inside(self, m: Any) -> Any:
        """Whether no expected count is negative."""
        return (m > -1e-9).all(-1, keepdims=True)

    def other(self, t: Any) -> Any:
        """The logits with that of the least probable category raised by one."""
        xp = t.__array_namespace__()
        return xp.where(xp.argmin(t, axis=-1)[..., None] == xp.arange(t.shape[-1]), t + 1, t)


@dataclasses.dataclass(frozen=True)
class BaselineSoftmax(Form):
    """Logits against a baseline category: <a, u> - b log(1 + sum e^u)."""

    event: ClassVar[int] = 1
    words: ClassVar[str] = "log odds of expected counts against the baseline"

    def mean(self, t: Any) -> Any:
        """The probabilities of all but the baseline."""
        xp = t.__array_namespace__()
        top = xp.maximum(xp.max(t, axis=-1, keepdims=True), 0.0)
        e = xp.exp(t - top)
        return e / (xp.exp(-top) + e.sum(-1, keepdims=True))

    def field(self, t: Any, g: Any) -> Any:
        """The gradient."""
        return g

    def inverse(self, m: Any) -> Any:
        """Log odds; large but finite for an exact zero."""
        xp = m.__array_namespace__()
        baseline = 1 - m.sum(-1, keepdims=True)
        return xp.log(xp.maximum(m, _TINY)) - xp.log(xp.maximum(baseline, _TINY))

    def inside(self, m: Any) -> Any:
        """Whether no expected count is negative, that of the baseline included."""
        return (m > -1e-9).all(-1, keepdims=True) & (m.sum(-1, keepdims=True) < 1 + 1e-9)

    def other(self, t: Any) -> Any:
        """The logits with that of the least probable category raised by one."""
        xp = t.__array_namespace__()
        return xp.where(xp.argmin(t, axis=-1)[..., None] == xp.arange(t.shape[-1]), t + 1, t)
