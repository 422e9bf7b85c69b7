"""Copies and pickles of models: they hold the declaration; plans and traces are made anew."""

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
M = TypeVar("M", bound="Copied")

#: Attributes that a model derives from its declaration, and that are left out of copies.
_DERIVED = ("known", "_joint", "_prior", "_expected")


class Copied:
    """Base of classes that are copied and pickled without compiled programs and traces.

    Attributes:
        recipe: The function that declared it, and its arguments, where there is one.
    """

    recipe: tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]] | None = None

    def _forget(self) -> None:
        """Reset plans and traces."""
        raise NotImplementedError

    def __reduce_ex__(self, protocol: Any) -> Any:
        if self.recipe is None:
            return super().__reduce_ex__(protocol)
        return _declare, self.recipe

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name not in _DERIVED}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._forget()


def declared_by(function: Callable[P, M]) -> Callable[P, M]:
    """Decorator of a module's function that declares models: they pickle as its arguments."""

    @functools.wraps(function)
    def declare(*args: P.args, **kwargs: P.kwargs) -> M:
        model = function(*args, **kwargs)
        model.recipe = declare, args, kwargs
        return model

    return declare


def _declare(function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    return function(*args, **kwargs)
