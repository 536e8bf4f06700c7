"""The database as others read it: tables, columns, indexes, the seed, and the money rules that it keeps by itself."""

import asyncpg
import pytest

from tests.live import TEST_MERCHANT_ID, Live

NOW = "now()"
UUID = ("uuid", False, "gen_random_uuid()")
MERCHANT = ("uuid", False, None)
TIME = ("timestamp with time zone", True, NOW)
LATER = ("timestamp with time zone", True, None)


def text(length: int, *, null: bool = False, default: str | None = None) -> tuple[str, bool, str | None]:
    """A varchar column; `default` is its text."""
    return f"character varying({length})", null, None if default is None else f"'{default}'::character varying"


INTEGER = ("integer", False, None)
CURRENCY = text(3, null=True, default="INR")
# Column by column: its type, whether it may be null, and its default.
TABLES: dict[str, dict[str, tuple[str, bool, str | None]]] = {
    "merchants": {
        "id": UUID,
        "name": text(255),
        "email": text(255),
        "api_key": text(64),
        "api_secret": text(64),
        "webhook_url": ("text", True, None),
        "webhook_secret": text(64, null=True),
        "is_active": ("boolean", True, "true"),
        "created_at": TIME,
        "updated_at": TIME,
    },
    "orders": {
        "id": text(64),
        "merchant_id": MERCHANT,
        "amount": INTEGER,
        "currency": CURRENCY,
        "receipt": text(255, null=True),
        "notes": ("json", True, None),
        "status": text(20, null=True, default="created"),
        "created_at": TIME,
        "updated_at": TIME,
    },
    "payments": {
        "id": text(64),
        "order_id": text(64),
        "merchant_id": MERCHANT,
        "amount": INTEGER,
        "currency": CURRENCY,
        "method": text(20),
        "status": text(20, null=True, default="pending"),
        "vpa": text(255, null=True),
        "card_network": text(20, null=True),
        "card_last4": text(4, null=True),
        "error_code": text(50, null=True),
        "error_description": ("text", True, None),
        "captured": ("boolean", True, "false"),
        "created_at": TIME,
        "updated_at": TIME,
    },
    "refunds": {
        "id": text(64),
        "payment_id": text(64),
        "merchant_id": MERCHANT,
        "amount": INTEGER,
        "reason": ("text", True, None),
        "status": text(20, null=True, default="pending"),
        "created_at": TIME,
        "processed_at": LATER,
    },
    "webhook_logs": {
        "id": UUID,
        "merchant_id": MERCHANT,
        "event": text(50),
        "payload": ("json", False, None),
        "status": text(20, null=True, default="pending"),
        "attempts": ("integer", True, "0"),
        "last_attempt_at": LATER,
        "next_retry_at": LATER,
        "response_code": ("integer", True, None),
        "response_body": ("text", True, None),
        "created_at": TIME,
    },
    "idempotency_keys": {
        "key": text(255),
        "merchant_id": MERCHANT,
        "response": ("json", False, None),
        "created_at": TIME,
    },
}
PRIMARY_KEYS = {
    "merchants": ["id"],
    "orders": ["id"],
    "payments": ["id"],
    "refunds": ["id"],
    "webhook_logs": ["id"],
    "idempotency_keys": ["key", "merchant_id"],
}
FOREIGN_KEYS = {
    ("orders", "merchant_id", "merchants"),
    ("payments", "order_id", "orders"),
    ("payments", "merchant_id", "merchants"),
    ("refunds", "payment_id", "payments"),
    ("refunds", "merchant_id", "merchants"),
    ("webhook_logs", "merchant_id", "merchants"),
    ("idempotency_keys", "merchant_id", "merchants"),
}
INDEXES = [
    ("orders", "(merchant_id)"),
    ("payments", "(order_id)"),
    ("payments", "(status)"),
    ("refunds", "(payment_id)"),
    ("webhook_logs", "(merchant_id)"),
    ("webhook_logs", "(status)"),
    ("webhook_logs", "(next_retry_at) WHERE ((status)::text = 'pending'::text)"),
]


async def columns_of(gateway: Live, table: str) -> dict[str, tuple[str, bool, str | None]]:
    """The columns that a table has."""
    rows = await gateway.sql(
        """SELECT column_name, data_type, character_maximum_length, is_nullable = 'YES', column_default
           FROM information_schema.columns WHERE table_schema = 'public' AND table_name = $1""",
        table,
    )
    return {
        name: (f"{kind}({length})" if length else kind, null, default) for name, kind, length, null, default in rows
    }


@pytest.mark.parametrize("table", TABLES)
async def test_table_has_its_columns(gateway: Live, table: str) -> None:
    found = await columns_of(gateway, table)

    assert {name: found.get(name) for name in TABLES[table]} == TABLES[table]


@pytest.mark.parametrize("table", TABLES)
async def test_further_columns_are_of_no_concern_to_who_inserts(gateway: Live, table: str) -> None:
    found = await columns_of(gateway, table)

    demanding = {name for name, (_, null, default) in found.items() if not null and default is None}
    assert demanding <= TABLES[table].keys()


async def test_idempotency_key_must_have_an_end(gateway: Live) -> None:
    kind, null, _ = (await columns_of(gateway, "idempotency_keys"))["expires_at"]

    assert (kind, null) == ("timestamp with time zone", False)


