"""Ids: sorted by the time of their making, of letters and digits, never the same twice."""

import os
import uuid

from hypothesis import given
from hypothesis import strategies as st

from kassa.domain.ids import ALPHABET, RANDOM_BYTES, object_id, uuid7

# Object ids begin anew in 2081, UUIDs of version 7 in the year 10889.
TIMES_MS = st.integers(0, 62**7 - 1)
ENTROPY = st.binary(min_size=RANDOM_BYTES, max_size=RANDOM_BYTES)
UUID_TIMES_MS = st.integers(0, 2**48 - 1)
UUID_ENTROPY = st.binary(min_size=10, max_size=10)
YEAR_2080_MS = 3_471_292_800_000


@given(st.sampled_from(["order_", "pay_", "rfnd_"]), TIMES_MS, ENTROPY)
def test_an_id_is_its_prefix_and_sixteen_alphanumerics(prefix: str, now_ms: int, entropy: bytes) -> None:
    made = object_id(prefix, now_ms, entropy)
    rest = made.removeprefix(prefix)
    assert made.startswith(prefix)
    assert len(rest) == 16
    assert rest.isascii()
    assert rest.isalnum()


@given(TIMES_MS, TIMES_MS, ENTROPY, ENTROPY)
def test_ids_sort_by_time_whatever_the_chance(one_ms: int, other_ms: int, first: bytes, second: bytes) -> None:
    if one_ms != other_ms:
        assert (object_id("", one_ms, first) < object_id("", other_ms, second)) is (one_ms < other_ms)
    assert object_id("", one_ms, first)[:7] == object_id("", one_ms, second)[:7]


@given(TIMES_MS, ENTROPY, ENTROPY)
def test_other_chance_makes_another_id(now_ms: int, first: bytes, second: bytes) -> None:
    same = int.from_bytes(first) % 62**9 == int.from_bytes(second) % 62**9
    assert (object_id("", now_ms, first) == object_id("", now_ms, second)) is same


def test_the_alphabet_is_in_byte_order() -> None:
    assert sorted(ALPHABET.encode()) == list(ALPHABET.encode())
    assert len(set(ALPHABET)) == 62


def test_ids_of_one_millisecond_differ() -> None:
    assert len({object_id("", 1, os.urandom(RANDOM_BYTES)) for _ in range(50_000)}) == 50_000


def test_the_order_of_ids_holds_into_the_year_2080() -> None:
    assert object_id("", YEAR_2080_MS, b"\0" * 7) > object_id("", 1_800_000_000_000, b"\xff" * 7)


def test_the_example_of_rfc_9562() -> None:
    """Appendix A.6: its 74 random bits, with anything where version and variant go."""
    for free in (0x0, 0xF):
        entropy = (free << 12 | 0xCC3).to_bytes(2) + (free >> 2 << 62 | 0x18C4DC0C0C07398F).to_bytes(8)
        assert uuid7(0x017F22E279B0, entropy) == "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"


@given(UUID_TIMES_MS, UUID_ENTROPY)
def test_a_uuid_says_its_version_variant_and_time(now_ms: int, entropy: bytes) -> None:
    made = uuid.UUID(uuid7(now_ms, entropy))
    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert made.int >> 80 == now_ms
    assert str(made) == uuid7(now_ms, entropy)


@given(UUID_TIMES_MS, UUID_TIMES_MS, UUID_ENTROPY, UUID_ENTROPY)
def test_uuids_sort_by_time(one_ms: int, other_ms: int, first: bytes, second: bytes) -> None:
    if one_ms != other_ms:
        assert (uuid7(one_ms, first) < uuid7(other_ms, second)) is (one_ms < other_ms)


@given(UUID_ENTROPY, st.integers(0, 79))
def test_every_bit_but_version_and_variant_is_chance(entropy: bytes, bit: int) -> None:
    flipped = (int.from_bytes(entropy) ^ 1 << bit).to_bytes(10)
    fixed = bit in (62, 63, 76, 77, 78, 79)
    assert (uuid7(0, entropy) == uuid7(0, flipped)) is fixed
