"""From what a person gives, a declaration and data, to a model and its rows."""

from typing import Any, Protocol

from jaxem.model.check import prepare_data
from jaxem.model.model import Model
from jaxem.types import Data, DeclarationError


class Declaration(Protocol):
    """A model, or what becomes one when it meets data."""

    def bind(self, data: Data) -> tuple[Model, Data]:
        """The model for these data, and its rows."""
        ...


def bind(model: Any, data: Data) -> tuple[Model, Data]:
    """The model that a declaration is for data, and its rows, checked.

    Args:
        model: A `Model`, or a program from `jaxem.from_numpyro`.
        data: Data as the declaration takes them.

    Raises:
        DeclarationError: If it is no declaration, or the data are not its data.
    """
    if isinstance(model, type) or not hasattr(model, "bind"):
        raise DeclarationError(
            f"expected a jaxem.Model(log_joint, latent, prior) or a jaxem.from_numpyro(program) "
            f"first; got {model!r}."
        )
    model, rows = model.bind(data)
    return model, prepare_data(rows)
