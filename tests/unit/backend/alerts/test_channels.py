"""Notices to a real SMTP server and a real web server."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

import pytest
from pydantic import SecretStr

from backend.alerts.channels import AppriseChannel, Webhook
from backend.alerts.notices import Notice
from tests.fakes.alert_receivers import run_hook, run_mailbox

NOTICE = Notice("demo", "error", "Nothing matches 'input'.", datetime.now(UTC))


@pytest.fixture
def messages(caplog):
    caplog.set_level(logging.INFO)

    def said() -> str:
        return " ".join(f"{record.getMessage()} {vars(record)}" for record in caplog.records)

    return said


async def test_an_e_mail_arrives(unused_tcp_port, messages):
    with run_mailbox(unused_tcp_port) as mailbox:
        await AppriseChannel(SecretStr(mailbox.address)).send(NOTICE)

    (mail,) = mailbox.messages
    assert mail["subject"] == "Parley: endpoint demo has an error"
    assert mail["to"] == "ada@example.com"
    body = mail.get_body(("plain",))
    assert body is not None
    assert "Nothing matches 'input'." in body.get_content()
    assert "alert_sent" in messages()


@pytest.mark.parametrize(
    "address", ["no-such-service://hunter2@x", "json://hunter2:hunter2@127.0.0.1:1/hunter2"]
)
async def test_an_address_that_leads_nowhere_is_logged_without_its_secrets(address, messages):
    await AppriseChannel(SecretStr(address)).send(NOTICE)

    assert "alert_failed" in messages()
    assert "hunter2" not in messages()


async def test_a_webhook_gets_the_notice_as_json(unused_tcp_port):
    async with run_hook(unused_tcp_port) as hook:
        await Webhook(SecretStr(hook.url)).send(NOTICE)

    assert hook.bodies == [NOTICE.document()]


async def test_a_receiver_that_fails_at_first_is_asked_again(unused_tcp_port, messages):
    async with run_hook(unused_tcp_port) as hook:
        hook.statuses = [500]
        await Webhook(SecretStr(hook.url)).send(NOTICE)

    assert len(hook.bodies) == 2
    assert "alert_sent" in messages()


async def test_a_receiver_that_keeps_failing_is_given_up_and_logged_without_its_address(
    unused_tcp_port, messages
):
    async with run_hook(unused_tcp_port) as hook:
        hook.statuses = [301, 404, 500]
        await Webhook(SecretStr(hook.url)).send(NOTICE)

    assert len(hook.bodies) == 3
    assert "HTTP 500" in messages()
    assert "hunter2" not in messages()


async def test_a_receiver_that_is_not_there_is_given_up(unused_tcp_port, messages):
    await Webhook(SecretStr(f"http://hunter2:hunter2@127.0.0.1:{unused_tcp_port}/hunter2")).send(NOTICE)

    assert "ClientConnectorError" in messages()
    assert "hunter2" not in messages()
