"""What can go wrong: one base class, one class per kind, all picklable with their attributes."""

from __future__ import annotations

from typing import Self

__all__ = ["IonlinkError", "MissingPackageError", "ModelError", "ParameterError", "SizeError"]


class IonlinkError(Exception):
    """Base of every error raised on purpose by ionlink."""


class ParameterError(IonlinkError, ValueError):
    """A parameter is outside its domain, of the wrong type, unknown or missing.

    Parameters
    ----------
    message : str
        The whole story in one line.
    path : str, optional
        Path of the parameter, such as ``nodes.0.emission.lifetime_s``.
    value : object, optional
        The value that was refused.
    domain : str, optional
        What is allowed.
    unit : str, optional
        Unit of the domain, empty for a pure number.
    line, column : int, optional
        Where the value stands in a text file, counted from 1.
    suggestion : str, optional
        The existing name that resembles an unknown one most.
    """

    def __init__(
        self,
        message: str,
        *,
        path: str | None = None,
        value: object = None,
        domain: str | None = None,
        unit: str | None = None,
        line: int | None = None,
        column: int | None = None,
        suggestion: str | None = None,
    ) -> None:
        super().__init__(message)
        self.path = path
        self.value = value
        self.domain = domain
        self.unit = unit
        self.line = line
        self.column = column
        self.suggestion = suggestion


class ModelError(IonlinkError):
    """Valid numbers outside the reach of a model or an engine.

    Parameters
    ----------
    message : str
        Why, and what to do instead.
    path : str, optional
        The parameter that takes the model out of its reach.
    """

    def __init__(self, message: str, *, path: str | None = None) -> None:
        super().__init__(message)
        self.path = path


class SizeError(IonlinkError, MemoryError):
    """A result that does not fit into memory.

    Parameters
    ----------
    message : str
        What was asked for and what to do instead.
    needed_bytes, available_bytes : int, optional
        Size of the result and of the memory at hand, in bytes.
    """

    def __new__(cls, *arguments: object, **_: object) -> Self:
        """Make the error without its attributes, as packages do that pickle errors in their own way."""
        # that of MemoryError refuses classes with two bases
        return IonlinkError.__new__(cls, *arguments)

    def __init__(
        self, message: str, *, needed_bytes: int | None = None, available_bytes: int | None = None
    ) -> None:
        super().__init__(message)
        self.needed_bytes = needed_bytes
        self.available_bytes = available_bytes


class MissingPackageError(IonlinkError, ImportError):
    """A package that only some functions need is not there.

    Parameters
    ----------
    message : str
        What needs it and the command that installs it.
    name : str, optional
        The package.
    """

    def __init__(self, message: str, *, name: str | None = None) -> None:
        super().__init__(message, name=name)


def refused(path: str, value: object, domain: str, unit: str = "") -> ParameterError:
    """Error for a value outside its domain, worded as the core words it."""
    in_unit = f" ({unit})" if unit else ""
    message = f"`{path}` must be {domain}{in_unit}, got {value!r}"
    return ParameterError(message, path=path, value=value, domain=domain, unit=unit)
