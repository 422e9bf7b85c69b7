"""The tables and keys of a config."""

from typing import Annotated, Any, Literal

from pydantic import Field

from jaxem.cli.options import Count, Positive, Section

Whole = Annotated[int, Field(ge=0, le=2**31 - 1)]
Text = Annotated[str, Field(min_length=1)]
Seed = Annotated[int, Field(ge=0, le=2**63 - 1)]
Restarts = Annotated[int, Field(ge=1, le=1_000_000)]
EStep = Literal["exact", "hard"]
Algorithm = Literal["em", "squarem", "anderson", "online", "incremental"]
Criterion = Literal["aic", "bic", "caic", "sabic", "icl", "icl_entropy", "held_out"]
Layout = Literal["auto", "matrix", "vector", "dict"]
Zoo = Literal[
    "gaussian_mixture",
    "k_means",
    "poisson_mixture",
    "binomial_mixture",
    "latent_classes",
    "gaussian_chain",
    "poisson_chain",
    "categorical_chain",
    "multinomial_chain",
    "gaussian_mixture_chain",
    "regression_chain",
]


class DataSection(Section):
    """``[data]``: the source of the rows.

    Attributes:
        source: Name of a dataset of `jaxem.datasets`, or path of a CSV file with a header line,
            relative to the config.
        columns: The columns that the model sees; by default all without another role.
        weights: Column of row weights, such as frequencies; of chains, weights of sequences, the
            same in every row of one.
        sequence: For a chain, the column that names the sequence of a row, numbers or text; one
            sequence if left out.
        time: For a chain, the column that orders the rows of a sequence, numbers or ISO dates; the
            order of the file if left out.
        layout: ``as`` in the config. "matrix": a row is (columns,); "vector": a number, for one
            column; "dict": a dictionary by column name; "auto": vector for one column, else matrix,
            and for a model that names columns, dict.
    """

    source: Text
    columns: Annotated[list[str], Field(min_length=1)] | None = None
    weights: str | None = None
    sequence: str | None = None
    time: str | None = None
    layout: Annotated[Layout, Field(alias="as")] = "auto"

    @property
    def roles(self) -> dict[str, str]:
        """Columns with another role, by the key that names them."""
        given = {key: getattr(self, key) for key in ("weights", "sequence", "time")}
        return {key: name for key, name in given.items() if name is not None}


class ModelSection(Section):
    """``[model]``: a ready model by name, a function that returns a model, or a NumPyro program.

    Attributes:
        zoo: A function of `jaxem.zoo`.
        declare: ``module:function``, importable from the folder of the config or the current one.
        program: ``module:function`` likewise, the function being a NumPyro program.
        options: Keyword arguments of the one that is given.
    """

    zoo: Zoo | None = None
    declare: Annotated[str, Field(pattern=r"^[\w.]+:\w+$")] | None = None
    program: Annotated[str, Field(pattern=r"^[\w.]+:\w+$")] | None = None
    options: dict[str, Any] = Field(default_factory=dict)


class RaceTable(Section):
    """``[fit] race = { keep = 4, after = 10 }``: only the most promising restarts continue.

    Attributes:
        keep: How many continue; the default of `jaxem.Race` if left out.
        after: Steps after which the others are stopped.
    """

    keep: Count | None = None
    after: Count = 10


class StochasticTable(Section):
    """``[fit] stochastic = { steps = 200, draws = 1 }``: `jaxem.Stochastic`.

    Attributes:
        steps: Number of stochastic steps.
        draws: Draws of each row a step.
        answer: "best" of the visited parameters, or the "mean" of the second half.
        polish: Whether the algorithm continues from the answer.
    """

    steps: Count = 200
    draws: Count = 1
    answer: Literal["best", "mean"] = "best"
    polish: bool = False


class FitSection(Section):
    """``[fit]``: arguments of `jaxem.fit`, with its defaults if left out.

    Attributes:
        restarts: Number of starts.
        seed: Seed of the random starts.
        tolerance: When a restart has converged; 0 runs every step.
        max_steps: Steps after which a restart stops.
        time_limit: Seconds after which all stop.
        algorithm: "em"; "squarem" or "anderson", which accelerate it; or "online" or
            "incremental", which use minibatches.
        batch_size: Rows, or sequences, of a minibatch.
        finish: "newton": Newton's method to the maximum when the algorithm has become slow.
        anneal: Inverse temperatures of the first steps, see `jaxem.Annealed`.
        stochastic: A table: steps of stochastic EM, before the algorithm or in place of it.
        race: A table: how many restarts are kept, after how many steps.
        e_step: "exact", or "hard" for classification EM and k-means.
        init: Name of an initialiser, or a table with the starting value of every parameter.
    """

    restarts: Restarts | None = None
    seed: Seed = 0
    tolerance: Annotated[float, Field(ge=0)] | None = None
    max_steps: Whole | None = None
    time_limit: Positive | None = None
    algorithm: Algorithm = "em"
    batch_size: Count | None = None
    finish: Literal["newton"] | None = None
    anneal: Annotated[list[Positive], Field(min_length=1)] | None = None
    stochastic: StochasticTable | None = None
    race: RaceTable | None = None
    e_step: EStep = "exact"
    init: (
        Literal["kmeans_plus_plus", "random_rows", "random_responsibilities", "prior_draws"]
        | dict[str, Any]
        | None
    ) = None


class OutputSection(Section):
    """``[output]``: the folder and files of results.

    Attributes:
        folder: Relative to the current folder, ``~`` being the home folder; by default
            ``results/<name of the config>``.
        hidden_states: Whether to write ``states.csv``: for every row its hidden state, and how
            probable each was.
    """

    folder: Text | None = None
    hidden_states: bool = False


class SelectSection(Section):
    """``[select]``: the models of ``jaxem select``; other commands ignore it.

    Attributes:
        vary: Options of ``[model.options]``, each with a list of values, or a range of whole
            numbers such as "1-6"; every combination is fitted.
        models: Other tables in place of ``[model]``, each perhaps with a ``name``.
        criterion: The criterion of the choice.
        folds: Folds of a cross-validation; none if left out.
    """

    vary: dict[str, Any] = Field(default_factory=dict)
    models: list[dict[str, Any]] = Field(default_factory=list)
    criterion: Criterion = "bic"
    folds: Annotated[int, Field(ge=2)] | None = None


class Config(Section):
    """A whole config."""

    data: DataSection
    model: ModelSection
    fit: FitSection = FitSection()
    output: OutputSection = OutputSection()
    select: SelectSection | None = None
