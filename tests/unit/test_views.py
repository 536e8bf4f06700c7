"""What orders, payments and refunds look like as JSON: exactly the promised fields, and no more to a payer."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kassa.domain import views
from kassa.domain.payment import Order, Payment, Refund

NOW = datetime(2024, 1, 15, 10, 30, 0, 987_654, tzinfo=UTC)
LATER = NOW + timedelta(seconds=70)
ORDER = Order("order_1", "m_1", 50_000, "INR", "r-1", '{"k":[1,"é"]}', "created", NOW, LATER)
UPI = Payment(
    id="pay_1", order_id="order_1", merchant_id="m_1", amount=50_000, currency="INR", method="upi", status="pending",
    created_at=NOW, updated_at=LATER, vpa="user@bank", due_at=LATER, provider_ref="success",
)  # fmt: skip
CARD = msgspec.structs.replace(UPI, method="card", vpa=None, card_network="visa", card_last4="4242")
FAILED = msgspec.structs.replace(UPI, status="failed", error_code="card_declined", error_description="No")
REFUND = Refund(
    id="rfnd_1", payment_id="pay_1", merchant_id="m_1", amount=100, currency="INR", reason=None, status="pending",
    created_at=NOW, due_at=LATER,
)  # fmt: skip
PROCESSED = msgspec.structs.replace(REFUND, status="processed", processed_at=LATER)


def shown(view: Any) -> Any:
    """A view as it leaves: encoded, and read again."""
    return json.loads(msgspec.json.encode(view))


@given(st.datetimes(datetime(1000, 1, 1), datetime(9999, 12, 31, 23, 59, 59), timezones=st.just(UTC)))
def test_times_are_iso_8601_in_utc_to_the_second(moment: datetime) -> None:
    text = views.iso(moment)
    assert len(text) == len("2024-01-15T10:30:00Z")
    assert text.endswith("Z")
    assert datetime.fromisoformat(text) == moment.replace(microsecond=0)
    assert views.iso_or_none(moment) == text


def test_no_time_is_null() -> None:
    assert views.iso_or_none(None) is None


def test_a_new_order() -> None:
    assert shown(views.order_created(ORDER)) == {
        "id": "order_1", "merchant_id": "m_1", "amount": 50_000, "currency": "INR", "receipt": "r-1",
        "notes": {"k": [1, "é"]}, "status": "created", "created_at": "2024-01-15T10:30:00Z",
    }  # fmt: skip


def test_an_order_also_says_when_it_changed() -> None:
    created = shown(views.order_created(ORDER))
    assert shown(views.order_view(ORDER)) == created | {"updated_at": "2024-01-15T10:31:10Z"}


def test_notes_leave_as_the_very_text_that_came() -> None:
    notes = '{"b":1e2,  "a":"\\u20b9"}'
    assert notes in msgspec.json.encode(views.order_view(msgspec.structs.replace(ORDER, notes=notes))).decode()
    without = msgspec.structs.replace(ORDER, notes=None, receipt=None)
    assert shown(views.order_view(without))["notes"] is None


def test_a_new_upi_payment() -> None:
    assert shown(views.payment_created(UPI)) == {
        "id": "pay_1", "order_id": "order_1", "amount": 50_000, "currency": "INR", "method": "upi",
        "vpa": "user@bank", "status": "pending", "created_at": "2024-01-15T10:30:00Z",
    }  # fmt: skip


def test_a_new_card_payment_has_network_and_last_digits_instead() -> None:
    created = shown(views.payment_created(CARD))
    assert (created["card_network"], created["card_last4"]) == ("visa", "4242")
    assert "vpa" not in created


@pytest.mark.parametrize("payment", [UPI, CARD])
def test_a_payment_as_it_stands(payment: Payment) -> None:
    assert shown(views.payment_view(payment)) == shown(views.payment_created(payment)) | {
        "captured": False, "refunded_amount": 0, "updated_at": "2024-01-15T10:31:10Z", "provider": "simulator",
        "open_because": "The bank has not answered yet", "next_look_at": "2024-01-15T10:31:10Z",
    }  # fmt: skip


def test_a_failed_payment_says_why() -> None:
    view = shown(views.payment_view(FAILED))
    assert (view["error_code"], view["error_description"]) == ("card_declined", "No")


def test_a_failed_payment_without_a_code_has_the_general_one() -> None:
    view = shown(views.payment_view(msgspec.structs.replace(FAILED, error_code=None, error_description=None)))
    assert (view["error_code"], view["error_description"]) == ("PAYMENT_FAILED", "")


@pytest.mark.parametrize("status", ["created", "pending", "processing", "success"])
def test_others_have_no_error_fields(status: str) -> None:
    view = shown(views.payment_view(msgspec.structs.replace(FAILED, status=status)))
    assert {"error_code", "error_description"} & view.keys() == set()


@pytest.mark.parametrize("payment", [UPI, CARD, FAILED])
def test_a_payer_sees_neither_the_merchant_nor_how_somebody_paid(payment: Payment) -> None:
    view = shown(views.public_payment(payment))
    assert view.keys() - {"error_code", "error_description", "tell_payer"} == {
        "id", "order_id", "amount", "currency", "method", "status", "created_at",
    }  # fmt: skip
    assert ("error_code" in view) is (payment is FAILED)


def test_a_payer_is_told_of_a_failure_in_words_for_payers() -> None:
    said = shown(views.public_payment(FAILED))
    assert said["tell_payer"] == "Your bank declined this card. Please use another card, or pay by UPI."
    assert "tell_payer" not in shown(views.payment_view(FAILED)) | shown(views.public_payment(UPI))


def test_a_payer_is_told_where_no_real_money_moves_and_only_there() -> None:
    assert shown(views.public_order(ORDER, test_mode=True))["test_mode"] is True
    assert "test_mode" not in shown(views.public_order(ORDER, test_mode=False))


def test_a_refund_before_and_after_it_is_processed() -> None:
    created = {
        "id": "rfnd_1", "payment_id": "pay_1", "amount": 100, "currency": "INR", "reason": None, "status": "pending",
        "created_at": "2024-01-15T10:30:00Z",
    }  # fmt: skip
    assert shown(views.refund_created(REFUND)) == created
    assert shown(views.refund_view(REFUND)) == created | {"processed_at": None}
    assert shown(views.refund_view(PROCESSED)) == created | {
        "status": "processed", "processed_at": "2024-01-15T10:31:10Z",
    }  # fmt: skip


def test_an_event_of_a_payment_carries_it_with_its_error() -> None:
    assert shown(views.event_data(UPI)) == {"payment": shown(views.payment_created(UPI))}
    assert shown(views.event_data(FAILED))["payment"] == shown(views.payment_created(FAILED)) | {
        "error_code": "card_declined", "error_description": "No",
    }  # fmt: skip


def test_an_event_of_a_refund_carries_both() -> None:
    data = shown(views.event_data(UPI, REFUND))
    assert data == {"refund": shown(views.refund_created(REFUND)), "payment": shown(views.payment_created(UPI))}
    assert shown(views.event_data(UPI, PROCESSED))["refund"] == shown(views.refund_view(PROCESSED))
