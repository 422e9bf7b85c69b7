"""The cache of traced and compiled programs on disk, for other processes and later ones."""

from pathlib import Path

import jax

from jaxem.compiled.folder import cache_folder, make_room
from jaxem.compiled.traced_on_disk import keep_traced
from jaxem.types import DeclarationError

#: Bytes of compiled programs that are kept.
LIMIT = 2 * 2**30


def remember(folder: str | Path | None = None, *, limit: int = LIMIT) -> Path:
    """Keep programs on disk, so that another process need neither trace nor compile them again.

    Call it once, before the first fit::

        jaxem.remember()

    A process that finds its programs there still traces the log joint, whose digest is their key,
    and checks and proves its plan. Programs are found only by the same versions of jaxem and of
    JAX, and on the same kind of processor. Compiled programs of other JAX code of the process are
    kept too. The files of the folder are executed when they are read: nobody else should be able to
    write to it. To forget all programs, delete the folder.

    Args:
        folder: The folder; if left out, `cache_folder`. It is created if needed.
        limit: Bytes; if the folder holds more when this is called, the least recently used programs
            are deleted.

    Returns:
        The folder.

    Raises:
        DeclarationError: If the folder cannot be made, or the limit is no positive integer.
    """
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
        raise DeclarationError(
            f"remember: limit must be a positive number of bytes; got {limit!r}. To forget all "
            f"programs, delete the folder."
        )
    if not isinstance(folder, str | Path | None):
        raise DeclarationError(f"remember: folder must be a path; got {folder!r}.")
    place = cache_folder() if folder is None else Path(folder).expanduser()
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DeclarationError(
            f"remember: the folder {str(place)!r} cannot be made: {error.strerror}. Give another "
            f"one, or set JAXEM_CACHE_DIR."
        ) from error
    jax.config.update("jax_compilation_cache_dir", str(place))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    keep_traced(place)
    make_room(place, limit)
    return place
