"""The solvers of a plan: closed form, block, gradient ascent, and sweeps over these."""

import dataclasses

from jaxem.algebra.forms import Form


@dataclasses.dataclass(frozen=True)
class Closed:
    """One parameter, by a proved closed form."""

    name: str
    form: Form

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters that are solved."""
        return (self.name,)

    @property
    def exact(self) -> bool:
        """Whether the answer is the maximiser of Q, the others given."""
        return True

    def describe(self) -> str:
        """The solver in words."""
        return f"closed form: {self.form.describe()}"


@dataclasses.dataclass(frozen=True)
class Block:
    """One parameter or several jointly, by Newton's method in independent blocks.

    Attributes:
        names: The parameters.
        batch: For each, the axes along which blocks do not interact.
        size: Number of unknowns of a block.
        quadratic: Q was proved quadratic: one step is exact, and is a closed form.
        same_at_every_row: The curvature depends on the data through the counts of the states
            alone, and is evaluated at one row.
        kinked: The log prior has kinks in these parameters; `quadratic` is of the smooth part of Q,
            and steps are proximal.
        nonsmooth: Q has kinks in these parameters, and its slopes are bracketed.
    """

    names: tuple[str, ...]
    batch: tuple[tuple[int, ...], ...]
    size: int
    quadratic: bool
    same_at_every_row: bool = False
    kinked: bool = False
    nonsmooth: bool = False

    @property
    def exact(self) -> bool:
        """Whether the answer is the maximiser of Q, to rounding."""
        return self.quadratic

    def describe(self) -> str:
        """The solver in words."""
        unit = "elementwise" if self.size == 1 else f"in blocks of {self.size}"
        if self.nonsmooth:
            return f"non-smooth: solved by bracketing, {unit}"
        if self.kinked and self.quadratic:
            return f"proximal step: least squares with soft thresholds, {unit}"
        if self.kinked:
            return f"proximal Newton, safeguarded, {unit}"
        if self.quadratic:
            return f"closed form: weighted least squares, {unit}"
        return f"Newton, safeguarded, {unit}"


@dataclasses.dataclass(frozen=True)
class Climb:
    """Parameters without a closed form, in too large a block for Newton: gradient ascent."""

    names: tuple[str, ...]
    reason: str

    exact: bool = False

    def describe(self) -> str:
        """The solver in words."""
        return f"gradient ascent (L-BFGS): {self.reason}"


@dataclasses.dataclass(frozen=True)
class Sweep:
    """A cycle of parameters whose answers depend on one another, solved in turn, repeatedly."""

    members: tuple[Closed | Block | Climb, ...]
    rounds: int = 3
    exact: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters that are solved."""
        return tuple(name for member in self.members for name in member.names)

    def describe(self) -> str:
        """The solver in words."""
        return f"{self.rounds} sweeps over {', '.join(self.names)}"


Solver = Closed | Block | Climb | Sweep
