"""Export payments as CSV, page by page, however many there are."""

import csv
import io
from collections.abc import AsyncIterator, Iterable
from datetime import datetime

from kassa.actions.gateway import Gateway
from kassa.domain.views import iso
from kassa.store import payments
from kassa.store.pages import Filter

PAGE = 1_000
COLUMNS = (
    "id", "order_id", "amount", "currency", "method", "status", "vpa", "card_network", "card_last4", "captured",
    "refunded_amount", "error_code", "created_at",
)  # fmt: skip
# What a spreadsheet takes for a formula begins so (OWASP, "CSV Injection").
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


async def payments_csv(gateway: Gateway, where: Filter) -> AsyncIterator[bytes]:
    """The matching payments, newest first, as CSV that a spreadsheet shows and never runs."""
    yield _lines([COLUMNS])
    after = None
    while True:
        page = await payments.listed(gateway.database, where, PAGE, after)
        if page.rows:
            yield _lines([[_cell(getattr(p, name)) for name in COLUMNS] for p in page.rows])
        after = page.next
        if after is None:
            return


def _cell(value: object) -> str:
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, bool):
        return str(value).lower()
    text = "" if value is None else str(value)
    return "'" + text if text.startswith(_FORMULA) else text


def _lines(rows: Iterable[Iterable[str]]) -> bytes:
    buffer = io.StringIO()
    csv.writer(buffer).writerows(rows)
    return buffer.getvalue().encode()
