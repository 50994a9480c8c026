"""The errors of both trees, by name."""

from typing import Any

from automation import errors as automation_errors
from automation.errors import AutomationError
from backend import errors as gateway_errors
from backend.errors import GatewayError


def every_error() -> dict[str, type[BaseException]]:
    modules: list[Any] = [automation_errors, gateway_errors]
    kinds = [kind for module in modules for kind in vars(module).values() if isinstance(kind, type)]
    return {kind.__name__: kind for kind in kinds if issubclass(kind, AutomationError | GatewayError)}
