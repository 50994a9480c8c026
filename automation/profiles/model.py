"""Models of a selector profile: a chat page as data. Pure.

A profile is a YAML file in ``selectors/`` or an inline mapping. Every role is an ordered list of selectors: the first
that matches a visible element wins. The text below each field is its documentation, here, in the JSON Schema and in
``selectors/README.md``.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator, model_validator

from automation.profiles.selector import (
    PagePath,
    Pattern,
    ProfilePart,
    RequiredSelectors,
    Selectors,
    wrap_single,
)
from automation.profiles.wire_format import Wire

LimitSeconds = Annotated[float, Field(gt=0, le=366 * 24 * 3600)]


def _check_message(message: dict[str, str]) -> dict[str, str]:
    if message and sum(value == "{prompt}" for value in message.values()) != 1:
        msg = "one value must be {prompt}"
        raise ValueError(msg)
    return message


class NewChat(ProfilePart):
    """How the page gets an empty chat: by clicks, or by loading its address anew (no ``click``)."""

    click: Selectors = ()
    """The control that starts a new chat. Without one, ``path`` is loaded anew after each turn, which is slower."""

    confirm: Selectors = ()
    """The button of a dialog that may ask back after ``click``."""

    ready: Selectors = ()
    """Visible once the new chat takes input, where an empty page with an open field does not prove it."""

    opens_socket: bool = False
    """The page closes its WebSocket and opens another one for a new chat; the new one is waited for."""


class ContinueRules(ProfilePart):
    """How a long answer that the site cut off is made to go on."""

    click: RequiredSelectors
    """The button under an answer that was cut off, such as "Continue generating", in the turn or elsewhere on the page."""

    times: Annotated[int, Field(gt=0, le=20)] = 5
    """How often it is pressed for one answer. If it is still there then, the answer ends with ``finish_reason: length``."""


class ConversationRules(ProfilePart):
    """How the page's chats go on from turn to turn."""

    remembers: bool = True
    """The page takes its earlier turns into account. If ``false``, each request is entered as one transcript."""

    url: Pattern = ""
    """A regular expression (RE2's), found in the page's address while that address leads back to the chat that is shown, such as ``/c/[0-9a-f-]+``. With it
    a chat goes on after its page was closed, and after a restart."""

    in_browser: bool = False
    """The site keeps its chats in the browser's storage (such as IndexedDB), which is then saved with the session."""

    temporary: Selectors = ()
    """Makes an empty chat one that the site does not keep. Clicked for requests that nobody goes on with, such as a
    front-end's own request for a title."""

    delete: tuple[RequiredSelectors, ...] = ()
    """The clicks that delete the chat that is shown, one after the other, the last one confirming:
    ``[".chat-menu", {css: button, text: Delete}, "[role=dialog] .danger"]``. Used after a request that nobody goes on with,
    and by ``DELETE /api/conversations/{id}``."""


class SignInRules(ProfilePart):
    """The site's own sign-in form, filled with the account's credentials."""

    path: PagePath = "/"
    """Path or URL of the form, resolved against the endpoint's address. The endpoint's ``login_url`` wins."""

    username: RequiredSelectors
    """The field for the user name or the e-mail address. While it shows and ``input`` doesn't, the page wants a sign-in."""

    password: RequiredSelectors
    """The field for the password."""

    submit: Selectors = ()
    """The form's button. Without one, or where it isn't there, the Enter key is pressed."""

    next_step: Selectors = ()
    """The button between user name and password, of a form in two steps."""

    code: Selectors = ()
    """The field for a one-time password, on the form or on the step after it. The password is made from the account's
    ``totp_secret``."""

    code_submit: Selectors = ()
    """The button of the step after the form, which has only ``code``. Without one the Enter key is pressed."""

    signed_in: Selectors = ()
    """Visible only while signed in, where the chat's ``input`` is there for everybody. Without it ``input`` is the proof."""

    signed_out: Selectors = ()
    """Visible on the sign-in page only. By it a site that logs out in mid-use is noticed, too."""

    error: Selectors = ()
    """Where the form says why it refused; the words are passed on."""


