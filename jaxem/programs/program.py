"""NumPyro programs as models."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxem.latent import Chain
from jaxem.model import Model, flat
from jaxem.programs.admission import refuse_known
from jaxem.programs.anatomy import Anatomy
from jaxem.programs.arguments import Arguments, argument_names, name_of, read_arguments
from jaxem.programs.dissect import dissect
from jaxem.programs.run import Site, run
from jaxem.programs.states import States
from jaxem.programs.trial import find_datum
from jaxem.types import Array, Data, DeclarationError, Params


def from_numpyro(program: Callable[..., Any], /, **constants: Any) -> "Program":
    """A NumPyro program as a model.

    The continuous sites of the program are the parameters, with the distributions they are
    sampled from as priors (maximum a posteriori); ``numpyro.param`` sites are parameters without a
    prior (maximum likelihood). Its hidden discrete sites are the latent states, summed over
    exactly. A datum is one element of the plate, or plates, that all of these share.

    Args:
        program: The program, unchanged.
        **constants: Arguments of it that are no data.

    Returns:
        A model; its data are a dictionary by the names of the program's arguments, or a single
        array where the program requires a single argument.

    Raises:
        DeclarationError: If it is no function. The program itself is checked when it is bound to
            data.
    """
    if not callable(program):
        raise DeclarationError(
            f"from_numpyro takes a NumPyro program, a function with numpyro.sample statements; "
            f"got {program!r}."
        )
    return Program(program, constants)


class Program:
    """A NumPyro program that becomes a `Model` when it is bound to data.

    Args:
        program: The program.
        constants: Arguments of it that are no data.
    """

    def __init__(self, program: Callable[..., Any], constants: Mapping[str, Any]):
        self.program, self.constants = program, dict(constants)
        self._models: list[ProgramModel] = []

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_models": []}

    def bind(self, data: Data) -> tuple["ProgramModel", Data]:
        """The model for data of this shape, and its rows.

        Args:
            data: Arguments by name, or one array.

        Returns:
            The model, cached for data of the same shapes and constants; and the rows, one leaf for
            each argument that carries rows.

        Raises:
            DeclarationError: If the program is no model that jaxem can fit, or the data are not
                its arguments.
        """
        arguments = read_arguments(self.program, self.constants, data)
        model = next((m for m in self._models if m.holds_for(arguments)), None)
        if model is None:
            model = ProgramModel(self, arguments)
            self._models.append(model)
        return model, model.rows_of(arguments)

    @property
    def argument_names(self) -> list[str]:
        """Names of the arguments that data may be given for."""
        return [name for name in argument_names(self.program) if name not in self.constants]

    def deterministic(self, params: Params, data: Data) -> dict[str, Array]:
        """Values of the deterministic sites; see `ProgramModel.deterministic`."""
        return self.bind(data)[0].deterministic(params, data)

    def __repr__(self) -> str:
        return f"Program({getattr(self.program, '__name__', self.program)})"


class ProgramModel(Model):
    """The model of a program for data of one shape.

    Args:
        source: The program.
        arguments: Its arguments with all data.

    Attributes:
        datum: The log joint of one row.
    """

    def __init__(self, source: Program, arguments: Arguments):
        self.source, self.arguments = source, arguments
        program = arguments.call()
        anatomy = _in_words(source, arguments, lambda: dissect(program))
        states = States(anatomy)
        refuse_known(anatomy)
        self.datum = find_datum(arguments, anatomy, states)
        super().__init__(
            self.datum,
            latent=states.latent,
            prior={site.name: _prior(site, anatomy, program) for site in anatomy.parameters},
            factor=_factor(anatomy, program) if anatomy.outer else None,
        )

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Copies find the parts of the program anew."""
        return ProgramModel, (self.source, self.arguments)

    def bind(self, data: Data) -> tuple["ProgramModel", Data]:
        """This model, and the rows of these data, perhaps other than those it was made for."""
        arguments = read_arguments(self.source.program, self.source.constants, data)
        if arguments.labels != self.arguments.labels:
            raise DeclarationError(
                f"the model was made for the arguments {', '.join(self.arguments.labels)}; the "
                f"data give {', '.join(arguments.labels)}."
            )
        return self, self.rows_of(arguments)

    def rows_of(self, arguments: Arguments) -> Data:
        """The rows of arguments; of a chain, leaves (sequence, time, ...)."""
        rows = self.datum.layout.rows(arguments)
        if not isinstance(self.latent, Chain):
            return rows
        horizon = self.datum.layout.sizes_of(arguments)[-1]
        return {label: leaf.reshape(-1, horizon, *leaf.shape[1:]) for label, leaf in rows.items()}

    def holds_for(self, arguments: Arguments) -> bool:
        """Whether this is the model of other arguments too."""
        layout = self.datum.layout
        return self.arguments.alike(arguments, frozenset(layout.axes), layout.read)

    def deterministic(self, params: Params, data: Data) -> dict[str, Array]:
        """Values of the program's ``numpyro.deterministic`` sites.

        Args:
            params: Parameters, for instance ``fit.params``.
            data: Arguments of the program by name.

        Returns:
            Values by name, with all data, every hidden state being the most probable one.
        """
        _, rows = self.bind(data)
        rows = jax.tree.map(jnp.asarray, rows)
        modes = self.latent.mode(self.factors(self.flatten(params), rows, None))
        if isinstance(self.latent, Chain):
            modes = modes.T.ravel()
        arguments = read_arguments(self.source.program, self.source.constants, data)
        sizes = self.datum.layout.sizes_of(arguments)
        values = {
            **jax.tree.map(jnp.asarray, dict(params)),
            **self.datum.states.values_of_all(np.asarray(modes), sizes),
        }
        sites = run(arguments.call(), values).sites.values()
        return {site.name: site.value for site in sites if site.kind == "deterministic"}


