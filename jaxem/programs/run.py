"""One run of a NumPyro program with its hidden values given, and the sites of the run.

An effect handler gives the program its hidden values, parameters and plate indices, and records its
sites; the source of the program is not read.
"""

import dataclasses
from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from numpyro import handlers
from numpyro.primitives import Messenger

from jaxem.model.prior import base_of
from jaxem.programs.glimpse import Glimpse
from jaxem.programs.scans import ScanStep, check_scan, keep_carries, kept_carries
from jaxem.supports import support_of
from jaxem.types import Array, DeclarationError


class Site(NamedTuple):
    """One statement of a program.

    Attributes:
        name: Its name.
        kind: "sample", "param" or "deterministic".
        fn: The distribution of a sample site, expanded by its plates.
        value: Its value.
        observed: Whether the value is given by the program itself.
        plates: The plates around it, outermost first, each with its dimension (from the right).
        scale: A factor on its log density.
        constraint: Support of a param site.
        scanned: Whether it is inside a scan; run as a whole, its first axis is then time.
    """

    name: str
    kind: str
    fn: Any
    value: Any
    observed: bool
    plates: Mapping[str, int]
    scale: Any
    constraint: Any
    scanned: bool

    @property
    def support(self) -> Any:
        """Its support; None where it has none."""
        return self.constraint if self.kind == "param" else getattr(self.fn, "support", None)

    @property
    def is_discrete(self) -> bool:
        """Whether it is a hidden value with countably many states."""
        return self.kind == "sample" and bool(getattr(self.support, "is_discrete", False))

    @property
    def family(self) -> str:
        """The name of its distribution."""
        return "numpyro.param" if self.kind == "param" else type(base_of(self.fn)).__name__

    @property
    def is_delta(self) -> bool:
        """Whether its value is determined by earlier sites."""
        return isinstance(base_of(self.fn), dist.Delta)

    def log_density(self) -> Array:
        """Log density of the value, of the shape of its plates."""
        return self.fn.log_prob(self.value)


@dataclasses.dataclass(frozen=True)
class Run:
    """The record of one run.

    Attributes:
        sites: Its sites by name, in the order of the program.
        sizes: The full size of every plate.
        carries: Leaves of the values that a scan carries into each step, time first; empty without
            a scan.
    """

    sites: dict[str, Site]
    sizes: dict[str, int]
    carries: list[Any]


def run(
    program: Callable[[], Any],
    values: Mapping[str, Any],
    single: Collection[str] = (),
    step: ScanStep | None = None,
) -> Run:
    """Run a program.

    Args:
        program: The program as a function without arguments.
        values: Values of hidden and param sites; the others get an ordinary value.
        single: Plates that are cut to one element; all others have their full size, also where the
            program would draw a subsample.
        step: The step of a scan that is run; all steps if left out.

    Returns:
        The sites, their log densities not scaled.

    Raises:
        DeclarationError: If the program has a control flow that jaxem does not read.
    """
    given = _Given(values, frozenset(single), step)
    scanned = handlers.substitute(data=dict(values))  # as the steps of a scan take their values
    # A sampler or guide may be running this very model: its handlers are not to see these sites.
    with handlers.block(), handlers.seed(rng_seed=0), handlers.trace() as trace, scanned, given:
        program()
    sites = {name: _site(msg) for name, msg in trace.items() if _is_site(msg)}
    return Run(sites, given.sizes, given.carries or [])


class _Given(Messenger):
    """Effect handler that gives hidden values and plates, and records plates and carries."""

    def __init__(self, values: Mapping[str, Any], single: frozenset[str], step: ScanStep | None):
        super().__init__()
        self.values, self.single, self.step = values, single, step
        self.sizes: dict[str, int] = {}
        self.carries: list[Any] | None = None

    def process_message(self, msg: Any) -> None:
        if msg["type"] == "control_flow":
            self._scan(msg)
        elif _is_done(msg):
            self.sizes |= {frame.name: frame.size for frame in msg["cond_indep_stack"]}
        elif msg["type"] == "plate":
            self._plate(msg)
        elif msg["type"] == "sample" and msg["is_observed"]:
            if isinstance(msg["value"], Glimpse):
                msg["value"] = jnp.asarray(msg["value"])
        elif msg["type"] in ("sample", "param"):
            msg["value"] = self.values.get(msg["name"])
            if msg["value"] is None and msg["type"] == "sample":
                msg["value"] = _ordinary(msg["fn"])

    def postprocess_message(self, msg: Any) -> None:
        if msg["type"] == "control_flow" and self.step is None:
            self.carries = kept_carries(msg)

    def _scan(self, msg: Any) -> None:
        check_scan(msg)
        if self.step is not None:
            self.step.answer(
                msg, lambda values: _Given({**self.values, **values}, self.single, None)
            )
        elif self.carries is not None:
            raise DeclarationError(
                "the program has several scans; jaxem reads one chain of hidden states. Put what "
                "they do into the body of a single scan."
            )
        else:
            keep_carries(msg)

    def _plate(self, msg: Any) -> None:
        size, name = int(msg["args"][0]), msg["name"]
        self.sizes[name] = size
        msg["args"] = (size, None)  # else NumPyro draws a subsample, and requires its size
        msg["value"] = jnp.arange(1 if name in self.single else size)


def _ordinary(fn: Any) -> Any:
    """The centre of the support; None if there is none, and NumPyro draws a value."""
    support = getattr(fn, "support", None)
    if support is None or isinstance(base_of(fn), dist.Delta):
        return None
    if support.is_discrete:
        return _first(fn)
    try:
        return jnp.asarray(support_of(support).center(tuple(fn.shape())), jnp.result_type(float))
    except NotImplementedError:
        return None


def _first(fn: Any) -> Any:
    try:
        first = fn.enumerate_support(expand=False)[0]
    except NotImplementedError:
        return None
    return jnp.broadcast_to(first, fn.shape())


def _is_done(msg: Any) -> bool:
    """Whether a message is from a scan that has been run, with all steps of a site."""
    return msg.get("_control_flow_done", False)


def _is_site(msg: Any) -> bool:
    return msg["type"] in ("sample", "param", "deterministic")


def _site(msg: Any) -> Site:
    return Site(
        name=msg["name"],
        kind=msg["type"],
        fn=msg.get("fn"),
        value=msg["value"],
        observed=bool(msg.get("is_observed", False)),
        plates={frame.name: frame.dim for frame in reversed(msg["cond_indep_stack"])},
        scale=msg.get("scale"),
        constraint=msg.get("kwargs", {}).get("constraint", dist.constraints.real),
        scanned=_is_done(msg),
    )


#: Errors of JAX where a program needs the concrete value of a traced array.
TRACER_ERRORS = (jax.errors.ConcretizationTypeError, jax.errors.TracerArrayConversionError)
