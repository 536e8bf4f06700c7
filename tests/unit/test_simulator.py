"""The simulated bank: test cards and VPAs do as they promise, test mode decides the rest, else chance at its rate."""

import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kassa.domain.card import luhn_valid
from kassa.domain.errors import CATALOGUE
from kassa.domain.payment import Outcome, Payment
from kassa.providers.simulator import SUCCESS, TEST_CARDS, TEST_VPAS, Simulator
from kassa.settings import Settings

NOW = datetime(2024, 1, 15, 10, 30, tzinfo=UTC)
DECLINED = Outcome("pay_1", False, "PAYMENT_FAILED", "Payment was declined by the bank")
ACCEPTED = Outcome("pay_1", True)
CERTAIN = Settings(upi_success_rate=1.0, card_success_rate=1.0)
HOPELESS = Settings(upi_success_rate=0.0, card_success_rate=0.0)
TEST_SUCCESS = Settings(test_mode=True, upi_success_rate=0.0, card_success_rate=0.0)
TEST_FAILURE = Settings(test_mode=True, test_payment_success=False, upi_success_rate=1.0, card_success_rate=1.0)
DECLINING_CARDS = {number: code for number, code in TEST_CARDS.items() if code != SUCCESS}
ACCEPTED_CARDS = sorted(TEST_CARDS.keys() - DECLINING_CARDS)


def bank(settings: Settings, seed: int = 1) -> Simulator:
    """A bank with chance of its own."""
    return Simulator(settings, random.Random(seed))


def verdict(settings: Settings, *, vpa: str | None = None, card: str | None = None, seed: int = 1) -> Outcome:
    """What the bank says to a payment by `vpa` or `card`, from taking it in to the answer."""
    one = bank(settings, seed)
    due_at, reference = one.accept(NOW, vpa, card)
    payment = Payment(
        id="pay_1", order_id="order_1", merchant_id="m_1", amount=100, currency="INR", method="upi" if vpa else "card",
        status="pending", created_at=NOW, updated_at=NOW, vpa=vpa, due_at=due_at, provider_ref=reference,
    )  # fmt: skip
    return one.verdict(payment)


@pytest.mark.parametrize("settings", [CERTAIN, TEST_SUCCESS])
@pytest.mark.parametrize("status", ["created", "pending"])
def test_a_session_that_nobody_paid_is_never_paid_by_chance(settings: Settings, status: str) -> None:
    payment = Payment(
        id="pay_1", order_id="order_1", merchant_id="m_1", amount=100, currency="INR", method="card", status=status,
        created_at=NOW, updated_at=NOW, due_at=NOW, provider_ref="cs_1", session_id="cs_1",
    )  # fmt: skip

    told = bank(settings).verdict(payment)

    assert told == Outcome("pay_1", False, "PAYMENT_EXPIRED", "The payer did not pay in time")


@pytest.mark.parametrize("settings", [CERTAIN, HOPELESS, TEST_SUCCESS, TEST_FAILURE])
@pytest.mark.parametrize("card", DECLINING_CARDS)
def test_cards_that_decline_do_so_always_and_say_why(settings: Settings, card: str) -> None:
    code = DECLINING_CARDS[card]
    assert verdict(settings, card=card) == Outcome("pay_1", False, code, CATALOGUE[code].sentence)


@pytest.mark.parametrize("settings", [CERTAIN, HOPELESS, TEST_SUCCESS, TEST_FAILURE])
@pytest.mark.parametrize("vpa", ["failure@kassa", "FAILURE@kassa"])
def test_so_does_the_vpa_that_declines(settings: Settings, vpa: str) -> None:
    assert verdict(settings, vpa=vpa) == DECLINED


@pytest.mark.parametrize("card", ACCEPTED_CARDS)
def test_cards_that_succeed_do_so_against_all_chance_but_not_against_test_mode(card: str) -> None:
    assert verdict(HOPELESS, card=card) == ACCEPTED
    assert verdict(TEST_FAILURE, card=card) == DECLINED


def test_so_does_the_vpa_that_succeeds() -> None:
    assert verdict(HOPELESS, vpa="success@kassa") == ACCEPTED
    assert verdict(TEST_FAILURE, vpa="success@kassa") == DECLINED


@pytest.mark.parametrize(
    ("settings", "expected"),
    [(CERTAIN, ACCEPTED), (HOPELESS, DECLINED), (TEST_SUCCESS, ACCEPTED), (TEST_FAILURE, DECLINED)],
)
@given(seed=st.integers())
def test_all_others_go_by_test_mode_else_by_rate(settings: Settings, expected: Outcome, seed: int) -> None:
    assert verdict(settings, vpa="somebody@bank", seed=seed) == expected
    assert verdict(settings, card="4111111111111111", seed=seed) == expected


def test_each_method_has_its_own_rate() -> None:
    settings = Settings(upi_success_rate=1.0, card_success_rate=0.0)
    assert verdict(settings, vpa="somebody@bank") == ACCEPTED
    assert verdict(settings, card="4111111111111111") == DECLINED


def test_a_rate_is_that_share_of_many() -> None:
    succeeded = sum(verdict(Settings(), vpa="somebody@bank", seed=seed).succeeded for seed in range(2_000))
    assert 1_740 < succeeded < 1_860, "90 %, give or take four standard deviations"


@given(st.integers(), st.integers(0, 5_000), st.integers(0, 5_000))
def test_the_answer_is_due_between_the_bounds(seed: int, least_ms: int, more_ms: int) -> None:
    settings = Settings(
        processing_delay_min=least_ms, processing_delay_max=least_ms + more_ms,
        refund_delay_min=least_ms, refund_delay_max=least_ms + more_ms,
    )  # fmt: skip
    one = bank(settings, seed)
    for due_at in (one.accept(NOW, "somebody@bank")[0], one.refund_due(NOW)):
        assert timedelta(milliseconds=least_ms) <= due_at - NOW <= timedelta(milliseconds=least_ms + more_ms)


@given(st.integers(), st.integers(0, 60_000))
def test_in_test_mode_it_is_due_after_exactly_the_delay_but_refunds_keep_theirs(seed: int, delay_ms: int) -> None:
    settings = Settings(test_mode=True, test_processing_delay=delay_ms)
    assert bank(settings, seed).accept(NOW, "somebody@bank")[0] == NOW + timedelta(milliseconds=delay_ms)
    assert timedelta(seconds=3) <= bank(settings, seed).refund_due(NOW) - NOW <= timedelta(seconds=5)


def test_the_reference_never_tells_a_card() -> None:
    assert {bank(CERTAIN).accept(NOW, card_digits=card)[1] for card in TEST_CARDS} == set(TEST_CARDS.values())
    assert bank(CERTAIN).accept(NOW, card_digits="4111111111111111")[1] is None
    assert bank(CERTAIN).accept(NOW, "somebody@bank")[1] is None


def test_test_cards_can_be_typed_in() -> None:
    assert [number for number in TEST_CARDS if not luhn_valid(number)] == []
    assert set(TEST_VPAS) == {"success@kassa", "failure@kassa"}
