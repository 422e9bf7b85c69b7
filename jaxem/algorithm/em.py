"""Expectation-maximisation (Dempster, Laird and Rubin 1977), and its generalised form."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax

from jaxem.algebra.plan import Plan
from jaxem.algorithm.algorithm import Algorithm, Step
from jaxem.estep import EStep, Exact
from jaxem.estep.expectation import Expectation, Values
from jaxem.estep.source import Source
from jaxem.model import Model
from jaxem.mstep import Derived, MStep
from jaxem.types import Array, DeclarationError


@dataclasses.dataclass(frozen=True)
class EM(Algorithm):
    """Alternate an E-step and an M-step.

    Args:
        e_step: `Exact` for maximum likelihood and MAP, `Hard` for classification EM, `Tempered` for
            deterministic annealing.
        m_step: The M-step; what jaxem derives if left out. A dictionary replaces the M-step of
            the parameters that it names: ``EM(m_step={"loc": Ascent(optax.adam(1e-2))})``.
        multicycle: An E-step before each group of the order of ``Derived(order=...)``, and not one
            before all of them (multicycle ECM, Meng and Rubin 1993). A step then costs that many
            E-steps.
    """

    e_step: EStep = dataclasses.field(default_factory=Exact)
    m_step: MStep = dataclasses.field(default_factory=Derived)
    multicycle: bool = False

    def __init__(
        self,
        e_step: EStep | None = None,
        m_step: MStep | Mapping[str, MStep] | None = None,
        *,
        multicycle: bool = False,
    ):
        e_step = Exact() if e_step is None else e_step
        if not isinstance(e_step, EStep):
            raise DeclarationError(
                f"e_step must be jaxem.Exact(), jaxem.Hard() or jaxem.Tempered(beta), with "
                f"parentheses; got {e_step!r}."
            )
        if not isinstance(m_step, MStep | Mapping | None):
            raise DeclarationError(
                f"m_step must be jaxem.ClosedForm(update), jaxem.Ascent(...), jaxem.Derived(), or "
                f"a dictionary of these by parameter; got {m_step!r}."
            )
        object.__setattr__(self, "e_step", e_step)
        own = isinstance(m_step, MStep)
        object.__setattr__(self, "m_step", m_step if own else Derived(m_step))
        if multicycle and not self.m_step.ordered:
            raise DeclarationError(
                "multicycle=True makes an E-step before each group of an order; give the order, "
                'as m_step=jaxem.Derived(order=("scale", ("loc", "weights"))).'
            )
        object.__setattr__(self, "multicycle", bool(multicycle))

    def step(self, model: Model, plan: Plan, values: Values, source: Source, memory: Any) -> Step:
        """The EM map at parameters by dotted name."""
        values = jax.lax.stop_gradient(dict(values))
        evidence, counts, q = source.expect(model, self.e_step, values)
        if self.multicycle:
            image = self._cycle(model, plan, values, source, q)
        else:
            image = self.m_step(plan, q, values, tuple(p.name for p in model.free))
        prior = model.prior_density(values)
        return Step(evidence, prior, counts, image, memory, q.rounding)

    def _cycle(
        self, model: Model, plan: Plan, values: Values, source: Source, q: Expectation
    ) -> dict[str, Array]:
        """The image by a cycle: the groups of the order, each after an E-step of its own."""
        assert isinstance(self.m_step, Derived)
        for number, group in enumerate(self.m_step.cycle):
            if number:
                values = jax.lax.stop_gradient(dict(values))
                _, _, q = source.expect(model, self.e_step.numbered(number), values)
            values = self.m_step.sweep(plan, q, values, group)
        return dict(values)

    @property
    def sentence(self) -> str:
        """The algorithm in words."""
        raised = "" if isinstance(self.e_step, Exact) else f" on the {self.e_step.likelihood}"
        own = ", ".join(self.m_step.named)
        own = f", with M-steps of one's own for {own}" if own else ""
        after = "is damped" if self.m_step.trusted else "ends the run"
        return f"EM{raised}{own}; a step that lowers the objective {after}"
