"""Properties that are computed when first asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, overload

if TYPE_CHECKING:
    from collections.abc import Callable

_Value = TypeVar("_Value")

__all__ = ["cached_property"]


class cached_property(Generic[_Value]):  # noqa: N801 (takes the place of functools.cached_property)
    """`functools.cached_property` as it is from Python 3.12 on.

    That of 3.11 holds a lock while it computes, one for all objects of a class: threads that ask different
    runs for their fidelity would wait for each other.
    """

    def __init__(self, function: Callable[[Any], _Value]) -> None:
        self.function = function
        self.__doc__ = function.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...
    @overload
    def __get__(self, instance: object, owner: type) -> _Value: ...
    def __get__(self, instance: object, owner: type) -> Self | _Value:
        if instance is None:
            return self
        value = instance.__dict__[self.name] = self.function(instance)
        return value