def _prior(site: Site, anatomy: Anatomy, program: Callable[[], Any]) -> Any:
    """The prior of a parameter, as a `Model` takes it."""
    if site.kind == "param":
        return flat(tuple(jnp.shape(site.value)), site.constraint)
    parents = anatomy.parents[site.name]
    if not parents:
        return site.fn

    def given_others(params):
        return run(program, {name: params[name] for name in parents}).sites[site.name].fn

    return given_others


def _factor(anatomy: Anatomy, program: Callable[[], Any]) -> Callable[[Params], Array]:
    """The factor of a `Model`: the log density of the outer sites."""

    def factor(params):
        values = {name: params[name] for name in sorted(anatomy.outer_parents)}
        sites = run(program, values).sites
        return sum((jnp.sum(sites[n].log_density()) for n in sorted(anatomy.outer)), jnp.zeros(()))

    return factor


def _in_words(source: Program, arguments: Arguments, look: Callable[[], Anatomy]) -> Anatomy:
    """The result of `look`; errors of the program are raised with an explanation."""
    name = name_of(source.program)
    try:
        return look()
    except DeclarationError:
        raise
    except Exception as error:
        lines = str(error).strip().splitlines() or ["no message"]
        if isinstance(error, ValueError) and "truth value" in lines[0]:
            raise DeclarationError(
                f"{name} asks whether an array is true: an if, while or `and` on a "
                f"hidden value, on a parameter or on data, which are arrays here. Write "
                f"jnp.where(z == 0, a, b), or index, loc[z], instead of if."
            ) from error
        absent = [known for known in source.argument_names if known not in arguments.values]
        left_out = f" {', '.join(map(repr, absent))} was not given." if absent else ""
        raise DeclarationError(
            f"{name} fails on these data with {type(error).__name__}: {lines[0]}.{left_out} "
            f"Does it run by itself, numpyro.handlers.seed(program, 0)(...)? (Sequences of unequal "
            f"length are padded by jaxem.sequences.)"
        ) from error
