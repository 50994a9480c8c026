"""Routes for signing an account in: start, read, link, complete, cancel."""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Body, Depends, Request
from pydantic import BaseModel, ConfigDict
from starlette.responses import Response

from automation.sign_in.status import SignInState
from backend.accounts.live_tokens import TOKEN_S
from backend.accounts.sign_ins import SignIn, SignIns
from backend.api.json_route import JsonRoute
from backend.errors import InvalidRequestError

router = APIRouter(
    prefix="/api/endpoints/{slug}/accounts/{account_id}/sign-in", tags=["sign-in"], route_class=JsonRoute
)


def _sign_ins(request: Request) -> SignIns:
    sign_ins: SignIns = request.app.state.sign_ins
    return sign_ins


SignInsOf = Annotated[SignIns, Depends(_sign_ins)]


class SignInOrder(BaseModel):
    """How to sign in: the site's form filled by itself, or a person."""

    model_config = ConfigDict(extra="forbid")

    mode: Literal["form", "interactive"] = "interactive"


_BY_A_PERSON = SignInOrder()


class QrCodeDocument(BaseModel):
    """A QR code that the page shows: what it says, and its picture as a data URL."""

    payload: str
    png: str


class SignInDocument(BaseModel):
    """How a sign-in stands.

    Attributes:
        reason: Why it ended, empty before.
    """

    endpoint: str
    account: str
    mode: Literal["form", "interactive"]
    state: SignInState
    reason: str
    qr: QrCodeDocument | None
    started_at: datetime


class LiveLink(BaseModel):
    """Where a person sees the page: a path of this gateway, good for one visit within ``expires_in_s`` seconds."""

    path: str
    expires_in_s: float


class StartedDocument(SignInDocument):
    """A sign-in that has just begun; ``live`` is null where the site's form is filled by itself."""

    live: LiveLink | None


@router.post("", status_code=201)
async def start_sign_in(
    slug: str,
    account_id: str,
    sign_ins: SignInsOf,
    response: Response,
    order: Annotated[SignInOrder, Body()] = _BY_A_PERSON,
) -> StartedDocument:
    """Start one; the link in the answer leads to its live view."""
    response.headers["cache-control"] = "no-store"
    sign_in = await sign_ins.start(slug, account_id, order.mode)
    has_view = order.mode == "interactive" and not sign_in.status.is_over
    live = _link(sign_ins, sign_in) if has_view else None
    return StartedDocument(**dict(sign_in_document(sign_in)), live=live)


@router.get("")
async def get_sign_in(slug: str, account_id: str, sign_ins: SignInsOf, response: Response) -> SignInDocument:
    """Tell how the account's last sign-in stands, with the QR code that its page shows."""
    response.headers["cache-control"] = "no-store"
    return sign_in_document(sign_ins.get(slug, account_id))


@router.post("/link")
async def link_sign_in(slug: str, account_id: str, sign_ins: SignInsOf, response: Response) -> LiveLink:
    """Return a new link to the live view; one that nobody used is void then."""
    response.headers["cache-control"] = "no-store"
    sign_in = sign_ins.get(slug, account_id)
    if sign_in.mode == "form" or sign_in.status.is_over:
        msg = "There is no live view to link to: the sign-in is over or fills the site's form. Start another one."
        raise InvalidRequestError(msg)
    return _link(sign_ins, sign_in)


@router.post("/complete")
async def complete_sign_in(slug: str, account_id: str, sign_ins: SignInsOf) -> SignInDocument:
    """Check that the account is signed in, by loading the chat; 503 ``sign_in_required`` where it isn't yet."""
    sign_in = sign_ins.get(slug, account_id)
    if sign_in.session is not None:
        await sign_in.session.complete()
    return sign_in_document(sign_in)


@router.post("/cancel")
async def cancel_sign_in(slug: str, account_id: str, sign_ins: SignInsOf) -> SignInDocument:
    """End it; the account stays as it was. One that has ended stays as it ended."""
    sign_in = sign_ins.get(slug, account_id)
    sign_in.cancel()
    return sign_in_document(sign_in)


def sign_in_document(sign_in: SignIn) -> SignInDocument:
    """Return what is shown of a sign-in."""
    status = sign_in.status
    qr = status.qr and QrCodeDocument(
        payload=status.qr.payload,
        png=f"data:image/png;base64,{base64.b64encode(status.qr.png).decode()}",
    )
    return SignInDocument(
        endpoint=sign_in.slug,
        account=sign_in.account_id,
        mode=sign_in.mode,
        state=status.state,
        reason=status.reason,
        qr=qr,
        started_at=sign_in.started_at,
    )


def _link(sign_ins: SignIns, sign_in: SignIn) -> LiveLink:
    return LiveLink(path=f"/live/{sign_ins.tokens.issue(sign_in)}", expires_in_s=TOKEN_S)
