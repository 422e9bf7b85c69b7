"""Axes of matplotlib, which is an optional dependency."""

from typing import Any

from jaxem.types import DeclarationError


def open_axes(ax: Any) -> Any:
    """The axes given, or new ones of matplotlib.

    Raises:
        DeclarationError: If matplotlib is not installed.
    """
    if ax is not None:
        return ax
    try:
        import matplotlib.pyplot as plt
    except ImportError:
        raise DeclarationError('a picture needs matplotlib: pip install "jaxem[plot]".') from None
    return plt.subplots()[1]
