"""Closed forms for scalar blocks: probabilities, rates and scales, and their logs and logits."""

import dataclasses
from typing import Any, ClassVar

from jaxem.algebra.forms import Form

_TINY = 1e-30


@dataclasses.dataclass(frozen=True)
class Probability(Form):
    """A number in the unit interval: a log t + b log(1 - t)."""

    words: ClassVar[str] = "weighted proportion"

    def mean(self, t: Any) -> Any:
        """The probability itself."""
        return t

    def field(self, t: Any, g: Any) -> Any:
        """The gradient in the logit."""
        return t * (1 - t) * g

    def inverse(self, m: Any) -> Any:
        """The mean coordinate, clipped to the interval."""
        return m.__array_namespace__().clip(m, 0.0, 1.0)

    def inside(self, m: Any) -> Any:
        """Whether between 0 and 1, both included: a proportion of none or all is a maximiser."""
        return _in_unit(m)

    def other(self, t: Any) -> Any:
        """The midpoint between t and the farther end of the interval."""
        xp = t.__array_namespace__()
        return xp.where(t < 0.5, (t + 1) / 2, t / 2)


@dataclasses.dataclass(frozen=True)
class Power(Form):
    """A positive number: a log t + b t^p, with the exponent a constant of the model."""

    power: float = 1.0

    def mean(self, t: Any) -> Any:
        """The power t^p."""
        return t**self.power

    def field(self, t: Any, g: Any) -> Any:
        """The gradient in the logarithm, with the sign that makes the count positive."""
        return t * g * (1.0 if self.power > 0 else -1.0)

    def inverse(self, m: Any) -> Any:
        """The p-th root; zero is replaced by 1e-30."""
        xp = m.__array_namespace__()
        positive = m > 0
        root = xp.where(positive, m, 1.0) ** (1 / self.power)
        edge = _TINY if self.power > 0 else xp.inf
        return xp.maximum(xp.where(positive, root, edge), _TINY)

    def inside(self, m: Any) -> Any:
        """Whether at least zero: a rate of zero is a maximiser."""
        return m >= 0

    def other(self, t: Any) -> Any:
        """Twice the value."""
        return 2 * t

    def describe(self) -> str:
        """The form, with its exponent."""
        return f"weighted mean of a statistic ({_power_words('t', self.power)})"


@dataclasses.dataclass(frozen=True)
class LogPower(Form):
    """A real number that is the logarithm of a rate or scale: a u + b e^{pu}."""

    power: float = 1.0

    def mean(self, t: Any) -> Any:
        """The exponential e^{pu}."""
        return t.__array_namespace__().exp(self.power * t)

    def field(self, t: Any, g: Any) -> Any:
        """The gradient, with the sign that makes the count positive."""
        return g * (1.0 if self.power > 0 else -1.0)

    def inverse(self, m: Any) -> Any:
        """The logarithm over p."""
        xp = m.__array_namespace__()
        return xp.log(xp.maximum(m, _TINY)) / self.power

    def inside(self, m: Any) -> Any:
        """Whether positive."""
        return m > 0

    def other(self, t: Any) -> Any:
        """The logarithm of a little less than twice the rate."""
        return t + 0.6

    def describe(self) -> str:
        """The form, with its exponent."""
        return f"log of a weighted mean ({_power_words('e^u', self.power)})"


@dataclasses.dataclass(frozen=True)
class Logit(Form):
    """A real number that is the logit of a probability: a u - b log(1 + e^u)."""

    words: ClassVar[str] = "logit of a weighted proportion"

    def mean(self, t: Any) -> Any:
        """The probability."""
        return 1 / (1 + t.__array_namespace__().exp(-t))

    def field(self, t: Any, g: Any) -> Any:
        """The gradient."""
        return g

    def inverse(self, m: Any) -> Any:
        """The logit; large but finite for proportions of exactly 0 or 1."""
        xp = m.__array_namespace__()
        m = xp.clip(m, _TINY, 1 - xp.finfo(m.dtype).eps)
        return xp.log(m) - xp.log1p(-m)

    def inside(self, m: Any) -> Any:
        """Whether between 0 and 1."""
        return _in_unit(m)

    def other(self, t: Any) -> Any:
        """The logit moved by one towards zero."""
        return t - t.__array_namespace__().where(t > 0, 1.0, -1.0)


def _in_unit(m: Any) -> Any:
    return (m > -1e-9) & (m < 1 + 1e-9)


def _power_words(symbol: str, power: float) -> str:
    if power == 1:
        return f"m = {symbol}"
    return f"m = {symbol}^{power:g}" if symbol == "t" else f"m = e^{{{power:g}u}}"
