"""A failing test is reported by its name whatever goes wrong while it is reported, and the run goes on.

An exception in a hook that reports ends the whole run: pytest prints INTERNALERROR, and what failed until then is not named.
Seen: an exception whose traceback CPython 3.11 gives no line number (a time limit's signal met an instruction that has
none) can't be drawn, and the hypothesis plugin, the outermost around it, is named as the culprit; a lone surrogate in a
report can't be sent from a worker of xdist; a time limit's signal while a report is made. A signal that meets a callback
of an event loop is swallowed by it, and the test would hang for ever.
"""

from __future__ import annotations

import signal
import traceback
from collections.abc import Generator
from typing import Any

import pytest

# A time limit whose signal was swallowed comes again after this long; a teardown that is cut short has had as much.
AGAIN_S = 60.0


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    try:
        return (yield)
    except (KeyboardInterrupt, pytest.exit.Exception):
        raise
    except BaseException as exc:  # noqa: BLE001  whatever it is, it becomes the test's failure
        raised = call.excinfo.value if call.excinfo else None
        return _plain_report(item, call.when, [raised, exc], call)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(
    item: pytest.Item, nextitem: pytest.Item | None
) -> Generator[None, object, object]:
    try:
        return (yield)
    except (KeyboardInterrupt, pytest.exit.Exception):
        raise
    except BaseException as exc:  # noqa: BLE001  the same
        item.ihook.pytest_runtest_logreport(report=_plain_report(item, "call", [exc]))
        item.session._setupstate.teardown_exact(nextitem)
        return True


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable() -> Generator[None, Any, Any]:
    return _encodable((yield))


@pytest.hookimpl(wrapper=True, optionalhook=True)
def pytest_timeout_set_timer() -> Generator[None, object, object]:
    is_set = yield
    first_s, _ = signal.getitimer(signal.ITIMER_REAL)
    if first_s:
        signal.setitimer(signal.ITIMER_REAL, first_s, AGAIN_S)
    return is_set


def _plain_report(
    item: pytest.Item,
    when: str,
    errors: list[BaseException | None],
    call: pytest.CallInfo[None] | None = None,
) -> pytest.TestReport:
    """Build the report of a failure that pytest could not draw: as text, by what can't fail."""
    return pytest.TestReport(
        nodeid=item.nodeid,
        location=item.location,
        keywords=dict.fromkeys(item.keywords, 1),
        outcome="failed",
        longrepr="\n".join(_drawn(error) for error in errors if error is not None),
        when=when,  # type: ignore[arg-type]
        duration=call.duration if call else 0.0,
        start=call.start if call else 0.0,
        stop=call.stop if call else 0.0,
    )


def _drawn(error: BaseException) -> str:
    try:
        return "".join(traceback.format_exception(error))
    except Exception as exc:  # noqa: BLE001  an exception's own text may raise anything
        return f"{type(error).__name__}, which can't be drawn: {type(exc).__name__}"


def _encodable(value: Any) -> Any:
    """Return it with every character that UTF-8 can't encode written as its escape."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, dict):
        return {_encodable(key): _encodable(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_encodable(each) for each in value)
    return value
