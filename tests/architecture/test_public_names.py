"""The public names, pinned: adding or losing one is a decision, never an accident."""

import json
import subprocess
import sys

import jaxem
import jaxem.initial
import jaxem.posterior

NAMES = {
    "Anderson",
    "Annealed",
    "Ascent",
    "Chain",
    "ClosedForm",
    "DeclarationError",
    "Derived",
    "EM",
    "Exact",
    "Explanation",
    "Finite",
    "Fit",
    "Hard",
    "Incremental",
    "Model",
    "Online",
    "Program",
    "Race",
    "Restarts",
    "Squarem",
    "Status",
    "Stochastic",
    "Tempered",
    "Tree",
    "__version__",
    "align",
    "bootstrap",
    "compare",
    "criteria",
    "cross_validate",
    "datasets",
    "diagnose",
    "empirical_bayes",
    "expected_log_joint",
    "explain",
    "fit",
    "flat",
    "from_numpyro",
    "implicit_mode",
    "influence",
    "initial",
    "landscape",
    "likelihood_ratio_test",
    "load",
    "penalty",
    "posterior",
    "predictive_check",
    "remember",
    "select",
    "sensitivity",
    "sequences",
    "to_numpyro",
    "zoo",
}

STARTS = {
    "Setting",
    "at_reference",
    "from_responsibilities",
    "in_turn",
    "kmeans_plus_plus",
    "prior_draws",
    "random_responsibilities",
    "random_rows",
    "scattered",
    "uniform",
}

ONWARD = {"Laplace", "laplace", "latents", "nuts", "to_numpyro"}


def test_public_names():
    assert set(jaxem.__all__) == NAMES
    assert all(hasattr(jaxem, name) for name in NAMES)
    assert set(dir(jaxem)) >= NAMES


def test_initialisers():
    assert set(jaxem.initial.__all__) == STARTS


def test_from_the_mode_onward():
    assert set(jaxem.posterior.__all__) == ONWARD


def test_an_unknown_name_is_an_attribute_error():
    assert not hasattr(jaxem, "fti")


def _heavy_modules(statement: str) -> set[str]:
    """Which slow libraries a fresh interpreter holds after this statement."""
    code = (
        f"import json, sys\n{statement}\n"
        "print(json.dumps(sorted({'jax', 'numpyro', 'optax', 'equinox'} & set(sys.modules))),"
        " file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stderr.splitlines()[-1]))


def test_help_needs_no_jax():
    statement = (
        "from jaxem.cli.main import main\n"
        "sys.argv = ['jaxem', '--help']\n"
        "try:\n    main()\nexcept SystemExit as stop:\n    assert not stop.code, stop.code"
    )
    assert _heavy_modules(statement) == set()


def test_the_public_face_is_there_at_once():
    assert _heavy_modules("import jaxem; jaxem.Model") >= {"jax", "numpyro"}
