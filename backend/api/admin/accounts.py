"""Routes for the accounts of an endpoint: list, add, change, delete, and export or import of a session."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Body
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.responses import Response

from backend.accounts.account_config import AccountConfig, AccountDraft
from backend.api.admin.endpoint_documents import validation_problem
from backend.api.json_route import JsonRoute
from backend.api.services import ServicesOf
from backend.errors import InvalidRequestError
from backend.providers.account_control import AccountSnapshot

router = APIRouter(prefix="/api/endpoints/{slug}/accounts", tags=["accounts"], route_class=JsonRoute)


class NewAccount(AccountDraft):
    """An account to add.

    Attributes:
        cookies: A browser's cookies for the site, as extensions export them.
        storage_state: A whole session, as Playwright writes it.
    """

    cookies: list[dict[str, Any]] | None = None
    storage_state: dict[str, Any] | None = None


@router.get("")
async def list_accounts(slug: str, services: ServicesOf) -> list[dict[str, Any]]:
    """List an endpoint's accounts, oldest first."""
    return [account_document(view) for view in await services.accounts.list_accounts(slug)]


@router.post("", status_code=201)
async def add_account(slug: str, body: NewAccount, services: ServicesOf) -> dict[str, Any]:
    """Add an account by its credentials, its cookies or a whole session; a running endpoint uses it at once."""
    if body.cookies is not None and body.storage_state is not None:
        msg = "Send cookies or storage_state, not both."
        raise InvalidRequestError(msg, "storage_state")
    draft = AccountDraft.model_validate({name: getattr(body, name) for name in AccountDraft.model_fields})
    session = body.storage_state if body.cookies is None else body.cookies
    return account_document(await services.accounts.add(slug, draft, session))


@router.get("/{account_id}")
async def get_account(slug: str, account_id: str, services: ServicesOf) -> dict[str, Any]:
    """Return one account and its state."""
    return account_document(await services.accounts.get(slug, account_id))


@router.patch("/{account_id}")
async def update_account(
    slug: str, account_id: str, body: dict[str, Any], services: ServicesOf
) -> dict[str, Any]:
    """Change fields of an account; null brings a field's default back. A banned or signed-out account is tried again."""
    try:
        return account_document(await services.accounts.update(slug, account_id, partial(_changed, body)))
    except ValidationError as exc:
        raise RequestValidationError(validation_problem(exc)) from exc


@router.delete("/{account_id}", status_code=204)
async def delete_account(slug: str, account_id: str, services: ServicesOf) -> Response:
    """Forget an account and its session; its running turns end."""
    await services.accounts.delete(slug, account_id)
    return Response(status_code=204)


@router.get("/{account_id}/session")
async def export_session(
    slug: str, account_id: str, services: ServicesOf, response: Response
) -> dict[str, Any]:
    """Return the account's session as Playwright's ``storage_state``: as secret as a password."""
    response.headers["cache-control"] = "no-store"
    return await services.accounts.session(slug, account_id)


@router.put("/{account_id}/session", status_code=204)
async def import_session(
    slug: str,
    account_id: str,
    body: Annotated[dict[str, Any] | list[dict[str, Any]], Body()],
    services: ServicesOf,
) -> Response:
    """Replace the account's session by this one: a ``storage_state``, or a list of cookies."""
    await services.accounts.replace_session(slug, account_id, body)
    return Response(status_code=204)


def account_document(view: AccountSnapshot) -> dict[str, Any]:
    """Return an account without its secrets; ``has_…`` tells whether there are any."""
    account_status = view.account_status
    return {
        **view.pace.model_dump(mode="json"),
        "username": view.username,
        "id": view.id,
        "has_password": view.has_password,
        "has_totp_secret": view.has_totp_secret,
        "state": str(account_status.state),
        "state_reason": account_status.reason,
        "state_until": account_status.until.isoformat() if account_status.until else None,
        "requests_in_flight": view.in_flight,
        "requests_left": view.left,
        "is_awake": view.is_awake,
    }


def _changed(changes: dict[str, Any], config: AccountConfig) -> AccountDraft:
    values = {name: getattr(config, name) for name in AccountDraft.model_fields}
    return AccountDraft.model_validate({**values, **changes})
