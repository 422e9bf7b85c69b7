"""JAX's configuration for the command line: float64, and compiled programs kept on disk.

The command line owns its process, so it may set flags that the library never sets.
"""

import contextlib

from jaxem.types import DeclarationError


def prepare() -> None:
    """Configure JAX; to be called before the first array is created."""
    import jax

    from jaxem.compiled.on_disk import remember

    jax.config.update("jax_enable_x64", True)
    if jax.config.values["jax_compilation_cache_dir"] is None:
        with contextlib.suppress(DeclarationError):  # a read-only home only costs time
            remember()
