"""Signs an account in on request by the site's own form, with the account's credentials."""

from __future__ import annotations

from dataclasses import replace

from automation.account.account import Account
from automation.account.config import WebChatConfig, effective_timeouts
from automation.owned_tasks import owned_tasks, page_work
from automation.web_provider.chat_page import open_chat_page


async def sign_in_by_form(account: Account, config: WebChatConfig) -> None:
    """Open the chat once, which fills the site's form where it shows one, also after it refused the credentials before.

    Raises:
        SignInRequiredError: The form refused, or there are no credentials; the site's words are in it.
        AutomationError: The site can't be reached or is not what the profile says.
    """
    account.refusal = None
    config = replace(config, timeouts=effective_timeouts(config))
    async with owned_tasks() as tasks, open_chat_page(account, config, page_work(tasks)):
        return
