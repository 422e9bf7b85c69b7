"""Hidden Markov models in print: earthquakes, the dishonest casino, speed and accuracy, GNP."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from numpyro.distributions import constraints

import jaxem

from .published import Declared, case

SIMPLEX = constraints.simplex


class Chained(Declared):
    """A declared case whose rows are sequences.

    `lengths` of the sequences are looked up by the case, which is one of few with unequal ones.
    """

    def __new__(cls, *args, lengths=None):
        made = super().__new__(cls, *args)
        made.lengths = lengths
        return made

    def fit(self, **options):
        """Fit the case from its own start, unless the options name another."""
        return super().fit(**{"lengths": self.lengths, **options})


def chain_of(emission, prior, states=2, concentration=None):
    """A chain with free initial and transition probabilities, and the given emission density."""
    initial, rows = jaxem.flat((states,), SIMPLEX), jaxem.flat((states, states), SIMPLEX)
    if concentration is not None:
        initial, rows = (dist.Dirichlet(jnp.asarray(c)) for c in concentration)

    def log_joint(params, z_prev, z, x):
        if z_prev is None:
            moved = jnp.log(params["initial"])[z]
        else:
            moved = jnp.log(params["transition"])[z_prev, z]
        return moved + emission(params, z, x)

    chances = {"initial": initial, "transition": rows}
    return jaxem.Model(log_joint, jaxem.Chain(states), {**chances, **prior})


def poisson(params, z, x):
    return dist.Poisson(params["rate"][z]).log_prob(x)


def normal(params, z, x):
    return dist.Normal(params["loc"][z], params["scale"][z]).log_prob(x)


def earthquakes() -> Declared:
    """Counts of major earthquakes, two Poisson states, free initial distribution."""
    counts = np.array(case("hmm_poisson_earthquakes_2")["data"]["y"])[None]
    model = chain_of(poisson, {"rate": jaxem.flat((2,), constraints.positive)})
    return Declared(model, counts, None, _start([15.0, 25.0]))


def earthquakes_stationary() -> Declared:
    """The same with the initial distribution tied to the stationary one of the transitions."""

    def log_joint(params, z_prev, z, x):
        stay = params["transition"]
        if z_prev is None:
            leave = jnp.stack([stay[1, 0], stay[0, 1]])
            moved = jnp.log(leave / leave.sum())[z]
        else:
            moved = jnp.log(stay)[z_prev, z]
        return moved + poisson(params, z, x)

    model = jaxem.Model(
        log_joint,
        jaxem.Chain(2),
        {
            "transition": jaxem.flat((2, 2), SIMPLEX),
            "rate": jaxem.flat((2,), constraints.positive),
        },
    )
    counts = np.array(case("hmm_poisson_earthquakes_2")["data"]["y"])[None]
    start = _start([15.0, 25.0])
    del start["initial"]
    return Declared(model, counts, None, start)


def earthquakes_map() -> Declared:
    """The same with Dirichlet and gamma priors, at the posterior mode."""
    model = chain_of(
        poisson,
        {"rate": dist.Gamma(20.0, 1.0).expand([2])},
        concentration=([2.0, 2.0], [[5.0, 2.0], [2.0, 5.0]]),
    )
    counts = np.array(case("hmm_map_earthquakes_a")["data"]["y"])[None]
    return Declared(model, counts, None, _start([15.0, 25.0]))


def casino() -> Declared:
    """Three hundred rolls of a die that is sometimes loaded."""
    published = case("hmm_casino_durbin")
    rolls = np.array([int(roll) - 1 for roll in published["data"]["rolls"]])[None]

    def face(params, z, x):
        return jnp.log(params["faces"])[z, x]

    model = chain_of(face, {"faces": jaxem.flat((2, 6), SIMPLEX)})
    start = published["init"]
    init = {"initial": start["delta"], "transition": start["A"], "faces": start["E"]}
    return Declared(model, rolls, None, init)


def speed() -> Chained:
    """Log response times in three series of unequal length, two normal states."""
    published = case("hmm_gauss_speed_rt")
    times = _series(published["data"], "rt")
    data, lengths = jaxem.sequences(times)
    model = chain_of(
        normal, {"loc": jaxem.flat((2,)), "scale": jaxem.flat((2,), constraints.positive)}
    )
    start = published["init"]
    init = {
        "initial": start["delta"],
        "transition": start["A"],
        "loc": start["mu"],
        "scale": start["sd"],
    }
    return Chained(model, data, None, init, lengths=lengths)


def speed_with_payoff() -> Chained:
    """The same with transitions that depend on the pay-off at the step before."""
    published = case("hmm_speed_rt_tv_transition")["data"]
    times, payoffs = _series(published, "rt"), _series(published, "zPacc")
    parts = [
        {"time": time, "payoff": np.concatenate([[0.0], payoff[:-1]])}
        for time, payoff in zip(times, payoffs, strict=True)
    ]
    data, lengths = jaxem.sequences(parts)

    def log_joint(params, z_prev, z, x):
        if z_prev is None:
            moved = jnp.log(params["initial"])[z]
        else:
            logit = params["intercept"][z_prev] + params["slope"][z_prev] * x["payoff"]
            moved = jnp.where(z == 1, jax.nn.log_sigmoid(logit), jax.nn.log_sigmoid(-logit))
        return moved + normal(params, z, x["time"])

    model = jaxem.Model(
        log_joint,
        jaxem.Chain(2),
        {
            "initial": jaxem.flat((2,), SIMPLEX),
            "intercept": jaxem.flat((2,)),
            "slope": jaxem.flat((2,)),
            "loc": jaxem.flat((2,)),
            "scale": jaxem.flat((2,), constraints.positive),
        },
    )
    init = {
        "initial": [0.5, 0.5],
        "intercept": [-1.0, 1.0],
        "slope": [0.0, 0.0],
        "loc": [5.5, 6.4],
        "scale": [0.2, 0.25],
    }
    return Chained(model, data, None, init, lengths=lengths)


def gnp() -> Declared:
    """Growth of US GNP, a switching mean with four autoregressive lags (Hamilton 1989).

    The state of a step is that of five quarters; lags of the series are data.
    """
    growth = np.array(case("markov_switching_hamilton_gnp")["data"]["y"])
    lagged = np.stack([growth[4 - k : len(growth) - k] for k in range(5)], -1)
    quarters = ("s0", "s1", "s2", "s3", "s4")

    def log_joint(params, z_prev, z, x):
        stay = jnp.stack([params["to_recession"], 1 - params["to_recession"]], -1)
        path = [z[name] for name in quarters]
        if z_prev is None:
            leave = jnp.stack([stay[1, 0], stay[0, 1]])
            first = jnp.log(leave / leave.sum())[path[4]]
            moved = first + sum(jnp.log(stay)[path[k + 1], path[k]] for k in range(4))
        else:
            same = [z_prev[a] == z[b] for a, b in itertools.pairwise(quarters)]
            follows = jnp.all(jnp.stack(same))
            moved = jnp.where(follows, jnp.log(stay)[path[1], path[0]], -jnp.inf)
        deviation = x - params["mean"][jnp.stack(path)]
        mean = params["ar"] @ deviation[1:]
        return moved + dist.Normal(mean, jnp.sqrt(params["variance"])).log_prob(deviation[0])

    model = jaxem.Model(
        log_joint,
        jaxem.Chain(**dict.fromkeys(quarters, 2)),
        {
            "to_recession": jaxem.flat((2,), constraints.unit_interval),
            "mean": jaxem.flat((2,)),
            "ar": jaxem.flat((4,)),
            "variance": jaxem.flat((), constraints.positive),
        },
    )
    init = {
        "to_recession": [0.7, 0.1],
        "mean": [-0.5, 1.0],
        "ar": [0.0, 0.0, 0.0, 0.0],
        "variance": 0.8,
    }
    return Declared(model, lagged[None], None, init)


def bacteria() -> Declared:
    """Visits of fifty children: a mixture of two Markov chains that are seen, at the mode.

    Rows are children; what counts of a chain is its first state and its transitions.
    """
    children = case("mixture_markov_chains_bacteria_map")["data"]["sequences"]
    moves = np.zeros((len(children), 2, 2), int)
    for child, visits in enumerate(children):
        np.add.at(moves[child], (visits[:-1], visits[1:]), 1)
    first = np.array([visits[0] for visits in children])

    def log_joint(params, z, x):
        begun = jnp.log(params["weights"])[z] + jnp.log(params["initial"])[z, x["first"]]
        return begun + (x["moves"] * jnp.log(params["transition"])[z]).sum()

    even = jnp.full(2, 1.5)
    model = jaxem.Model(
        log_joint,
        jaxem.Finite(2),
        {
            "weights": dist.Dirichlet(even),
            "initial": dist.Dirichlet(even).expand([2]),
            "transition": dist.Dirichlet(even).expand([2, 2]),
        },
    )
    start = case("mixture_markov_chains_bacteria_map")["init"]
    init = {"weights": start["w"], "initial": start["p"], "transition": start["A"]}
    return Declared(model, {"first": first, "moves": moves}, None, init)


def _start(rates):
    return {
        "initial": [0.5, 0.5],
        "transition": [[0.9, 0.1], [0.1, 0.9]],
        "rate": np.array(rates),
    }


def _series(data, name):
    ends = np.cumsum(data["ntimes"])
    return np.split(np.array(data[name]), ends[:-1])
