"""Options of the ready models, as a config may write them; checked without importing JAX.

Every class has the arguments of the function of `jaxem.zoo` that it is named for.
"""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

Count = Annotated[int, Field(ge=1)]
Positive = Annotated[float, Field(gt=0)]
Covariance = Literal["full", "tied", "diagonal", "spherical"]


class Section(BaseModel):
    """A table of the config: no unknown keys, no silent conversions, no NaN."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, frozen=True)


class Options(Section):
    """Options of one ready model.

    Attributes:
        wide: Whether a row of the data is (columns,) even when there is one column.
        chain: Whether rows are steps of sequences.
        counts_columns: The option that is the number of columns, if there is one.
    """

    wide: ClassVar[bool] = False
    chain: ClassVar[bool] = False
    counts_columns: ClassVar[str | None] = None

    @property
    def named(self) -> dict[str, list[str]] | None:
        """Columns that the options name, by option; None for a model that takes all as they are."""
        return None

    def arguments(self, columns: int) -> dict[str, Any]:
        """What the function of the zoo is called with, for data with so many columns."""
        given = self.model_dump(exclude_none=True)
        return given | ({self.counts_columns: columns} if self.counts_columns else {})


class Conjugate(Section):
    """The normal-inverse-Wishart prior of `gaussian_mixture`."""

    loc: list[float]
    kappa: Positive
    df: Positive
    scale: float | list[float] | list[list[float]]


class GaussianMixture(Options):
    """Options of `jaxem.zoo.gaussian_mixture`; features are the columns of the data."""

    wide = True
    counts_columns = "features"
    components: Count
    features: Count | None = None
    covariance: Covariance = "full"
    weights_concentration: Positive | list[Positive] | None = None
    conjugate: Conjugate | None = None


class KMeans(Options):
    """Options of `jaxem.zoo.k_means`; features are the columns of the data."""

    wide = True
    counts_columns = "features"
    components: Count
    features: Count | None = None
    scale: Positive | list[Positive] = 1.0


class PoissonMixture(Options):
    """Options of `jaxem.zoo.poisson_mixture`."""

    components: Count


class BinomialMixture(Options):
    """Options of `jaxem.zoo.binomial_mixture`."""

    components: Count
    trials: Count
    weights: list[float] | None = None


class LatentClasses(Options):
    """Options of `jaxem.zoo.latent_classes`; the items are the columns of the data."""

    wide = True
    classes: Count
    levels: Annotated[list[Count], Field(min_length=1)]


class Chain(Options):
    """Options that all hidden Markov models share, after their own."""

    chain = True
    initial_concentration: Positive | list[Positive] | None = None
    transition_concentration: Positive | list[Positive] | list[list[Positive]] | None = None


class GaussianChain(Chain):
    """Options of `jaxem.zoo.gaussian_chain`; features are the columns of the data."""

    wide = True
    counts_columns = "features"
    states: Count
    features: Count | None = None
    covariance: Covariance = "full"


class PoissonChain(Chain):
    """Options of `jaxem.zoo.poisson_chain`."""

    states: Count


class CategoricalChain(Chain):
    """Options of `jaxem.zoo.categorical_chain`."""

    states: Count
    categories: Count


class MultinomialChain(Chain):
    """Options of `jaxem.zoo.multinomial_chain`; categories are the columns of the data."""

    wide = True
    counts_columns = "categories"
    states: Count
    categories: Count | None = None


class GaussianMixtureChain(GaussianChain):
    """Options of `jaxem.zoo.gaussian_mixture_chain`; features are the columns of the data."""

    components: Count


class RegressionChain(Chain):
    """Options of `jaxem.zoo.regression_chain`, which names its columns."""

    states: Count
    response: str
    covariates: list[str] = []
    family: Literal["normal", "poisson", "binomial", "gamma", "negative_binomial"] = "normal"
    common_variance: bool = False
    trials: str | None = None
    exposure: str | None = None
    transition_covariates: list[str] = []

    @property
    def named(self) -> dict[str, list[str]]:
        """Response, covariates, trials and exposure."""
        single = {key: getattr(self, key) for key in ("response", "trials", "exposure")}
        return {
            **{key: [name] for key, name in single.items() if name is not None},
            "covariates": self.covariates,
            "transition_covariates": self.transition_covariates,
        }


ZOO: dict[str, type[Options]] = {
    "gaussian_mixture": GaussianMixture,
    "k_means": KMeans,
    "poisson_mixture": PoissonMixture,
    "binomial_mixture": BinomialMixture,
    "latent_classes": LatentClasses,
    "gaussian_chain": GaussianChain,
    "poisson_chain": PoissonChain,
    "categorical_chain": CategoricalChain,
    "multinomial_chain": MultinomialChain,
    "gaussian_mixture_chain": GaussianMixtureChain,
    "regression_chain": RegressionChain,
}
