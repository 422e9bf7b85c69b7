"""Words: topics of titles, and translations of words."""

import jax.numpy as jnp
import numpy as np
from numpyro.distributions import constraints

import jaxem

from .published import Declared, case


def titles() -> Declared:
    """Probabilistic latent semantic analysis: each word of a title comes from one of two topics."""
    published = case("plsa_deerwester")

    def log_joint(params, z, token):
        mixture, topic = params["mixture"][token["title"]], params["topic"][z]
        return jnp.log(mixture[z]) + jnp.log(topic[token["term"]])

    model = jaxem.Model(
        log_joint,
        latent=jaxem.Finite(2),
        prior={
            "mixture": jaxem.flat((9, 2), constraints.simplex),
            "topic": jaxem.flat((2, 12), constraints.simplex),
        },
    )
    counts = np.array(published["data"]["counts"], float)
    term, title = np.nonzero(counts)
    init = {
        "mixture": np.array(published["init"]["Theta"]).T,
        "topic": np.array(published["init"]["W"]).T,
    }
    return Declared(model, {"term": term, "title": title}, counts[term, title], init)


def translations() -> Declared:
    """IBM Model 1: which source word a target word translates; the words are numbered by order.

    Given the source sentence its words are independent, so a row is one target word, and the
    latent is the position of its source in the sentence. All sentences have two words.
    """
    published = case("ibm1_koehn")
    sources, targets = vocabulary()

    def log_joint(params, z, word):
        return jnp.log(0.5) + jnp.log(params["translation"][word["sentence"][z], word["target"]])

    model = jaxem.Model(
        log_joint,
        latent=jaxem.Finite(2),
        prior={"translation": jaxem.flat((4, 4), constraints.simplex)},
    )
    pairs = [(pair["f"], word) for pair in published["data"]["corpus"] for word in pair["e"]]
    data = {
        "sentence": np.array([[sources.index(word) for word in words] for words, _ in pairs]),
        "target": np.array([targets.index(word) for _, word in pairs]),
    }
    return Declared(model, data, None, {"translation": np.full((4, 4), 0.25)})


def vocabulary() -> tuple[list[str], list[str]]:
    """The source and the target words, in alphabetical order."""
    corpus = case("ibm1_koehn")["data"]["corpus"]
    sources = sorted({word for pair in corpus for word in pair["f"]})
    targets = sorted({word for pair in corpus for word in pair["e"]})
    return sources, targets
