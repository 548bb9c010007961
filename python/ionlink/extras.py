"""Packages that only some functions need, imported when those are called."""

from __future__ import annotations

import importlib
from typing import Any

from ionlink.errors import MissingPackageError


def imported(module: str, purpose: str, install: str) -> Any:
    """Module of an optional package.

    Raises
    ------
    MissingPackageError
        With the command that installs it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        message = f"{purpose} need {package}: pip install {install}"
        raise MissingPackageError(message, name=package) from error
