"""Q as a function of the parameters."""

from collections.abc import Callable
from typing import Any

from jaxem.estep import EStep, Exact
from jaxem.estep.batch import block_size, make_batch
from jaxem.estep.order import in_order
from jaxem.estep.source import Direct, Source
from jaxem.estep.steps import make_steps
from jaxem.model.binding import Declaration, bind_steps
from jaxem.model.declaration import check_declaration, check_params
from jaxem.numerics.rows import row_count
from jaxem.types import Array, Data, Params


def expected_log_joint(
    model: Declaration,
    data: Data,
    *,
    at: Params,
    weights: Any = None,
    lengths: Any = None,
    e_step: EStep | None = None,
) -> Callable[[Params], Array]:
    r"""The function that the M-step maximises.

    .. math:: Q(\theta) = \sum_i w_i \sum_z p(z \mid x_i, \theta') \log p(x_i, z \mid \theta)
              + \log p(\theta)

    By Fisher's identity its gradient at :math:`\theta = \theta'` is that of the log posterior.

    Args:
        model: The declared model, or a program from `jaxem.from_numpyro`.
        data: Rows; for a program, its arguments by name.
        at: The parameters :math:`\theta'` of the E-step.
        weights: Weights of rows, or of sequences, (n,).
        lengths: For a chain, the steps of each sequence, (n,).
        e_step: The E-step; exact if left out.

    Returns:
        Q, a differentiable function of parameters nested as declared.

    Raises:
        DeclarationError: If model, data or parameters cannot be used as given.
    """
    bound = bind_steps(model, data, lengths)
    model, rows = bound.model, bound.rows
    prepared = bound.weigh(weights)
    check_declaration(model, rows)
    values = model.flatten(model.nest(check_params(model, at, "at")))
    source: Source
    if bound.sequences is None:
        size = block_size(row_count(rows), model.latent.size)
        source = Direct(make_batch(rows, prepared, size), keep=True)
    else:
        source = make_steps(rows, prepared, in_order(bound.sequences, model.latent.configurations))
    _, _, q = source.expect(model, e_step or Exact(), values)
    return lambda params: q(model.flatten(params))
