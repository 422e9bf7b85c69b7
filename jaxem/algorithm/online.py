r"""Online (stepwise) EM (Cappe and Moulines 2009; Liang and Klein 2009).

With sufficient statistics an E-step over all rows can be a stochastic approximation of itself: a
minibatch b stands for all rows, :math:`S \leftarrow (1 - \gamma_t) S + \gamma_t \tfrac{n}{b} S_b`,
:math:`\gamma_t = (t + t_0)^{-a}` with :math:`\tfrac12 < a \le 1`, and every minibatch is followed
by the M-step on S. Without sufficient statistics the parameters themselves take the steps
:math:`\gamma_t`, along the minibatch's gradient of the log posterior, which is that of Q at the
parameters of the E-step (Fisher's identity).

An epoch begins with the E-step over all rows that evaluates the candidate, and with its sufficient
statistics. Its end is an extrapolation: the loop accepts it if the objective rose. If not, the
remaining gain is less than the noise of minibatches, and EM goes on from the last accepted
parameters without further epochs.

    O. Cappe and E. Moulines (2009), "On-line expectation-maximization algorithm for latent data
    models", Journal of the Royal Statistical Society B 71, 593-613.
    P. Liang and D. Klein (2009), "Online EM for unsupervised models", NAACL, 611-619.
"""

import dataclasses
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxem.algebra.plan import Plan
from jaxem.algorithm.algorithm import Proposal, Step
from jaxem.algorithm.gradient import ascend
from jaxem.algorithm.minibatches import Minibatches
from jaxem.estep.anchored import Anchored
from jaxem.estep.expectation import Values
from jaxem.estep.source import Source
from jaxem.model import Model
from jaxem.numerics.batches import highest
from jaxem.types import Array, DeclarationError


class Epochs(NamedTuple):
    """The memory of online EM.

    Attributes:
        begun: Number of epochs.
        over: Whether EM goes on without epochs.
        ahead: The parameters at the end of the last epoch.
    """

    begun: Array
    over: Array
    ahead: dict[str, Array]


@dataclasses.dataclass(frozen=True)
class Online(Minibatches):
    r"""Online EM over minibatches while epochs raise the objective, then EM; a step is an epoch.

    With one minibatch it is EM.

    Args:
        algorithm: The EM whose E- and M-step are used, ``EM()`` if left out.
        batch_size: Rows of a minibatch; of chains, sequences.
        exponent: a; above one half and at most 1. Small ones forget the start sooner.
        delay: :math:`t_0`, at least 0. Large ones take smaller steps at first.
        optimizer: Where there are no sufficient statistics, an optax optimiser; its updates are
            multiplied by :math:`\gamma_t`. ``optax.adam(0.1)`` if left out.

    Raises:
        DeclarationError: If these are out of range, or the M-step reads rows.
    """

    exponent: float = dataclasses.field(default=0.6, kw_only=True)
    delay: float = dataclasses.field(default=2.0, kw_only=True)
    optimizer: optax.GradientTransformation | None = dataclasses.field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not _is_number(self.exponent) or not 0.5 < self.exponent <= 1:
            raise DeclarationError(
                f"jaxem.Online: exponent must be above 0.5 and at most 1, so that the steps sum up "
                f"to infinity and their squares do not; got {self.exponent!r}."
            )
        if not _is_number(self.delay) or not 0 <= self.delay < np.inf:
            raise DeclarationError(f"jaxem.Online: delay must be at least 0; got {self.delay!r}.")
        if self.optimizer is not None and not hasattr(self.optimizer, "update"):
            raise DeclarationError(
                f"jaxem.Online takes an optax optimiser, like optax.adam(0.1); got "
                f"{self.optimizer!r}."
            )

    @property
    def sentence(self) -> str:
        """The algorithm in words."""
        return (
            f"online EM, minibatches of {self.batch_size}: a step is an epoch, and one that does "
            f"not raise the objective is the last; then EM"
        )

    def step(
        self, model: Model, plan: Plan, values: Values, source: Source, memory: Epochs
    ) -> Step:
        """The EM map at the candidate; the end of an epoch from there goes to the memory."""
        if source.parts == 1:
            found = self.algorithm.step(model, plan, values, source, memory)
            return found._replace(memory=memory._replace(over=jnp.ones((), bool)))
        epoch, going = highest(memory.begun), highest(~memory.over)
        order = jax.random.permutation(jax.random.key(epoch), source.parts)
        first = epoch * source.parts + 1
        epoch_of = self._average if isinstance(source, Anchored) else self._ascend
        found, ahead = epoch_of(model, plan, values, source, order, first, going)
        return found._replace(memory=memory._replace(ahead=ahead))

    def _average(self, model, plan, values, source, order, first, going):
        """An epoch with sufficient statistics; the M-step on those of all rows is the image."""
        evidence, start = self.gather(model, values, source)

        def one(turn, carry):
            current, image, statistics = carry
            _, new = self.gather(model, current, source.part(order[turn - 1]))
            share = jnp.where(turn > 0, self._size(first + turn - 1, evidence.dtype), 0.0)
            statistics = jax.tree.map(lambda a, b: a + share * (b - a), statistics, new)
            current = self.maximise(model, plan, current, source, statistics)
            image = jax.tree.map(lambda a, b: jnp.where(turn == 0, a, b), current, image)
            return current, image, statistics

        turns = jnp.where(going, source.parts, 0) + 1
        carry = (dict(values), dict(values), start)
        ahead, image, _ = jax.lax.fori_loop(0, turns, one, carry)
        prior = model.prior_density(values)
        return Step(evidence, prior, start.counts, image, None), ahead

    def _ascend(self, model, plan, values, source, order, first, going):
        """An epoch of gradient steps from the image, without sufficient statistics."""
        found = self.algorithm.step(model, plan, values, source, None)
        optimizer = optax.adam(0.1) if self.optimizer is None else self.optimizer
        sizes = self._size(first + jnp.arange(source.parts), found.evidence.dtype)

        def epoch(image):
            return ascend(model, self.e_step, optimizer, source, image, order, sizes)

        return found, jax.lax.cond(going, epoch, dict, found.image)

    def _size(self, turn: Array, dtype: Any) -> Array:
        return (turn.astype(dtype) + self.delay) ** -self.exponent

    def memory(self, model: Model, dtype: Any) -> Epochs:
        """No epoch yet."""
        zero: Any = np.zeros((), np.int32)
        ahead: Any = {p.name: np.zeros(p.shape, dtype) for p in model.parameters}
        return Epochs(zero, zero > 0, ahead)

    def propose(self, model: Model, memory: Epochs, values: Values, image: Values) -> Proposal:
        """The end of the epoch, or the image where epochs are over or it is not finite."""
        ends = jnp.stack([jnp.all(jnp.isfinite(leaf)) for leaf in memory.ahead.values()])
        extrapolated = ~memory.over & jnp.all(ends)
        proposed = {k: jnp.where(extrapolated, memory.ahead[k], image[k]) for k in image}
        return Proposal(proposed, memory._replace(begun=memory.begun + 1), extrapolated)

    def refuse(self, model: Model, memory: Epochs, image: Values) -> Proposal:
        """The image; epochs are over."""
        after = memory._replace(over=jnp.ones((), bool))
        return Proposal(dict(image), after, jnp.zeros((), bool))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)