class ChallengeRules(ProfilePart):
    """What shows that a person must act, besides the checks of the vendors that every profile knows.

    Those are hCaptcha, reCAPTCHA, Arkose, AWS WAF and others: ``automation/page/challenges.py``.
    """

    captcha: Selectors = ()
    """A check of the site's own. While it stands in the chat's place, the endpoint asks for a person (live view)."""

    qrcode: Selectors = ()
    """A code to be scanned with the person's phone."""


class AttachmentRules(ProfilePart):
    """How files get onto the page, and which of them it takes."""

    method: Literal["input", "drop", "paste"] = "input"
    """``input``: through the page's file input or its file chooser. ``drop``: dropped onto ``drop_target``. ``paste``: pasted
    into the prompt's field."""

    input: Selectors = ()
    """The ``<input type=file>``; it may be hidden. The method ``input`` needs it, or ``opener``."""

    opener: Selectors = ()
    """The control to click first. Without ``input`` it opens the browser's file chooser, which is answered."""

    drop_target: Selectors = ()
    """What files are dropped on. The method ``drop`` needs it."""

    uploaded: RequiredSelectors
    """What stands beside the prompt's field for each file that is ready, one for one; never the files of sent messages."""

    uploading: Selectors = ()
    """Visible while a file is still on its way. Look with a slow network: what is sent before goes without the file."""

    failed: Selectors = ()
    """Where the page says why it did not take a file; the words are passed on."""

    remove: Selectors = ()
    """The control that takes a file away again: pages keep drafts, and a file of a failed turn must not go with the next."""

    accept: Annotated[
        tuple[str, ...],
        BeforeValidator(
            wrap_single, json_schema_input_type=str | Annotated[tuple[str, ...], Field(min_length=1)]
        ),
        Field(min_length=1),
    ] = ("*/*",)
    """Globs of the media types that the page takes: ``["image/*", application/pdf]``."""

    max_bytes: Annotated[int, Field(gt=0)] | None = None
    """The most bytes of one file."""

    max_files: Annotated[int, Field(gt=0)] | None = None
    """The most files in one message."""

    @model_validator(mode="after")
    def _has_a_way(self) -> AttachmentRules:
        if self.method == "input" and not (self.input or self.opener):
            msg = "the method 'input' needs the key 'input' or 'opener'"
            raise ValueError(msg)
        if self.method == "drop" and not self.drop_target:
            msg = "the method 'drop' needs the key 'drop_target'"
            raise ValueError(msg)
        return self

    def takes(self, media_type: str) -> bool:
        """Whether the page takes files of this type."""
        return any(fnmatchcase(media_type, glob.lower()) for glob in self.accept)


class PromptLimits(ProfilePart):
    """How long a prompt may be, and what becomes of a longer one."""

    prompt_characters: Annotated[int, Field(gt=0)] | None = None
    """The most that the page's input keeps, in UTF-16 units as ``maxlength`` counts. Where it isn't set, the field's own
    ``maxlength`` counts, and else what the field is seen to keep."""

    over_limit: Literal["refuse", "file"] = "refuse"
    """A longer prompt is refused, or attached as the file ``prompt.txt``, which needs ``attachments`` that accept
    ``text/plain``."""

    file_message: Annotated[str, Field(min_length=1)] = (
        "My message is too long for this field, so it is in the attached file prompt.txt. "
        "Read all of it and answer it as if it stood here."
    )
    """What stands in the input when the prompt is such a file."""


class ProfileTimeouts(ProfilePart):
    """Time limits of a slow or fast site, in seconds; they win over the endpoint's."""

    first_token_s: LimitSeconds | None = None
    """From the send to the first sign of an answer; reasoning counts. Else the endpoint's ``first_token_seconds``, or 120."""

    idle_s: LimitSeconds | None = None
    """Between two signs of life after that. Else the endpoint's ``idle_seconds``, or 45."""

    ready_s: LimitSeconds | None = None
    """Until a page that was loaded takes input; else 30."""

    dom_quiet_s: LimitSeconds | None = None
    """How long nothing on the page may change before that alone is the answer's end, where nothing better shows it; else
    10. Set, it also shortens the wait after weaker signs: only for a site that never pauses so long in mid-answer."""

    witness_s: LimitSeconds | None = None
    """How long an answer that the wire has ended may take to show on the page, which has to agree; else 5. An answer that is
    tied to the page's own request is given without that then, with the note `page_shows_nothing`."""


