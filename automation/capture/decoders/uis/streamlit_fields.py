"""Field numbers of the Streamlit messages that its decoder reads (1.67, ``streamlit/proto/*.proto``). Pure.

Field numbers are Streamlit's wire contract and don't change between versions; names can.
"""

from __future__ import annotations

from typing import Final


class ForwardMsg:
    """What the server sends; ``SCRIPT_FINISHED`` is an enumeration."""

    HASH: Final = 1
    METADATA: Final = 2
    NEW_SESSION: Final = 4
    DELTA: Final = 5
    SCRIPT_FINISHED: Final = 6
    SESSION_EVENT: Final = 10
    REF_HASH: Final = 11

    FINISHED_SUCCESSFULLY: Final = 0
    FINISHED_WITH_COMPILE_ERROR: Final = 1
    FINISHED_EARLY_FOR_RERUN: Final = 2
    FINISHED_FRAGMENT_RUN_SUCCESSFULLY: Final = 3


class Metadata:
    """``ForwardMsgMetadata``, and the ``RunIdentity`` in its ``RUN``."""

    CACHEABLE: Final = 1
    DELTA_PATH: Final = 2
    RUN: Final = 6
    RUN_SCRIPT_RUN_ID: Final = 1


class SessionEvent:
    """What happened to the session."""

    SCRIPT_COMPILATION_EXCEPTION: Final = 3


class Delta:
    """A change of the page at the metadata's path."""

    NEW_ELEMENT: Final = 3
    ADD_BLOCK: Final = 6


class Element:
    """One element; each field is a kind of element."""

    EXCEPTION: Final = 8
    MARKDOWN: Final = 29
    ALERT: Final = 30
    CHAT_INPUT: Final = 49


class Markdown:
    """The element of ``st.markdown``, ``st.write`` and ``st.write_stream``."""

    BODY: Final = 1
    ELEMENT_TYPE: Final = 4
    UNTERMINATED_PARSING: Final = 6

    CAPTION: Final = 2
    DIVIDER: Final = 5


class ExceptionElement:
    """The element of an uncaught exception or ``st.exception``."""

    TYPE: Final = 1
    MESSAGE: Final = 2
    IS_WARNING: Final = 5


class Alert:
    """The element of ``st.error`` and its likes."""

    BODY: Final = 1
    FORMAT: Final = 2

    ERROR: Final = 1


class Block:
    """One container; each of these fields is a kind of container."""

    EXPANDABLE: Final = 4
    CHAT_MESSAGE: Final = 9

    EXPANDABLE_LABEL: Final = 1
    EXPANDABLE_STATE: Final = 6  # set for st.status only
    CHAT_MESSAGE_NAME: Final = 1
    CHAT_MESSAGE_AVATAR: Final = 2


class BackMsg:
    """What the page sends, down to the text of a chat input."""

    STOP_SCRIPT: Final = 7
    RERUN_SCRIPT: Final = 11

    CLIENT_STATE_WIDGET_STATES: Final = 2
    WIDGET_STATES_WIDGETS: Final = 1
    WIDGET_STATE_CHAT_INPUT_VALUE: Final = 15
    CHAT_INPUT_VALUE_DATA: Final = 1
