"""Options of the ready models, as a config may write them; checked without importing JAX.

Every class has the arguments of the function of `jaxem.zoo` that it is named for.
"""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

Count = Annotated[int, Field(ge=1)]
Positive = Annotated[float, Field(gt=0)]


class Section(BaseModel):
    """A table of the config: no unknown keys, no silent conversions, no NaN."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, frozen=True)


class Options(Section):
    """Options of one ready model.

    Attributes:
        wide: Whether a row of the data is (columns,) even when there is one column.
    """

    wide: ClassVar[bool] = False

    def arguments(self, columns: int) -> dict[str, Any]:
        """What the function of the zoo is called with, for data with so many columns."""
        given = self.model_dump(exclude_none=True)
        return given | {"features": columns} if "features" in type(self).model_fields else given


class Conjugate(Section):
    """The normal-inverse-Wishart prior of `gaussian_mixture`."""

    loc: list[float]
    kappa: Positive
    df: Positive
    scale: float | list[float] | list[list[float]]


class GaussianMixture(Options):
    """Options of `jaxem.zoo.gaussian_mixture`; features are the columns of the data."""

    wide = True
    components: Count
    features: Count | None = None
    covariance: Literal["full", "tied", "diagonal", "spherical"] = "full"
    weights_concentration: Positive | list[Positive] | None = None
    conjugate: Conjugate | None = None


class KMeans(Options):
    """Options of `jaxem.zoo.k_means`; features are the columns of the data."""

    wide = True
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


ZOO: dict[str, type[Options]] = {
    "gaussian_mixture": GaussianMixture,
    "k_means": KMeans,
    "poisson_mixture": PoissonMixture,
    "binomial_mixture": BinomialMixture,
    "latent_classes": LatentClasses,
}
