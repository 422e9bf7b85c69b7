"""Check of the arguments of a log joint."""

import inspect

from jaxem.latent import Latent
from jaxem.types import DeclarationError, LogJoint


def check_signature(log_joint: LogJoint, latent: Latent) -> None:
    """Check that a log joint takes params, the states and a row.

    Raises:
        DeclarationError: If it takes other arguments; a hidden signature is not checked.
    """
    arguments = ("params", *latent.arguments, "x")
    number = {3: "three", 4: "four"}[len(arguments)]
    try:
        inspect.signature(log_joint).bind(*arguments)
    except TypeError:
        raise DeclarationError(
            f"log_joint is called as log_joint({', '.join(arguments)}), with {number} positional "
            f"arguments; "
            f"{getattr(log_joint, '__name__', 'it')}{inspect.signature(log_joint)} cannot be."
        ) from None
    except ValueError:
        return
