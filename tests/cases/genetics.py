"""Gene counting: what is seen is a phenotype, what is latent is how it came about."""

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from numpyro.distributions import constraints

import jaxem

from .published import Declared, case


def linkage() -> Declared:
    """Rao's 197 animals: the first cell is a mixture of two, of mass 1/2 and t/4.

    The latent says from which part an animal came; the other cells belong to the second.
    """
    published = case("linkage_dlr1977")

    def log_joint(params, z, cell):
        t = params["t"]
        known = jnp.array([1 / 2, 0.0, 0.0, 0.0])
        linked = jnp.stack([t, 1 - t, 1 - t, t]) / 4
        return jnp.log(jnp.stack([known, linked])[z, cell])

    model = jaxem.Model(
        log_joint,
        latent=jaxem.Finite(2),
        prior={"t": jaxem.flat((), constraints.unit_interval)},
    )
    weights = np.array(published["data"]["y"], float)
    return Declared(model, np.arange(4), weights, published["init"])


def abo() -> Declared:
    """ABO blood groups: the latent is the pair of alleles, one from each parent.

    Alleles are A, B, O; a phenotype has probability zero under all pairs but its own.
    """
    published = case("abo_clarke1959")
    phenotype = jnp.array([[0, 2, 0], [2, 1, 1], [0, 1, 3]])

    def log_joint(params, z, seen):
        pair = dist.Categorical(params["alleles"])
        possible = phenotype[z["mother"], z["father"]] == seen
        inherited = pair.log_prob(z["mother"]) + pair.log_prob(z["father"])
        return inherited + jnp.where(possible, 0.0, -jnp.inf)

    model = jaxem.Model(
        log_joint,
        latent=jaxem.Finite(mother=3, father=3),
        prior={"alleles": jaxem.flat((3,), constraints.simplex)},
    )
    counts = [published["data"][group] for group in ("A", "B", "AB", "O")]
    start = published["init"]
    init = {"alleles": np.array([start["pA"], start["pB"], start["pO"]])}
    return Declared(model, np.repeat(np.arange(4), counts), None, init)


def haplotypes() -> Declared:
    """Two loci on one chromosome: the phase of a double heterozygote is not seen.

    The latent is a pair of haplotypes, numbered 2 * (second allele at MN) + (second at Ss).
    """
    published = case("haplotype_two_locus_MNSs")
    carries = jnp.array([[0, 0], [0, 1], [1, 0], [1, 1]])

    def log_joint(params, z, genotype):
        pair = dist.Categorical(params["haplotypes"])
        possible = jnp.all(carries[z["mother"]] + carries[z["father"]] == genotype)
        inherited = pair.log_prob(z["mother"]) + pair.log_prob(z["father"])
        return inherited + jnp.where(possible, 0.0, -jnp.inf)

    model = jaxem.Model(
        log_joint,
        latent=jaxem.Finite(mother=4, father=4),
        prior={"haplotypes": jaxem.flat((4,), constraints.simplex)},
    )
    genotypes = np.indices((3, 3)).reshape(2, 9).T
    counts = np.array(published["data"]["table"], int).ravel()
    init = {"haplotypes": np.array(published["init"]["p"])}
    return Declared(model, np.repeat(genotypes, counts, axis=0), None, init)


def albinism() -> Declared:
    """Families of five with at least one albino child; the others were never recorded.

    The truncated probability is a geometric series, ``B(r) / (1 - q) = sum_z B(r) q^z`` with q
    the probability of a family without an albino: z counts the families that were passed over
    before this one was recorded, and the E-step fills them in. Twenty-four terms are the whole
    series to rounding, for q is 0.16 at the answer and 0.03 at the start.
    """
    published = case("truncated_binomial_albinism")
    children = published["data"]["n"]

    def log_joint(params, z, albinos):
        family = dist.Binomial(children, params["p"])
        return family.log_prob(albinos) + z * family.log_prob(0)

    model = jaxem.Model(
        log_joint,
        latent=jaxem.Finite(24),
        prior={"p": jaxem.flat((), constraints.unit_interval)},
    )
    return Declared(model, _families(published), None, published["init"])


def albinism_observed() -> Declared:
    """The same families without a latent: the truncated likelihood itself, in closed form."""
    published = case("truncated_binomial_albinism")
    children = published["data"]["n"]

    def log_joint(params, z, albinos):
        family = dist.Binomial(children, params["p"])
        return family.log_prob(albinos) - jnp.log(-jnp.expm1(family.log_prob(0)))

    model = jaxem.Model(
        log_joint,
        latent=jaxem.Finite(1),
        prior={"p": jaxem.flat((), constraints.unit_interval)},
    )
    return Declared(model, _families(published), None, published["init"])


def _families(published) -> np.ndarray:
    """One row a family: its number of albino children."""
    data = published["data"]
    return np.repeat(np.array(data["value"]), np.array(data["frequency"], int))
