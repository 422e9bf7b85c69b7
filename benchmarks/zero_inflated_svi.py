"""The same mixture by NumPyro: SVI with the state summed out, and Adam on the parameters.

Every parameter is a `numpyro.param` and the guide is empty, so that the bound is the log
likelihood itself. `SVI.run` compiles anew at each call; here the loop is compiled once.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist

from benchmarks.zero_inflated_problem import Size, log_density, supports

try:
    import funsor  # noqa: F401  # what TraceEnum_ELBO sums states out with
    from numpyro.infer import SVI, TraceEnum_ELBO
except ImportError:
    raise SystemExit("benchmarks.zero_inflated needs funsor: pip install funsor") from None


def prepare(size: Size, rows, start, steps: int, rate: float) -> Callable[[], tuple[Any, Any]]:
    """All steps of Adam as one compiled program.

    Returns:
        A function that runs it from the start; it returns the parameters and the losses.
    """
    data = jax.tree.map(jnp.asarray, rows)

    def model():
        params = {
            name: numpyro.param(name, jnp.asarray(start[name]), constraint=support)
            for name, (_, support) in supports(size).items()
        }
        with numpyro.plate("rows", size.rows):
            state = dist.CategoricalProbs(params["weights"])
            z = numpyro.sample("z", state, infer={"enumerate": "parallel"})
            numpyro.factor("x", log_density(params, z, data))

    svi = SVI(model, lambda: None, numpyro.optim.Adam(rate), TraceEnum_ELBO())
    begun = svi.init(jax.random.key(0))

    @jax.jit
    def run(state):
        return jax.lax.scan(lambda here, _: svi.update(here), state, None, length=steps)

    def fit():
        state, losses = jax.block_until_ready(run(begun))
        return svi.get_params(state), losses

    return fit
