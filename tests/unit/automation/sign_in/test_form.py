"""A sign-in form is filled, submitted, and believed only when the chat shows."""

import pytest

from automation.account.credentials import Credentials, one_time_password
from automation.errors import ChallengeRequiredError, SignInRequiredError, SiteChangedError
from automation.sign_in.form import fill_form

ADA = Credentials("ada@example.org", "correct horse")


class Form:
    """A sign-in form and its site: in one step or in two, with a submit button or without."""

    def __init__(self, *, two_steps=False, has_submit=True, refusal=None):
        self.fields = {"username": ""} if two_steps else {"username": "", "password": ""}
        self.loses: dict[str, set[str]] = {"insert": set(), "assign": set()}
        self.focused = ""
        self.gestures = []
        self.waits = []
        self.is_dead = False
        self.deaf_clicks = 0
        self._two_steps = two_steps
        self._has_submit = has_submit
        self._refusal = refusal

    # -- as the agent in the page sees it

    async def call(self, name, *args, timeout_s=5.0):
        match name:
            case "focus":
                self.focused = args[0]
                return {"kind": "line"} if args[0] in self.fields else None
            case "assign":
                self._enter("assign", *args)
            case "field":
                return {"text": self.fields[args[0]]} if args[0] in self.fields else None
            case "until":
                return "password" in self.fields
            case "first":
                self.waits.append((args[1], timeout_s))
                return self._outcome()
            case "look":
                return {role: role in self.fields for role in args[0]}
            case "labels":
                return self._refusal
        return None

    def _enter(self, way, role, text):
        if role not in self.loses[way]:
            self.fields[role] = text

    def _outcome(self):
        if self.is_dead:
            return None
        if self._refusal is not None or self.fields.get("password") != ADA.password:
            return "refused"
        return "in"

    # -- as the browser's input events reach it

    async def insert(self, text, step):
        self._enter("insert", self.focused, text)

    async def click(self, role, step):
        raise AssertionError("what may be missing is clicked only if it is there")

    async def click_if_there(self, role, step):
        is_there = self._two_steps if role == "next_step" else self._has_submit
        if is_there:
            self.gestures.append(role)
        if is_there and role == "next_step":
            self.deaf_clicks -= 1
            if self.deaf_clicks < 0:
                self.fields["password"] = ""
        return is_there

    async def press(self, key, step):
        self.gestures.append(key)


async def sign_in(form, credentials=ADA, timeout_s=60.0, **more):
    await fill_form(form, form, credentials, timeout_s, **more)


@pytest.mark.parametrize(
    ("form", "gestures"),
    [
        ({}, ["submit"]),
        ({"has_submit": False}, ["Enter"]),
        ({"two_steps": True}, ["next_step", "submit"]),
        ({"two_steps": True, "has_submit": False}, ["next_step", "Enter"]),
    ],
)
async def test_a_form_is_filled_and_submitted(form, gestures):
    page = Form(**form)

    await sign_in(page)

    assert page.fields == {"username": ADA.username, "password": ADA.password}
    assert page.gestures == gestures
    assert set(page.waits) == {(60000, 62.0)}


async def test_a_first_step_that_did_not_listen_yet_is_clicked_again():
    page = Form(two_steps=True)
    page.deaf_clicks = 2

    await sign_in(page)

    assert page.gestures == ["next_step"] * 3 + ["submit"]


async def test_a_first_step_that_never_listens_is_a_changed_page():
    page = Form(two_steps=True)
    page.deaf_clicks = 10**9

    with pytest.raises(SiteChangedError) as caught:
        await sign_in(page, timeout_s=0.01)

    assert caught.value.profile_key == "sign_in.password"


@pytest.mark.parametrize("role", ["username", "password"])
async def test_a_field_that_loses_typed_text_is_set_instead(role):
    page = Form()
    page.loses["insert"] = {role}

    await sign_in(page)

    assert page.fields == {"username": ADA.username, "password": ADA.password}


@pytest.mark.parametrize("role", ["username", "password"])
async def test_a_field_that_keeps_nothing_is_told_and_nothing_is_submitted(role):
    page = Form()
    page.loses = {"insert": {role}, "assign": {role}}

    with pytest.raises(SignInRequiredError, match=f"the form's {role} field does not keep"):
        await sign_in(page)

    assert page.gestures == []


@pytest.mark.parametrize("role", ["username", "password"])
async def test_a_field_that_is_missing_is_a_changed_page(role):
    page = Form()
    del page.fields[role]

    with pytest.raises(SiteChangedError) as caught:
        await sign_in(page)

    assert (caught.value.profile_key, caught.value.step) == (f"sign_in.{role}", "signing in")


async def test_a_field_that_goes_away_once_it_is_filled_is_a_changed_page():
    class VanishingForm(Form):
        async def insert(self, text, step):
            del self.fields[self.focused]

    with pytest.raises(SiteChangedError):
        await sign_in(VanishingForm())


async def test_a_refusal_is_told_in_the_sites_words():
    with pytest.raises(SignInRequiredError, match="refused the credentials: Wrong password"):
        await sign_in(Form(refusal="Wrong password"))


async def test_a_refusal_that_repeats_the_password_does_not_tell_it():
    with pytest.raises(SignInRequiredError, match=r"no … of ada@example\.org"):
        await sign_in(Form(refusal="There is no correct horse of ada@example.org"))


async def test_a_refusal_without_words_and_silence_say_what_to_do():
    silent = Form()
    silent.is_dead = True

    for page in (Form(refusal=""), silent):
        with pytest.raises(SignInRequiredError, match="check the credentials, or sign in by hand"):
            await sign_in(page)


async def test_an_error_never_holds_the_password():
    with pytest.raises(SignInRequiredError) as caught:
        await sign_in(Form(), Credentials("ada", "hidden-word"))

    assert "hidden-word" not in str(caught.value)


class FormWithCode(Form):
    """A form whose site asks for a one-time password, on the form itself or on the step after it."""

    def __init__(self, *, on_the_form=False, then="in"):
        super().__init__()
        self.then = then
        if on_the_form:
            self.fields["code"] = ""

    def _outcome(self):
        if "code" not in self.fields:
            self.fields = {"code": ""}
            return "code"
        return self.then


SECRET = "JBSWY3DPEHPK3PXP"
NOON_S = 1_795_608_000.0


@pytest.mark.parametrize(
    ("on_the_form", "gestures"), [(True, ["submit"]), (False, ["submit", "code_submit"])]
)
async def test_a_one_time_password_is_made_for_the_sites_own_time(on_the_form, gestures):
    page = FormWithCode(on_the_form=on_the_form)

    await sign_in(page, Credentials("ada", "x", SECRET), now_s=lambda: NOON_S)

    assert page.fields["code"] == one_time_password(SECRET, NOON_S)
    assert page.gestures == gestures


async def test_a_site_that_asks_for_a_one_time_password_that_cannot_be_made_needs_a_person():
    with pytest.raises(SignInRequiredError, match="totp_secret"):
        await sign_in(FormWithCode())


async def test_a_check_that_stays_after_the_form_needs_a_person():
    page = FormWithCode(on_the_form=True, then="captcha")

    with pytest.raises(ChallengeRequiredError):
        await sign_in(page, Credentials("ada", "x", SECRET))
