"""Old Faithful from the shell: whole processes, `jaxem fit` against a script with scikit-learn."""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.contest import clock, duel
from benchmarks.report import figure, publish, table

ROOT = Path(__file__).parents[1]
CONFIG = Path("configs") / "old_faithful.toml"
PEER = [sys.executable, "-P", str(Path(__file__).with_name("shell_peer.py"))]

HEAD = (
    "problem",
    "jaxem, s",
    "scikit-learn, s",
    "scikit-learn / jaxem (range)",
    "jaxem's first run, empty cache, s",
    "log likelihood, jaxem",
    "log likelihood, scikit-learn",
)


def run(command: list[str], **environment: str) -> str:
    """What a process in the repository prints."""
    given = os.environ | environment
    done = subprocess.run(
        command, cwd=ROOT, env=given, check=True, stdout=subprocess.PIPE, text=True
    )
    return done.stdout


def log_likelihood(printed: str) -> str:
    """The number behind these words in a summary."""
    return printed.partition("log likelihood")[2].split()[0].rstrip(",")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--repeats", type=int, default=5, help="pairs (default 5)")
    repeats = options.parse_args().repeats
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "jaxem.cli.main", "fit", str(CONFIG)]
        command += ["--output", str(Path(folder) / "results")]
        cache = {"JAXEM_CACHE_DIR": str(Path(folder) / "cache")}
        first, _ = clock(lambda: run(command, **cache))
        run(PEER)  # the files of both are then in the memory of the system
        result = duel(lambda: run(command, **cache), lambda: run(PEER), repeats)
    ends = [log_likelihood(printed) for printed in (result.ours, result.theirs)]
    publish(
        "shell",
        f"--repeats {repeats}",
        ["numpy", "scikit-learn"],
        table(HEAD, [["Old Faithful, 64 starts", *result.whole.cells(), figure(first), *ends]]),
    )


if __name__ == "__main__":
    main()
