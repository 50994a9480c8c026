"""Messages of the live view: what it shows and what a person may do in it, with bounds. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Base64Bytes, BaseModel, ConfigDict, Field, TypeAdapter, model_validator

# As base64 it must fit into one WebSocket message of 16 MiB.
MOST_FILE_BYTES = 10 * 1024 * 1024
MOST_FILES = 20
_MOST_PASTED = 100_000

Coordinate = Annotated[float, Field(ge=0, le=32_767, allow_inf_nan=False)]
Distance = Annotated[float, Field(ge=-10_000, le=10_000, allow_inf_nan=False)]
Modifiers = Annotated[int, Field(ge=0, le=15)]


# -- what is shown ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture of the page in front.

    Attributes:
        jpeg: The picture, at most 1280x800 pixels.
        width: Of what is pictured, in CSS pixels; pointers are told in these. Likewise ``height``.
        at_s: When the browser painted it, in seconds since the epoch.
    """

    jpeg: bytes
    width: int
    height: int
    at_s: float


@dataclass(frozen=True, slots=True)
class PageChanged:
    """Another document or another window is in front.

    Attributes:
        url: Its address without query and fragment, which may hold secrets.
        depth: How many windows were opened one from another; 1 is the page itself.
    """

    url: str
    title: str
    depth: int


@dataclass(frozen=True, slots=True)
class SelectOption:
    """One entry of a list. ``group`` is the label it stands under, or empty."""

    label: str
    group: str
    is_chosen: bool
    is_enabled: bool


@dataclass(frozen=True, slots=True)
class SelectOpened:
    """A native list, which no frame shows, would open; answer it with ``ChooseOption``.

    Attributes:
        number: Id that the answer must repeat.
        rect: Left, top, width and height of the closed list in CSS pixels; None where it was opened by a key.
    """

    number: int
    options: tuple[SelectOption, ...]
    rect: tuple[float, float, float, float] | None


@dataclass(frozen=True, slots=True)
class FileChooserOpened:
    """The page asks for files; answer it with ``GiveFiles``."""

    number: int
    takes_several: bool


@dataclass(frozen=True, slots=True)
class DialogOpened:
    """The page asks or tells something in a window of the browser, and stands still until ``AnswerDialog``.

    Attributes:
        dialog: ``alert``, ``confirm``, ``prompt`` or ``beforeunload`` (leave the page?).
        default_text: What stands in a prompt's field.
    """

    number: int
    dialog: str
    message: str
    default_text: str


LiveEvent = Frame | PageChanged | SelectOpened | FileChooserOpened | DialogOpened


# -- what a person does -------------------------------------------------------------------------------------------------


class _Input(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Pointer(_Input):
    """The mouse moves, or a button of it goes down or up.

    Attributes:
        x: In CSS pixels of the frame's page, from its left. Likewise ``y``, from its top.
        buttons: Those that are down afterwards, as bits: 1 left, 2 right, 4 middle.
        clicks: 1 for a single click, 2 for the second of a double click, and so on.
        modifiers: Bits: 1 Alt, 2 Ctrl, 4 Meta, 8 Shift.
    """

    kind: Literal["pointer"] = "pointer"
    action: Literal["move", "down", "up"]
    x: Coordinate
    y: Coordinate
    button: Literal["none", "left", "middle", "right"] = "none"
    buttons: Annotated[int, Field(ge=0, le=31)] = 0
    clicks: Annotated[int, Field(ge=0, le=3)] = 0
    modifiers: Modifiers = 0


class Wheel(_Input):
    """The wheel turns by ``dx`` and ``dy`` CSS pixels."""

    kind: Literal["wheel"] = "wheel"
    x: Coordinate
    y: Coordinate
    dx: Distance = 0
    dy: Distance = 0
    modifiers: Modifiers = 0


class Key(_Input):
    """A key goes down or up; the names are those of a browser's ``KeyboardEvent``."""

    kind: Literal["key"] = "key"
    action: Literal["down", "up"]
    key: Annotated[str, Field(min_length=1, max_length=32)]
    code: Annotated[str, Field(max_length=32)] = ""
    key_code: Annotated[int, Field(ge=0, le=255)] = 0
    location: Annotated[int, Field(ge=0, le=3)] = 0
    modifiers: Modifiers = 0
    repeat: bool = False


class Text(_Input):
    """Text goes where the caret is: pasted, or made by an input method."""

    kind: Literal["text"] = "text"
    text: Annotated[str, Field(min_length=1, max_length=_MOST_PASTED)]


class ChooseOption(_Input):
    """An entry of an open list is taken; None leaves the list as it was."""

    kind: Literal["choose"] = "choose"
    number: Annotated[int, Field(ge=0)]
    index: Annotated[int, Field(ge=0, le=100_000)] | None


class GivenFile(_Input):
    """One file."""

    name: Annotated[str, Field(min_length=1, max_length=255)]
    media_type: Annotated[str, Field(max_length=255)] = "application/octet-stream"
    data: Base64Bytes


class GiveFiles(_Input):
    """Files for the page's chooser; none leaves it without."""

    kind: Literal["files"] = "files"
    number: Annotated[int, Field(ge=0)]
    files: Annotated[tuple[GivenFile, ...], Field(max_length=MOST_FILES)]

    @model_validator(mode="after")
    def _fits(self) -> GiveFiles:
        if sum(len(file.data) for file in self.files) > MOST_FILE_BYTES:
            msg = f"the files have more than {MOST_FILE_BYTES} bytes"
            raise ValueError(msg)
        return self


class AnswerDialog(_Input):
    """A dialog is answered with OK or Cancel, a prompt with text."""

    kind: Literal["dialog"] = "dialog"
    number: Annotated[int, Field(ge=0)]
    accept: bool
    text: Annotated[str, Field(max_length=_MOST_PASTED)] = ""


class Navigate(_Input):
    """The page in front goes back, or is loaded again."""

    kind: Literal["navigate"] = "navigate"
    to: Literal["back", "reload"]


class FrameSeen(_Input):
    """A frame was painted for the person: another one may come."""

    kind: Literal["seen"] = "seen"


InputEvent = Pointer | Wheel | Key | Text | ChooseOption | GiveFiles | AnswerDialog | Navigate | FrameSeen

_ADAPTER: TypeAdapter[InputEvent] = TypeAdapter(Annotated[InputEvent, Field(discriminator="kind")])


def parse_input(message: str | bytes) -> InputEvent:
    """Return the event in a client's JSON message.

    Raises:
        pydantic.ValidationError: It tells none, or is out of bounds.
    """
    return _ADAPTER.validate_json(message)
