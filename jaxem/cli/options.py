"""Options of the ready models, as a config may write them; checked without importing JAX.

Every class has the arguments of the function of `jaxem.zoo` that it is named for.
"""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

Count = Annotated[int, Field(ge=1, le=2**31 - 1)]
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
        """Arguments of the function of the zoo, for data with so many columns."""
        given = self.model_dump(exclude_none=True)
        return given | ({self.counts_columns: columns} if self.counts_columns else {})

    def numbers(self, columns: int) -> int:
        """The number of entries of all parameters, for data with so many columns."""
        raise NotImplementedError


def _moments(columns: int, covariance: str, count: int) -> int:
    """Numbers in locations and covariances of so many Gaussians."""
    each = {"full": columns**2, "tied": 0, "diagonal": columns, "spherical": 1}[covariance]
    return count * (columns + each) + (columns**2 if covariance == "tied" else 0)


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

    def numbers(self, columns: int) -> int:
        """Numbers in its parameters."""
        return self.components + _moments(columns, self.covariance, self.components)


class KMeans(Options):
    """Options of `jaxem.zoo.k_means`; features are the columns of the data."""

    wide = True
    counts_columns = "features"
    components: Count
    features: Count | None = None
    scale: Positive | list[Positive] = 1.0

    def numbers(self, columns: int) -> int:
        """Numbers in its parameters."""
        return self.components * columns


class PoissonMixture(Options):
    """Options of `jaxem.zoo.poisson_mixture`."""

    components: Count

    def numbers(self, columns: int) -> int:
        """Numbers in its parameters."""
        return 2 * self.components


class BinomialMixture(Options):
    """Options of `jaxem.zoo.binomial_mixture`."""

    components: Count
    trials: Count
    weights: list[float] | None = None

    def numbers(self, columns: int) -> int:
        """Numbers in its parameters."""
        return 2 * self.components


class LatentClasses(Options):
    """Options of `jaxem.zoo.latent_classes`; the items are the columns of the data."""

    wide = True
    classes: Count
    levels: Annotated[list[Count], Field(min_length=1)]

    def numbers(self, columns: int) -> int:
        """Numbers in its parameters."""
        return self.classes * (1 + sum(self.levels))


class ChainOptions(Options):
    """Options that all hidden Markov models share, after their own."""

    chain = True
    initial_concentration: Positive | list[Positive] | None = None
    transition_concentration: Positive | list[Positive] | list[list[Positive]] | None = None

    @property
    def path(self) -> int:
        """Numbers in the initial and transition probabilities."""
        states: int = getattr(self, "states")  # noqa: B009
        return states * (states + 1)


class GaussianChain(ChainOptions):
    """Options of `jaxem.zoo.gaussian_chain`; features are the columns of the data."""

    wide = True
    counts_columns = "features"
    states: Count
    features: Count | None = None
    covariance: Covariance = "full"

    def numbers(self, columns: int) -> int:
        """Numbers in its parameters."""
        return self.path + _moments(columns, self.covariance, self.states)


class PoissonChain(ChainOptions):
    """Options of `jaxem.zoo.poisson_chain`."""

    states: Count

    def numbers(self, columns: int) -> int:
        """Numbers in its parameters."""
        return self.path + self.states


class CategoricalChain(ChainOptions):
    """Options of `jaxem.zoo.categorical_chain`."""

    states: Count
    categories: Count

    def numbers(self, columns: int) -> int:
        """Numbers in its parameters."""
        return self.path + self.states * self.categories


class MultinomialChain(ChainOptions):
    """Options of `jaxem.zoo.multinomial_chain`; categories are the columns of the data."""

    wide = True
    counts_columns = "categories"
    states: Count
    categories: Count | None = None

    def numbers(self, columns: int) -> int:
        """Numbers in its parameters."""
        return self.path + self.states * columns


class GaussianMixtureChain(GaussianChain):
    """Options of `jaxem.zoo.gaussian_mixture_chain`; features are the columns of the data."""

    components: Count

    def numbers(self, columns: int) -> int:
        """Numbers in its parameters."""
        count = self.states * self.components
        return self.path + count + _moments(columns, self.covariance, count)


class RegressionChain(ChainOptions):
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

    def numbers(self, columns: int) -> int:
        """Numbers in its parameters."""
        moving = 1 + len(self.transition_covariates)
        return moving * self.path + self.states * (len(self.covariates) + 2)


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
