"""The starts of restarts: given parameters, or those that an initialiser draws with a key."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxem.initial import Setting, in_turn
from jaxem.types import DeclarationError


def make_starts(setting: Setting, init: Any, restarts: int, key: Any) -> dict[str, np.ndarray]:
    """Starts by dotted name, leaves (R, ...), in the precision of `jax_enable_x64`."""
    model = setting.model
    if init is None or callable(init):
        initialiser = in_turn if init is None else init
        starts: Any = initialiser(setting, _generators(key, restarts))
        if not isinstance(starts, dict):
            raise DeclarationError(
                f"the initialiser returned {type(starts).__name__}, not parameters; "
                f"jaxem.initial.from_responsibilities is called with a table first."
            )
    else:
        starts = init
    dtype = jnp.result_type(float)
    out = {}
    for p in model.parameters:
        value = np.asarray(starts[p.name], dtype)
        out[p.name] = np.broadcast_to(value, (restarts, *p.shape))
    return out


def _generators(key: Any, count: int) -> list[np.random.Generator]:
    if isinstance(key, int | np.integer):
        seed = [int(key) % 2**32]
    elif not hasattr(key, "dtype"):
        raise DeclarationError(f"key must be an int or a JAX key; got {key!r}.")
    else:
        raw = key
        if jnp.issubdtype(jnp.asarray(key).dtype, jax.dtypes.prng_key):
            raw = jax.random.key_data(key)
        seed = [int(x) for x in np.asarray(raw).ravel()]
    return [np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(count)]
