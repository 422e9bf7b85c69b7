"""The bootstrap: the same fit to data drawn again."""

from jaxem.resampling.bootstrap import Bootstrap, bootstrap

__all__ = ["Bootstrap", "bootstrap"]
