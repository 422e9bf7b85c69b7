r"""Kinks of the log prior: values of an entry across which its slope falls by a finite amount.

A Laplace density has one, and so has its product with any smooth density, an elastic net, or a
term of the joint factor; kinks are found numerically, not by the distribution's name. Without an
absolute value, maximum, selection or root between parameter and log prior there is no kink.
Otherwise the slope in every entry is evaluated over many orders of magnitude on both sides of zero,
and each interval is bisected towards the larger change of the slope down to two neighbouring
floating-point numbers. A change that remains is a jump. It is accepted when

1. its size is the same across one unit of rounding and across a thousand: across a pole it grows,
   across steep curvature it vanishes;
2. its position does not depend on the other parameters;
3. kinks of different entries are independent: at random sides of many kinks at once, the slope of
   every entry jumps by the same amount, and the slopes of other entries do not jump.

Near c the log prior is then a smooth function minus :math:`\sum_i \lambda_i |x_i - c_i|`.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np

from jaxem.model import Model
from jaxem.model.ordinary import ordinary_values
from jaxem.model.prior import Parameter

#: Primitives with kinks: a function without these is smooth wherever it is finite.
BENDS = frozenset(
    "abs sign max min clamp select_n reduce_max reduce_min sqrt rsqrt cbrt pow cond while".split()
)

_DECADES = 9
_PER_DECADE = 8
_POINTS = 4 * _DECADES * _PER_DECADE + 1
_HALVINGS = 70
_LEAST = 1e-6
_SAME = 1e-6
_NEAR = (1.0, 16.0, 1024.0)
_PATTERNS = 6
_NEXT_TO_ZERO = 1e-30

#: From stacked values of one parameter to the slopes of the log prior at these.
Along = Callable[[np.ndarray], np.ndarray]


@dataclasses.dataclass(frozen=True, eq=False)
class Kinks:
    """The kinks of the log prior of a model.

    Attributes:
        centres: By dotted name the kink of every entry, NaN where there is none; parameters without
            any are left out.
        refused: By dotted name why a parameter with kinks has no proximal step.
    """

    centres: dict[str, np.ndarray]
    refused: dict[str, str]

    def resting(self, values: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """By dotted name which entries of parameters are exactly at their kinks."""
        given = {name: np.asarray(values[name]) for name in self.centres}
        return {n: given[n] == c.astype(given[n].dtype) for n, c in self.centres.items()}

    def words(self, name: str) -> str:
        """The kinks of a parameter in words, or an empty string."""
        if name not in self.centres:
            return self.refused.get(name, "")
        places = np.unique(self.centres[name][~np.isnan(self.centres[name])])
        where = f"{places[0]:g}" if len(places) == 1 else f"{len(places)} places"
        return f"its prior has a kink at {where}"


def find_kinks(model: Model, compile: Callable[[Any], Any]) -> Kinks:
    """Find the kinks in the prior of every real parameter.

    Args:
        model: The declared model.
        compile: Compiles a function, in float64.
    """
    free = [p for p in model.free if p.support.is_real]
    if not model.prior_passes([p.name for p in free], BENDS):
        return Kinks({}, {})
    rng = np.random.default_rng(0)
    with jax.enable_x64(True):
        draws = {k: np.asarray(v, float) for k, v in ordinary_values(model, 3).items()}
        compiled = compile(jax.vmap(jax.grad(model.prior_density)))
    rows = [{name: leaf[i] for name, leaf in draws.items()} for i in (1, 2)]
    rows = [{**row, **_scattered(free, rng)} for row in rows]

    centres, refused = {}, {}
    for p in free:
        found, why = _of_parameter([_along(compiled, p, row) for row in rows], p, rng)
        if why:
            refused[p.name] = why
        elif not np.isnan(found).all():
            centres[p.name] = found
    return Kinks(centres, refused)


def _scattered(parameters: list[Parameter], rng: np.random.Generator) -> dict[str, np.ndarray]:
    return {p.name: rng.normal(size=p.shape) for p in parameters}


def _along(compiled: Callable[..., Any], p: Parameter, others: dict[str, np.ndarray]) -> Along:
    """The slopes of the log prior as a function of one parameter, the others given."""
    given = {k: np.broadcast_to(v, (_POINTS, *v.shape)) for k, v in others.items()}

    def along(t: np.ndarray) -> np.ndarray:
        stacked = np.concatenate([t, np.broadcast_to(t[-1:], (_POINTS - len(t), *t.shape[1:]))])
        with jax.enable_x64(True):
            return np.asarray(compiled({**given, p.name: stacked})[p.name])[: len(t)]

    return along


def _of_parameter(
    views: list[Along], p: Parameter, rng: np.random.Generator
) -> tuple[np.ndarray, str]:
    """The kinks of a parameter, NaN for none; and the reason, if any, why they are refused."""
    found = []
    for along in views:
        with np.errstate(all="ignore"):
            places = _jumps(along, p.shape, rng)
        if (np.sum(~np.isnan(places), 0) > 1).any():
            return places[0], "its prior has several kinks an entry, and no proximal step"
        lone = np.max(np.where(np.isnan(places), -np.inf, places), axis=0)
        found.append(np.where(np.isfinite(lone), lone, np.nan))
    if not np.array_equal(*found, equal_nan=True):
        return found[0], "the kink of its prior moves with other parameters"
    if not all(_separate(along, found[0], rng) for along in views):
        return found[0], "its prior has kinks that tie entries to one another"
    return found[0], ""


def _jumps(along: Along, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Values across which the slope falls by a finite amount, (intervals, *shape), else NaN."""
    size = 10.0 ** (np.arange(-_DECADES * _PER_DECADE, _DECADES * _PER_DECADE + 1) / _PER_DECADE)
    edges = np.concatenate([-size[::-1], size])
    # Each entry moves at its own pace, or kinks in differences of entries would not be crossed.
    edges = edges.reshape(-1, *[1] * len(shape)) * rng.uniform(1.3, 1.4, shape)
    low, high = edges[:-1], edges[1:]
    at_low, at_high = along(low), along(high)
    for _ in range(_HALVINGS):
        middle = low + (high - low) / 2
        at_middle = along(middle)
        right = np.abs(at_high - at_middle) > np.abs(at_middle - at_low)
        low, at_low = np.where(right, middle, low), np.where(right, at_middle, at_low)
        high, at_high = np.where(right, high, middle), np.where(right, at_high, at_middle)
    best, place = np.zeros(low.shape), np.full(low.shape, np.nan)
    zero = (low <= 0) & (high >= 0)
    # JAX's derivative at c is one-sided, mostly that of x >= c: the bisection may end beside c.
    for c in (np.where(zero, 0.0, high), np.where(zero, 0.0, low)):
        jump = _lasting_jump(along, c)
        better = jump > best
        best, place = np.where(better, jump, best), np.where(better, c, place)
    return place


