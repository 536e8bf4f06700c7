"""The body of an event survives JSON.parse and JSON.stringify in Node, byte for byte, whatever text is in it."""

import json
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from shutil import which

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kassa.actions.configure_webhook import example_payload
from kassa.domain.payment import Payment, Refund
from kassa.domain.views import event_data
from kassa.domain.webhook import EVENTS, body

Stringify = Callable[[bytes], bytes]

# Split at line feeds by hand: Node's readline also splits at U+2028, which may stand in a JSON text as it is.
ECHO = """
let kept = Buffer.alloc(0);
process.stdin.on('data', (chunk) => {
  kept = Buffer.concat([kept, chunk]);
  for (let end; (end = kept.indexOf(10)) >= 0; kept = kept.subarray(end + 1)) {
    process.stdout.write(JSON.stringify(JSON.parse(kept.subarray(0, end).toString('utf8'))) + '\\n');
  }
});
"""
AWKWARD = 'a\0\b\t\n\v\f\r\x1b\x1f"\\/</script>\x7f\x80\x9f\u00ad\u2028\u2029\ufeff\uffff₹é\U0001f9fe\U0010ffff'


@pytest.fixture(scope="module")
def stringify() -> Iterator[Stringify]:
    """`JSON.stringify(JSON.parse(text))` of a real Node, one process for all."""
    node = which("node")
    if node is None:
        pytest.skip("Node is not installed")
    with subprocess.Popen([node, "-e", ECHO], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        to_node, from_node = process.stdin, process.stdout

        def ask(text: bytes) -> bytes:
            to_node.write(text + b"\n")
            to_node.flush()
            return from_node.readline().removesuffix(b"\n")

        yield ask
        to_node.close()


texts = st.text() | st.just(AWKWARD)
moments = st.datetimes(datetime(2000, 1, 1), datetime(2099, 1, 1), timezones=st.just(UTC))
amounts = st.integers(1, 2**31 - 1)
ids = st.text("0123456789ABCxyz", min_size=16, max_size=16)

payments = st.builds(
    Payment,
    id=ids.map("pay_".__add__),
    order_id=ids.map("order_".__add__),
    merchant_id=texts,
    amount=amounts,
    currency=texts,
    method=st.sampled_from(["upi", "card"]),
    status=st.sampled_from(["pending", "success", "failed"]),
    created_at=moments,
    updated_at=moments,
    vpa=st.none() | texts,
    card_network=st.none() | texts,
    card_last4=st.none() | texts,
    error_code=st.none() | texts,
    error_description=st.none() | texts,
)
refunds = st.builds(
    Refund,
    id=ids.map("rfnd_".__add__),
    payment_id=ids.map("pay_".__add__),
    merchant_id=texts,
    amount=amounts,
    reason=st.none() | texts,
    status=st.sampled_from(["pending", "processed"]),
    created_at=moments,
    processed_at=st.none() | moments,
)
FIXED = Payment(
    id="pay_ABCDEFGH12345678",
    order_id="order_ABCDEFGH12345678",
    merchant_id="550e8400-e29b-41d4-a716-446655440000",
    amount=50_000,
    currency="INR",
    method="upi",
    status="success",
    created_at=datetime(2024, 1, 15, 10, 30, tzinfo=UTC),
    updated_at=datetime(2024, 1, 15, 10, 31, 10, tzinfo=UTC),
    vpa=AWKWARD,
)


@given(st.sampled_from(EVENTS), st.integers(0, 2**32), payments, st.none() | refunds, st.none() | st.integers(1, 10**6))
@example("payment.success", 1_705_315_870, FIXED, None, 3)
def test_the_bytes_survive_a_round_trip_in_node(
    stringify: Stringify, event: str, timestamp_s: int, payment: Payment, refund: Refund | None, sequence: int | None
) -> None:
    sent = body(event, timestamp_s, event_data(payment, refund), sequence).encode()
    assert stringify(sent) == sent


@given(st.text())
@example(AWKWARD)
def test_any_one_text_survives(stringify: Stringify, text: str) -> None:
    sent = body("payment.failed", 1, {"refund": {"reason": text}}, None).encode()
    assert stringify(sent) == sent
    assert json.loads(sent)["data"]["refund"]["reason"] == text


@pytest.mark.parametrize("event", EVENTS)
def test_examples_survive_too(stringify: Stringify, event: str) -> None:
    sent = example_payload(event, FIXED.merchant_id, 1_705_315_870).encode()
    assert stringify(sent) == sent


def test_node_does_change_what_is_written_otherwise(stringify: Stringify) -> None:
    """So the tests above can fail."""
    assert stringify(b'{"a": 1}') != b'{"a": 1}'
    assert stringify(b'{"a":"\\u20b9"}') != b'{"a":"\\u20b9"}'
    assert stringify(b'{"a":1.0}') != b'{"a":1.0}'
    assert stringify(b'{"b":1,"1":2}') != b'{"b":1,"1":2}'


def test_the_very_text_of_an_event() -> None:
    payment = msgspec.structs.replace(FIXED, vpa="zoë@bank")
    assert body("payment.success", 1_705_315_870, event_data(payment), None) == (
        '{"event":"payment.success","timestamp":1705315870,"data":{"payment":{"id":"pay_ABCDEFGH12345678",'
        '"order_id":"order_ABCDEFGH12345678","amount":50000,"currency":"INR","method":"upi","status":"success",'
        '"created_at":"2024-01-15T10:30:00Z","vpa":"zoë@bank"}}}'
    )
