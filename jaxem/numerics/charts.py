r"""Real coordinates for the supports that have closed forms.

Proofs compare gradients of parameters that live on different sets. Each set is described here by
real coordinates :math:`u` (log, logit, log-simplex, Cholesky with a log diagonal) and the gradient
is carried to them by the chain rule. The functions take NumPy and JAX arrays alike.
"""

from typing import Any

_TINY = 1e-300


def to_real(kind: str, t: Any) -> Any:
    """Real coordinates of a value; same shape (matrices use their lower triangle)."""
    xp = t.__array_namespace__()
    if kind == "positive":
        return xp.log(xp.maximum(t, _TINY))
    if kind == "unit":
        inside = xp.clip(t, 1e-30, 1 - 1e-16)
        return xp.log(inside) - xp.log1p(-inside)
    if kind == "simplex":
        return xp.log(xp.maximum(t, 1e-30))
    if kind == "positive_definite":
        return to_real("lower_cholesky", xp.linalg.cholesky(t))
    if kind == "lower_cholesky":
        eye = xp.eye(t.shape[-1], dtype=t.dtype)
        return xp.tril(t) * (1 - eye) + eye * xp.log(xp.where(eye > 0, xp.abs(t), 1.0))
    return t


def from_real(kind: str, u: Any) -> Any:
    """The value with these real coordinates."""
    xp = u.__array_namespace__()
    if kind == "positive":
        return xp.exp(u)
    if kind == "unit":
        return 1 / (1 + xp.exp(-u))
    if kind == "simplex":
        e = xp.exp(u - xp.max(u, axis=-1, keepdims=True))
        return e / e.sum(-1, keepdims=True)
    if kind == "positive_definite":
        lower = from_real("lower_cholesky", u)
        return lower @ lower.mT
    if kind == "lower_cholesky":
        eye = xp.eye(u.shape[-1], dtype=u.dtype)
        return xp.tril(u) * (1 - eye) + eye * xp.exp(xp.where(eye > 0, u, 0.0))
    return u


def real_gradient(kind: str, t: Any, g: Any) -> Any:
    """Carry a gradient ``g`` at the value ``t`` to real coordinates; same shape as ``t``."""
    xp = t.__array_namespace__()
    if kind == "positive":
        return t * g
    if kind == "unit":
        return t * (1 - t) * g
    if kind == "simplex":
        c = t * g
        return c - t * c.sum(-1, keepdims=True)
    if kind == "positive_definite":
        lower = xp.linalg.cholesky(t)
        return real_gradient("lower_cholesky", lower, (g + g.mT) @ lower)
    if kind == "lower_cholesky":
        eye = xp.eye(t.shape[-1], dtype=t.dtype)
        return xp.tril(g) * (1 - eye + eye * t)
    return g


def real_tangent(kind: str, t: Any, v: Any) -> Any:
    """The tangent at ``t`` of moving along ``v`` in real coordinates."""
    xp = t.__array_namespace__()
    if kind == "positive":
        return t * v
    if kind == "unit":
        return t * (1 - t) * v
    if kind == "simplex":
        return t * (v - (t * v).sum(-1, keepdims=True))
    if kind == "positive_definite":
        lower = xp.linalg.cholesky(t)
        moved = real_tangent("lower_cholesky", lower, v) @ lower.mT
        return moved + moved.mT
    if kind == "lower_cholesky":
        eye = xp.eye(t.shape[-1], dtype=t.dtype)
        return xp.tril(v) * (1 - eye + eye * t)
    return v
