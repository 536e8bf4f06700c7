"""A gateway in the test's own process, without workers: the test says what is applied, and what comes in between."""

import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, NamedTuple

from redis.asyncio import Redis
from tests.live import TEST_MERCHANT_ID
from tests.providers.cases import Case
from tests.providers.scripted import Scripted
from tests.servers import PostgresServer, RedisServer, postgres_programs, redis_programs

from kassa.actions.create_order import create_order
from kassa.actions.gateway import Gateway
from kassa.actions.look_at_payment import look_at_payment
from kassa.actions.manage_merchant import seed_test_merchant
from kassa.actions.open_session import Asked, open_session
from kassa.actions.process_refund import process_refund
from kassa.actions.refund_payment import refund_payment
from kassa.actions.take_notification import apply_notification, take_notification
from kassa.domain.payment import Merchant, Payment, Refund
from kassa.providers.registry import Providers
from kassa.providers.simulator import Simulator
from kassa.settings import ACCOUNT_VARIABLES, load
from kassa.store import merchants, payments, refunds
from kassa.store.database import Database

AMOUNT = 50_000


class Inside(NamedTuple):
    """The gateway, the merchant whose payments it takes, and who moves their money."""

    gateway: Gateway
    merchant: Merchant
    case: Case

    async def open(self, **asked: Any) -> str:
        """A payment that waits for its payer, of an order of its own; returns its id."""
        made = await create_order(
            self.gateway, self.merchant.id, amount=AMOUNT, currency="USD", receipt=None, notes=None
        )
        given = Asked(order_id=json.loads(made.body)["id"], provider=self.case.under.name, **asked)
        answer = await open_session(self.gateway, self.merchant, given, None)
        return str(json.loads(answer.body)["payment_id"])

    async def paid(self, outcome: str = "pay", **asked: Any) -> str:
        """A payment that succeeded; returns its id."""
        payment_id = await self.open(**asked)
        await self.case.control("outcome", session=payment_id, outcome=outcome)
        await look_at_payment(self.gateway, payment_id)
        assert (await self.payment(payment_id)).status == "success"
        return payment_id

    async def payment(self, payment_id: str) -> Payment:
        """The payment as it stands."""
        found = await payments.by_id(self.gateway.database, payment_id)
        assert found is not None
        return found

    async def refund(self, payment_id: str, amount: int) -> str:
        """A refund that its provider has not been asked for yet; returns its id."""
        answer = await refund_payment(self.gateway, self.merchant.id, payment_id, amount, None)
        return str(json.loads(answer.body)["id"])

    async def refunded(self, payment_id: str, amount: int) -> str:
        """A refund that was processed; returns its id."""
        refund_id = await self.refund(payment_id, amount)
        assert await process_refund(self.gateway, refund_id)
        return refund_id

    async def found(self, refund_id: str) -> Refund:
        """The refund as it stands."""
        found = await refunds.find(self.gateway.database, refund_id)
        assert found is not None
        return found

    async def events(self, payment_id: str) -> list[str]:
        """All that happened to a payment; numbered without a gap."""
        rows = await self.gateway.database.fetch(
            "SELECT sequence, event FROM payment_events WHERE payment_id = $1 ORDER BY 1", payment_id
        )
        assert [row[0] for row in rows] == list(range(1, len(rows) + 1))
        return [row[1] for row in rows]

    async def take(self, one: Any) -> str:
        """Take one of the provider's notifications; returns the provider's id of it."""
        body, headers = one["body"].encode(), one["headers"]
        notice = await self.case.provider.verify(headers, body, self.case.credentials, datetime.now(UTC))
        await take_notification(self.gateway, self.case.under.name, None, headers, body)
        return notice.event_id

    async def tell(self, one: Any) -> tuple[str, str | None]:
        """Take and apply one of the provider's notifications; returns what status it has then, and what came of it."""
        return await self.apply(await self.take(one))

    async def apply(self, event_id: str) -> tuple[str, str | None]:
        """Apply a notification that was taken; returns what status it has then, and what came of it."""
        database, kept = self.gateway.database, "SELECT id, status, note FROM provider_events WHERE event_id = $1"
        [row] = await database.fetch(kept, event_id)
        await apply_notification(self.gateway, str(row[0]))
        [row] = await database.fetch(kept, event_id)
        return row[1], row[2]

    @asynccontextmanager
    async def instead(self, **operations: Any) -> AsyncIterator[None]:
        """Let these be done in the place of the provider's own."""
        inner = self.gateway.providers[self.case.under.name].inner
        for name, operation in operations.items():
            setattr(inner, name, operation)
        try:
            yield
        finally:
            for name in operations:
                delattr(inner, name)

    @asynccontextmanager
    async def scripted(self) -> AsyncIterator[Scripted]:
        """A server that is asked instead of the provider's stand-in, and says what the test writes down."""
        around = self.gateway.providers[self.case.under.name]
        async with Scripted() as server:
            provider, around.inner = around.inner, self.case.under.make(server.url, 5)
            try:
                yield server
            finally:
                await around.inner.aclose()
                around.inner = provider


@asynccontextmanager
async def inside_of(case: Case) -> AsyncIterator[Inside]:
    """A gateway on a PostgreSQL and a Redis of its own, that uses the provider of `case`."""
    programs = postgres_programs()["18"]
    redis_program = redis_programs()["embedded"]
    assert programs and redis_program
    async with PostgresServer(programs) as postgres, RedisServer(redis_program) as redis_server:
        parts = ACCOUNT_VARIABLES[case.under.name]
        account = {variable: getattr(case.credentials, part) for part, variable in parts.items()}
        settings = load({"DATABASE_URL": postgres.url, "REDIS_URL": redis_server.url, **account})
        bank = Simulator(settings, random.Random(0))
        gateway = Gateway(
            settings, Database(postgres.url), Redis.from_url(redis_server.url), bank, Providers([bank, case.provider])
        )
        await seed_test_merchant(gateway)
        merchant = await merchants.by_id(gateway.database, TEST_MERCHANT_ID)
        assert merchant is not None
        yield Inside(gateway, merchant, case)
        await gateway.close()
