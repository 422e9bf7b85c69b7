"""The cache of traced programs on disk, which need not be traced again by another process.

JAX keeps compiled programs on disk, but has to trace and lower a function to find one, which takes
as long as compiling it. Here the key of a program is a digest of the declaration, the proved plan,
the key in `Programs`, the form of the arguments, every file of jaxem, the versions of its
dependencies, and the flags of JAX. The files are exported programs (`jax.export`); compiled
programs are left to JAX's own cache.
"""

import functools
import hashlib
import importlib.metadata
import os
import pickle
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax import export
from jax.core import Tracer

#: The folder of programs; empty until `keep_traced` is called.
_folder: list[Path] = []

#: Packages whose code affects traces.
_BELOW = ("jax", "jaxlib", "numpyro", "optax", "equinox", "numpy")

#: Parts of the names of flags for folders, logs and error messages, which change no program.
_IRRELEVANT = ("cache", "log", "traceback", "dump", "profiler", "explain")

#: Flags that can be set for a block of code.
_IN_CONTEXT = (
    "jax_enable_x64",
    "jax_default_matmul_precision",
    "jax_numpy_dtype_promotion",
    "jax_numpy_rank_promotion",
    "jax_default_prng_impl",
    "jax_disable_jit",
    "jax_debug_nans",
    "jax_debug_infs",
)

#: Exceptions of exporting or pickling a program that cannot be kept: one with callbacks, or one
#: that returns objects that cannot be pickled.
_UNKEPT = (
    NotImplementedError,
    ValueError,
    TypeError,
    AttributeError,
    ImportError,
    pickle.PicklingError,
)


def keep_traced(folder: Path) -> None:
    """Keep traced programs in a folder from now on."""
    _folder[:] = [folder]


class Shelf:
    """The forms of one program that were traced by this process or another.

    Args:
        function: The function of pytrees to trace.
        options: Compiler options of XLA, or None.
        mark: The key of the program, equal in every process.
    """

    def __init__(self, function: Callable[..., Any], options: dict[str, Any] | None, mark: bytes):
        self._function, self._options, self._mark = function, options, mark
        self._found: dict[Any, Callable[..., Any] | None] = {}
        self._programs: list[Any] = []

    @property
    def forms(self) -> int:
        """Number of forms in use."""
        return sum(program._cache_size() for program in self._programs)

    def forget(self) -> None:
        """Forget all forms in memory, not those on disk."""
        self._found.clear()
        self._programs.clear()

    def form(self, args: tuple[Any, ...]) -> Callable[..., Any] | None:
        """The compiled program for such arguments; None if it cannot be kept on disk."""
        if not _folder:
            return None
        leaves, tree = jax.tree.flatten(args)
        kinds = tuple(_kind(leaf) for leaf in leaves)
        if None in kinds:
            return None
        key = tree, kinds, _context()
        if key not in self._found:
            self._found[key] = self._find(tree, kinds, leaves)
        return self._found[key]

    def _find(self, tree: Any, kinds: Any, leaves: list[Any]) -> Callable[..., Any] | None:
        words = str(tree)
        if " at 0x" in words:  # the address of an object, which differs between processes
            return None
        options = sorted((self._options or {}).items())
        digest = hashlib.blake2b(self._mark, digest_size=20)
        for part in (words, kinds, options, _flags(), _surroundings()):
            digest.update(repr(part).encode() + b"\x1e")
        path = _folder[0] / f"{digest.hexdigest()}-traced"
        kept = _read(path) or self._trace(tree, leaves, path)
        return None if kept is None else self._compiled(*kept)

    def _trace(self, tree: Any, leaves: list[Any], path: Path) -> tuple[Any, Any] | None:
        """The program and the pytree structure of its result; None if it cannot be exported."""
        structure: list[Any] = []

        def flat(*leaves: Any) -> list[Any]:
            out, returned = jax.tree.flatten(self._function(*jax.tree.unflatten(tree, leaves)))
            structure[:] = [jax.tree.unflatten(returned, range(len(out)))]
            return out

        flat.__name__ = self._function.__name__
        forms = [jax.ShapeDtypeStruct(np.shape(leaf), leaf.dtype) for leaf in leaves]
        try:
            found = export.export(jax.jit(flat))(*forms)
            _write(path, pickle.dumps((bytes(found.serialize()), structure[0])))
        except _UNKEPT:  # an error of the function itself is raised again when it is called
            return None
        return found, structure[0]

    def _compiled(self, found: Any, structure: Any) -> Callable[..., Any]:
        returned = jax.tree.structure(structure)

        def call(*leaves: Any) -> Any:
            return found.call(*leaves)

        call.__name__ = self._function.__name__
        program = jax.jit(call, compiler_options=self._options)
        self._programs.append(program)
        return lambda *args: jax.tree.unflatten(returned, program(*jax.tree.leaves(args)))


def _kind(leaf: Any) -> tuple[Any, ...] | None:
    """Shape and dtype of an argument; None if programs on disk cannot take it."""
    if isinstance(leaf, np.ndarray | np.generic):
        return (leaf.shape, str(leaf.dtype)) if leaf.dtype != object else None
    if not isinstance(leaf, jax.Array) or isinstance(leaf, Tracer):
        return None
    if jax.numpy.issubdtype(leaf.dtype, jax.dtypes.extended) or leaf.weak_type:
        return None
    return (leaf.shape, str(leaf.dtype)) if leaf.devices() == _first_device() else None


@functools.cache
def _first_device() -> set[Any]:
    return {jax.devices()[0]}


def _context() -> tuple[Any, ...]:
    """Values of the flags that can be set for a block of code."""
    return tuple(getattr(jax.config, name, None) for name in _IN_CONTEXT)


def _flags() -> list[str]:
    """Present values of all flags of JAX that may change a program."""
    names = [n for n in sorted(jax.config.values) if not any(word in n for word in _IRRELEVANT)]
    return [f"{n}={getattr(jax.config, n, jax.config.values[n])}" for n in names]


@functools.cache
def _surroundings() -> str:
    """A digest of the code that affects traces, and of the machine."""
    digest = hashlib.blake2b(digest_size=20)
    root = Path(__file__).parent.parent
    for path in sorted(root.rglob("*.py")):
        digest.update(path.relative_to(root).as_posix().encode() + b"\x1f" + path.read_bytes())
    device = jax.devices()[0]
    words = [importlib.metadata.version(name) for name in _BELOW]
    words += [device.platform, device.device_kind, str(jax.device_count())]
    words += [os.environ.get("XLA_FLAGS", "")]
    digest.update("\x1e".join(words).encode())
    return digest.hexdigest()


def _read(path: Path) -> tuple[Any, Any] | None:
    """A program from its file; None if the file is missing or incomplete."""
    try:
        kept, structure = pickle.loads(path.read_bytes())
        os.utime(path)
        return export.deserialize(bytearray(kept)), structure
    except FileNotFoundError:
        return None
    except Exception:  # a file of another format, or half of one: it is written again
        return None


def _write(path: Path, content: bytes) -> None:
    """Write a file completely or not at all; errors of the disk are ignored."""
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            file.write(content)
        Path(file.name).replace(path)
    except OSError:
        return