def _lasting_jump(along: Along, c: np.ndarray) -> np.ndarray:
    """The fall of the slope across c; 0 where it differs with the width of the interval."""
    unit = np.where(c == 0, _NEXT_TO_ZERO, np.spacing(np.abs(c)))
    falls = []
    for n in _NEAR:
        below, above = along(c - n * unit), along(c + n * unit)
        size = np.abs(below) + np.abs(above)
        falls.append(np.where(below - above > _LEAST * size, below - above, 0.0))
    lasting = np.ptp(falls, axis=0) <= _SAME * falls[0]
    return np.where(lasting & np.isfinite(falls[0]), falls[0], 0.0)


def _separate(along: Along, centre: np.ndarray, rng: np.random.Generator) -> bool:
    """Whether the slope of every entry jumps at its own kink only, by the same amount always."""
    has_kink = ~np.isnan(centre)
    c = np.nan_to_num(centre)
    unit = np.where(c == 0, _NEXT_TO_ZERO, np.spacing(np.abs(c)))
    seen = []
    for turn in range(_PATTERNS):
        near = has_kink & ((rng.random(c.shape) < 0.5) | (turn == 0))
        side = rng.choice([-1.0, 1.0], size=c.shape)
        elsewhere = c + rng.normal(size=c.shape)
        points = np.stack([np.where(near, c + s * side * unit, elsewhere) for s in (-1, 1)])
        below, above = along(points)
        falls = side * (below - above)
        if np.any(~near & ~(np.abs(falls) <= _LEAST * (np.abs(below) + np.abs(above)))):
            return False
        seen.append(np.where(near, falls, np.nan))
    return all(np.all(np.isnan(s) | (np.abs(s - seen[0]) <= _SAME * seen[0])) for s in seen)
