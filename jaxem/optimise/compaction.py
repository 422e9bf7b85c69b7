"""Whether a program for fewer restarts is worth its compilation."""

from typing import Any

import numpy as np


class Clock:
    """Times the chunks of one program, and says when a smaller one pays.

    The time that finished restarts have wasted is weighed against what compiling took last time,
    which is how much longer a first chunk took than the next: so at most twice the least is lost.

    Args:
        compiled: Seconds that compiling took, by path and size.
        key: Path and size of the program that runs.
    """

    def __init__(self, compiled: dict[Any, float], key: Any):
        self._compiled, self._key = compiled, key
        self._first = None if key in compiled else np.inf
        self._wasted = 0.0

    def chunk(self, seconds: float, active: float) -> None:
        """Take note of a chunk, and of the share of restarts that ran at its beginning."""
        if self._first == np.inf:
            self._first = seconds
            self._compiled[self._key] = seconds
            return
        if self._first is not None:
            self._compiled[self._key] = max(self._first - seconds, 0.0)
            self._first = None
        self._wasted += seconds * (1 - active)

    def pays(self, smaller: Any) -> bool:
        """Whether to go on with a smaller program."""
        return smaller in self._compiled or self._wasted > max(self._compiled.values(), default=0.0)
