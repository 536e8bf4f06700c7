"""Commands for those who write webhook receivers: send one an event, and check a signature."""

import asyncio
import hmac
import sys
import time
from contextlib import aclosing
from typing import Annotated

import typer

from kassa.actions.configure_webhook import example_payload
from kassa.actions.deliver_webhook import BODY_LIMIT_BYTES, TIMEOUT_S
from kassa.actions.manage_merchant import TEST_MERCHANT_ID, TEST_WEBHOOK_SECRET
from kassa.domain import ids, webhook
from kassa.net import Outbound, Reply
from kassa.settings import load


def send(
    event: Annotated[str, typer.Argument(help="Which event: " + ", ".join(webhook.EVENTS) + ".")],
    to: Annotated[str, typer.Option(help="The receiver's URL.")] = "http://localhost:4000/webhook",
    secret: Annotated[str, typer.Option(help="The webhook secret that signs it.")] = TEST_WEBHOOK_SECRET,
) -> None:
    """Send an example of an event to a receiver, signed as real ones are, and show what it answers."""
    if event not in webhook.EVENTS:
        raise typer.BadParameter("must be one of " + ", ".join(webhook.EVENTS), param_hint="'event'")
    now_s = int(time.time())
    payload = example_payload(event, TEST_MERCHANT_ID, now_s).encode()
    headers = webhook.signature_headers([secret], ids.uuid7(now_s * 1000, b"\0" * 10), now_s, payload)
    for name, value in headers.items():
        typer.echo(f"{name}: {value}")
    typer.echo(f"\n{payload.decode()}\n")
    reply = asyncio.run(_post(to, payload, {"Content-Type": "application/json", **headers}))
    if reply.error is not None:
        typer.echo(f"{to}: {reply.error}", err=True)
        raise typer.Exit(1)
    typer.echo(f"{to} answered {reply.status}: {reply.body}")
    raise typer.Exit(0 if 200 <= (reply.status or 0) < 300 else 1)


async def _post(to: str, payload: bytes, headers: dict[str, str]) -> Reply:
    async with aclosing(Outbound(load().webhook_private_networks)) as outbound:
        return await outbound.post(to, payload, headers, timeout_s=TIMEOUT_S, body_limit_bytes=BODY_LIMIT_BYTES)


def verify_signature(
    signature: Annotated[str, typer.Argument(help="The X-Webhook-Signature header of the delivery.")],
    secret: Annotated[str, typer.Option(help="The merchant's webhook secret.")] = TEST_WEBHOOK_SECRET,
    body: Annotated[
        typer.FileBinaryRead | None, typer.Option(metavar="FILE", help="A file with the body; standard input if none.")
    ] = None,
) -> None:
    """Check the signature of a delivery over its exact body, and say which one was expected."""
    payload = (body or sys.stdin.buffer).read()
    expected = webhook.signature(secret, payload)
    if hmac.compare_digest(expected, signature.strip().lower()):
        typer.echo("The signature is right.")
        return
    typer.echo(
        f"The signature is wrong: over these {len(payload)} bytes and this secret it would be {expected}", err=True
    )
    if signature.startswith("v1,"):
        typer.echo("This looks like webhook-signature; give the value of X-Webhook-Signature.", err=True)
    if payload.endswith(b"\n"):
        typer.echo("The body ends in a line break; was one added on the way here?", err=True)
    raise typer.Exit(1)