class SiteWords(ProfilePart):
    """Regular expressions (RE2's) that tell from the words of an error what kind of error it is.

    They are searched in any case, and a list replaces the one that is the default.
    """

    rate_limited: tuple[Pattern, ...] = (
        r"rate.?limit",
        r"too many (requests|messages)",
        r"slow down",
    )
    """Too many requests for the moment: the account rests, and another one is asked."""

    quota: tuple[Pattern, ...] = (
        r"quota",
        r"(daily|hourly|weekly|monthly|usage|message) limit",
        r"limit (will )?resets?",
        r"(out of|used( up)?|reached|exceeded|no more) ([\w']+ ){0,4}(messages|credits|prompts|questions|generations)\b",
        r"\b(no|0) ([\w']+ ){0,3}(messages|credits|prompts|questions|generations) (left|remaining)",
        r"upgrade .{0,40}to (keep|continue|send|chat|get more)",
    )
    """What the account may use is used up: it rests for longer."""

    muted: tuple[Pattern, ...] = (r"\bmuted\b", r"temporarily (restricted|suspended|blocked)")
    """The account may not write for a while."""

    challenge: tuple[Pattern, ...] = (r"captcha", r"(verify|confirm)( that)? you('| a)re (a )?human")
    """A person must show that they are one."""

    banned: tuple[Pattern, ...] = (
        r"account (has been |is |was )?(permanently )?(banned|disabled|deactivated|terminated|closed)",
    )
    """The account is closed for good."""

    content_blocked: tuple[Pattern, ...] = (
        r"content (policy|filter)",
        r"can't (help|assist) with (that|this)",
    )
    """The site refuses what was asked; no other account would answer it."""

    failed: tuple[Pattern, ...] = (
        r"something went wrong",
        r"\b(an|unexpected|internal|network|server|connection) error",
        r"(failed|unable|could ?n['’o]t) (to )?(generate|complete|get|load|process|respond|connect|answer)",
        r"(please )?try again",
        r"timed? ?out",
    )
    """The answer failed: what stands in its place is the site's word for that. Believed only beside a control that offers to
    try again."""

    sign_in_required: tuple[Pattern, ...] = (r"session (has )?expired", r"(log|sign) ?in (again|to continue)")
    """The session is over."""