async def test_primary_keys(gateway: Live) -> None:
    rows = await gateway.sql(
        """SELECT table_name, column_name FROM information_schema.table_constraints
           JOIN information_schema.key_column_usage USING (constraint_schema, constraint_name, table_name)
           WHERE constraint_type = 'PRIMARY KEY' ORDER BY ordinal_position"""
    )
    found: dict[str, list[str]] = {}
    for table, column in rows:
        found.setdefault(table, []).append(column)

    assert {table: found[table] for table in PRIMARY_KEYS} == PRIMARY_KEYS


async def test_foreign_keys(gateway: Live) -> None:
    rows = await gateway.sql(
        """SELECT c.conrelid::regclass::text, a.attname, c.confrelid::regclass::text FROM pg_constraint c
           JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = ANY(c.conkey) WHERE c.contype = 'f'"""
    )
    assert {tuple(row) for row in rows} >= FOREIGN_KEYS


@pytest.mark.parametrize("column", ["email", "api_key"])
async def test_merchants_are_told_apart_by(gateway: Live, column: str) -> None:
    rows = await gateway.sql("SELECT indexdef FROM pg_indexes WHERE tablename = 'merchants'")

    assert [row[0] for row in rows if "UNIQUE" in row[0] and row[0].endswith(f"({column})")]


@pytest.mark.parametrize(("table", "ending"), INDEXES)
async def test_index_is_there(gateway: Live, table: str, ending: str) -> None:
    rows = await gateway.sql("SELECT indexdef FROM pg_indexes WHERE tablename = $1", table)

    assert [row[0] for row in rows if row[0].endswith(f"USING btree {ending}")]


async def test_seeded_merchant(gateway: Live) -> None:
    rows = await gateway.sql(
        "SELECT id::text, name, api_key, api_secret, webhook_secret, is_active FROM merchants WHERE email = $1",
        "test@example.com",
    )
    assert [tuple(row) for row in rows] == [
        (TEST_MERCHANT_ID, "Test Merchant", "key_test_abc123", "secret_test_xyz789", "whsec_test_abc123", True)
    ]


async def test_rows_that_others_insert_get_the_defaults(merchant: Live) -> None:
    await merchant.sql(
        "INSERT INTO orders (id, merchant_id, amount) VALUES ('order_' || $1::text, $2::uuid, 100)",
        merchant.merchant_id[:16],
        merchant.merchant_id,
    )
    order = (await merchant.get(f"/api/v1/orders/order_{merchant.merchant_id[:16]}")).json

    assert (order["status"], order["currency"], order["receipt"], order["notes"]) == ("created", "INR", None, None)
    ages = "SELECT now() - created_at < '1 minute' AND updated_at = created_at FROM orders WHERE id = $1"
    assert [row[0] for row in await merchant.sql(ages, order["id"])] == [True]


async def test_order_below_the_least_amount_is_refused_by_the_database_too(merchant: Live) -> None:
    with pytest.raises(asyncpg.CheckViolationError):
        await merchant.sql(
            "INSERT INTO orders (id, merchant_id, amount) VALUES ('order_tooSmall', $1::uuid, 99)", merchant.merchant_id
        )


REFUSED_CHANGES = [
    "UPDATE payments SET status = 'failed' WHERE id = $1",
    "UPDATE payments SET status = 'pending' WHERE id = $1",
    "UPDATE payments SET amount = 1 WHERE id = $1",
    "UPDATE payments SET captured = false WHERE id = $1",
    "UPDATE orders SET status = 'created' WHERE id = (SELECT order_id FROM payments WHERE id = $1)",
    "UPDATE orders SET amount = 200 WHERE id = (SELECT order_id FROM payments WHERE id = $1)",
    "UPDATE payments SET refunded_amount = amount + 1 WHERE id = $1",
    "INSERT INTO refunds (id, payment_id, merchant_id, amount)"
    " SELECT 'rfnd_' || right(id, 16), id, merchant_id, amount + 1 FROM payments WHERE id = $1",
    "INSERT INTO refunds (id, payment_id, merchant_id, amount)"
    " SELECT 'rfnd_' || right(id, 16), id, merchant_id, -1 FROM payments WHERE id = $1",
]


@pytest.mark.parametrize("statement", REFUSED_CHANGES)
async def test_money_rule_holds_whatever_code_runs(merchant: Live, statement: str) -> None:
    payment = await merchant.paid()
    captured = await merchant.post(f"/api/v1/payments/{payment['id']}/capture", {"amount": 50_000})
    assert captured.status == 200

    with pytest.raises(asyncpg.CheckViolationError):
        await merchant.sql(statement, payment["id"])

    assert (await merchant.get(f"/api/v1/payments/{payment['id']}")).json == captured.json
    assert (await merchant.get(f"/api/v1/orders/{payment['order_id']}")).json["status"] == "paid"


async def test_second_success_of_an_order_is_refused_by_the_database_too(merchant: Live) -> None:
    payment = await merchant.paid()

    with pytest.raises(asyncpg.UniqueViolationError):
        await merchant.sql(
            """INSERT INTO payments (id, order_id, merchant_id, amount, method, status)
               SELECT 'pay_again' || right(id, 7), order_id, merchant_id, amount, method, 'success'
               FROM payments WHERE id = $1""",
            payment["id"],
        )
