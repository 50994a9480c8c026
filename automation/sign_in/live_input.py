"""Dispatches a person's input as the browser's own input events, which a page can't tell from mouse and keyboard."""

from __future__ import annotations

from automation.page.cdp import Params
from automation.sign_in.followed_pages import FollowedPage
from automation.sign_in.live_events import (
    AnswerDialog,
    ChooseOption,
    FrameSeen,
    GiveFiles,
    InputEvent,
    Key,
    Navigate,
    Pointer,
    Text,
    Wheel,
)

_ALT_CTRL_META = 1 | 2 | 4
_MOUSE = {"move": "mouseMoved", "down": "mousePressed", "up": "mouseReleased"}


async def dispatch(front: FollowedPage, event: InputEvent) -> None:
    """Do what the person did, in the window in front.

    Raises:
        PageLostError: The window went away, or did not react in time.
    """
    match event:
        case Pointer():
            if event.action == "down":
                front.lists.pointed(event.x, event.y)
            await front.channel.send("Input.dispatchMouseEvent", _mouse(event))
        case Wheel():
            await front.channel.send("Input.dispatchMouseEvent", _wheel(event))
        case Key():
            await front.channel.send("Input.dispatchKeyEvent", key_params(event))
        case Text():
            await front.channel.send("Input.insertText", {"text": event.text})
        case ChooseOption():
            await front.lists.choose(event.number, event.index)
        case GiveFiles():
            await front.give_files(event.number, event.files)
        case AnswerDialog():
            await front.answer(event.number, accept=event.accept, text=event.text)
        case Navigate():
            await _navigate(front, event)
        case FrameSeen():
            pass


def key_params(event: Key) -> Params:
    """Return the key as ``Input.dispatchKeyEvent`` takes it: a key that writes carries its text."""
    text = _key_text(event) if event.action == "down" else ""
    kind = "keyUp" if event.action == "up" else "keyDown" if text else "rawKeyDown"
    params: Params = {
        "type": kind,
        "key": event.key,
        "code": event.code,
        "windowsVirtualKeyCode": event.key_code,
        "modifiers": event.modifiers,
        "location": event.location,
        "isKeypad": event.location == 3,
        "autoRepeat": event.repeat,
    }
    return {**params, "text": text, "unmodifiedText": text} if text else params


def _key_text(event: Key) -> str:
    if event.key == "Enter":
        return "\r"
    # With Alt and Ctrl down at once, AltGr writes letters on many keyboards.
    is_command = event.modifiers & _ALT_CTRL_META not in (0, 1 | 2)
    return event.key if len(event.key) == 1 and not is_command else ""


def _mouse(event: Pointer) -> Params:
    return {
        "type": _MOUSE[event.action],
        "x": event.x,
        "y": event.y,
        "button": event.button,
        "buttons": event.buttons,
        "clickCount": event.clicks,
        "modifiers": event.modifiers,
        "pointerType": "mouse",
    }


def _wheel(event: Wheel) -> Params:
    return {
        "type": "mouseWheel",
        "x": event.x,
        "y": event.y,
        "deltaX": event.dx,
        "deltaY": event.dy,
        "modifiers": event.modifiers,
        "pointerType": "mouse",
    }


async def _navigate(front: FollowedPage, event: Navigate) -> None:
    if event.to == "reload":
        await front.channel.send("Page.reload")
        return
    history = await front.channel.send("Page.getNavigationHistory")
    before = history["currentIndex"] - 1
    # The first entry is the empty page that every window begins with.
    if before >= 1 or (before == 0 and history["entries"][0]["url"] != "about:blank"):
        entry_id = history["entries"][before]["id"]
        await front.channel.send("Page.navigateToHistoryEntry", {"entryId": entry_id})