class SelectorProfile(ProfilePart):
    """One chat page."""

    name: str = "<inline>"
    """The profile's name in logs. A file's is the file's name without ``.yaml``, unless it says another."""

    description: str = ""
    """One line for people: which site, and on which version the profile was measured."""

    path: PagePath = "/"
    """Where a new chat opens, resolved against the endpoint's address."""

    frame: Selectors = ()
    """The ``<iframe>`` that holds the chat, where it isn't the page itself. Only ``css`` counts."""

    open: Selectors = ()
    """What brings the chat into view, in this order: a launcher bubble, then "Start chatting". Each is clicked only while
    ``input`` is not visible, also after a reload and for a new chat."""

    input: RequiredSelectors
    """The prompt's field: ``<textarea>``, ``<input>`` or contenteditable."""

    send: Selectors = ()
    """The send button, matching only when it can be clicked: ``button[type=submit]:not([disabled])``. Without one the Enter
    key is pressed."""

    stop: Selectors = ()
    """Visible only while an answer is being generated. By it the answer's end is seen, and a client that hangs up stops the
    site."""

    spare_pages: bool = True
    """Pages with an empty chat are held ready. ``false`` where every open page costs the others: some sites tell all pages of
    an account what happens in any chat."""

    retire_after_stop: bool = False
    """The site may go on generating after its stop control was used; the page is closed then."""

    new_chat: NewChat = NewChat()
    """How the page gets an empty chat."""

    conversation: ConversationRules = ConversationRules()
    """How the page's chats go on from turn to turn."""

    user_turn: Selectors = ()
    """The container of one message of the user. With it the answer is what stands after the prompt; without it, what wasn't
    there before."""

    assistant_turn: RequiredSelectors
    """The container of one message of the model."""

    answer: Selectors = ()
    """The Markdown body inside ``assistant_turn``, without names and buttons; without one it is the whole turn."""

    answer_beside: Selectors = ()
    """A panel beside the chat that belongs to the newest turn, such as a canvas or a document: where it appears or changes in
    a turn, its text follows that of ``assistant_turn``. Read where the page is the source."""

    continue_: ContinueRules | None = Field(default=None, alias="continue")
    """How an answer that the site cut off is made to go on. Without it such an answer ends where the site cut it."""

    thinking: Selectors = ()
    """Reasoning inside ``assistant_turn``, kept apart from the answer."""

    thinking_toggle: Selectors = ()
    """The control inside ``assistant_turn`` that opens ``thinking``, where its text is not on the page while it is closed.
    Clicked only where the page is read: without ``wire``, or where the wire can't be."""

    sources: Selectors = ()
    """The links, or the cards with a link, a ``data-url`` or a ``data-href``, by which ``assistant_turn`` names the pages that it
    cites. Read where the wire tells none."""

    exclude: Selectors = ()
    """Parts of ``assistant_turn`` that are not the model's: toolbars, avatars, suggestions, the heads of code blocks. Only
    ``css`` counts."""

    finished: Selectors = ()
    """Inside ``assistant_turn``, visible only when that answer is complete, such as its copy button."""

    error: Selectors = ()
    """Banners and toasts by which the site reports an error. Their words are passed on, and ``site_words`` tells which kind of
    error they are."""

    dismiss: Selectors = ()
    """Buttons that close dialogs over the page, such as "What's new"."""

    cursor: str = ""
    """Text at the end of an unfinished answer on the page that is not the model's, such as ``▌``."""

    input_entry: Literal["auto", "insert", "set_text", "paste_text", "paste_paragraphs", "shift_enter"] = (
        "auto"
    )
    """The one way to put a prompt into a contenteditable, where the choice by its editor is wrong. ``insert`` types it as one
    text, ``set_text`` sets the element's text, ``paste_text`` and ``paste_paragraphs`` paste it, ``shift_enter`` types it line
    by line with Shift+Enter between. ``set_text`` is for a bare contenteditable that changes line ends which are typed or
    pasted into it, ``shift_enter`` for an editor that keeps only those that are keyed; ``auto`` tries it last."""

    prompt_message: Annotated[dict[str, str], AfterValidator(_check_message)] = Field(default_factory=dict)
    """A message that the page takes from its own window (``postMessage``) and sends as a prompt, for a page that changes
    prompts on their way out of its field. One value is ``{prompt}``: ``{type: "input:prompt:submit", text: "{prompt}"}``."""

    single_line_input: Literal["refuse", "flatten"] = "refuse"
    """What becomes of a prompt with line ends where the input is a single line: ``flatten`` joins its lines by spaces."""

    wire: Wire | None = None
    """How the page's own traffic carries the answer. With it the text is exact and comes at once; without it the page's HTML is
    turned back into Markdown."""

    sign_in: SignInRules | None = None
    """The site's own sign-in form. Without it a person signs in (live view), or a session is imported."""

    challenge: ChallengeRules = ChallengeRules()
    """Checks of the site's own that a person must pass; those of the known vendors are recognised without it."""

    attachments: AttachmentRules | None = None
    """How files get onto the page; without it requests with files are refused."""

    limits: PromptLimits = PromptLimits()
    """How long a prompt may be, and what becomes of a longer one."""

    timeouts: ProfileTimeouts = ProfileTimeouts()
    """Time limits of a slow or fast site."""

    site_words: SiteWords = SiteWords()
    """What the site's error words mean, by regular expressions (RE2's)."""

    @field_validator("limits")
    @classmethod
    def _can_attach_a_prompt(cls, limits: PromptLimits, info: ValidationInfo) -> PromptLimits:
        rules: AttachmentRules | None = info.data.get("attachments")
        if limits.over_limit == "file" and not (rules and rules.takes("text/plain")):
            msg = "over_limit 'file' needs 'attachments' that accept text/plain"
            raise ValueError(msg)
        return limits
