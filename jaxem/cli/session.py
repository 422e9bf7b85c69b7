"""JAX as the command line runs it: float64, and programs compiled only once.

The command line owns its process, so it may set what the library never sets by itself.
"""

import os
from pathlib import Path


def prepare() -> None:
    """Set up JAX; to be called before the first array is made."""
    import jax

    jax.config.update("jax_enable_x64", True)
    if jax.config.values["jax_compilation_cache_dir"] is None:
        _remember_programs(cache_folder())


def cache_folder() -> Path:
    """Where compiled programs are kept.

    ``JAXEM_CACHE_DIR`` if it is set, else ``jaxem`` in ``XDG_CACHE_HOME``, else ``~/.cache/jaxem``.
    """
    if own := os.environ.get("JAXEM_CACHE_DIR"):
        return Path(own).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "jaxem"


def _remember_programs(folder: Path) -> None:
    import jax

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return  # a read-only home only costs the time to compile
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
