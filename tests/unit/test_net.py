"""The door to the outside: where requests may go, which URLs can be set, and what is kept of an answer."""

import ipaddress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kassa.domain.errors import KassaError
from kassa.net import MAX_URL_LENGTH, _retry_after_s, allowed, check_url, clean

NETWORKS = tuple(map(ipaddress.ip_network, ("10.1.0.0/16", "fd00::/8")))
PUBLIC = {
    "8.8.8.8": "public",
    "203.0.114.1": "next to a network for documentation",
    "172.15.255.255": "just below 172.16.0.0/12",
    "172.32.0.0": "just above it",
    "100.63.255.255": "just below shared address space",
    "100.128.0.0": "just above it",
    "2606:4700:4700::1111": "public",
    "::ffff:8.8.8.8": "public, mapped",
    "2002:808:808::1": "public, by 6to4",
    "64:ff9b::8.8.8.8": "public, by NAT64",
}
REFUSED = {
    "0.0.0.0": "this host",
    "0.1.2.3": "this network",
    "127.0.0.1": "loopback",
    "127.255.255.254": "loopback",
    "10.0.0.1": "private",
    "172.16.0.1": "private",
    "172.31.255.255": "private",
    "192.168.1.1": "private",
    "169.254.169.254": "cloud metadata",
    "100.64.0.1": "shared address space",
    "192.0.0.1": "protocol assignments",
    "192.0.2.1": "documentation",
    "198.18.0.1": "benchmarks",
    "224.0.0.1": "multicast",
    "239.255.255.255": "multicast",
    "240.0.0.1": "reserved",
    "255.255.255.255": "broadcast",
    "::": "unspecified",
    "::1": "loopback",
    "fe80::1": "link-local",
    "fe80::1%eth0": "link-local, with its zone",
    "fc00::1": "unique local",
    "fdff::1": "unique local",
    "fec0::1": "site-local",
    "ff02::1": "multicast",
    "ff0e::1": "multicast, global",
    "2001:db8::1": "documentation",
    "100::1": "discard only",
    "::ffff:127.0.0.1": "loopback, mapped",
    "::ffff:169.254.169.254": "cloud metadata, mapped",
    "::ffff:10.0.0.1": "private, mapped",
    "::127.0.0.1": "loopback, IPv4-compatible",
    "::10.0.0.1": "private, IPv4-compatible",
    "::ffff:0:10.0.0.1": "private, translated",
    "2002:7f00:1::1": "loopback, by 6to4",
    "2002:a00:1::1": "private, by 6to4",
    "2002:a9fe:a9fe::1": "cloud metadata, by 6to4",
    "2001:0:4136:e378:8000:63bf:f5ff:fffe": "private, by Teredo",
    "64:ff9b::127.0.0.1": "loopback, by NAT64",
    "64:ff9b::169.254.169.254": "cloud metadata, by NAT64",
    "64:ff9b:1::10.0.0.1": "NAT64 of one's own network",
    "5f00::1": "segment routing",
    "4000::1": "not assigned to anybody",
}


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_allowed(address: str) -> None:
    assert allowed(address, ())
    assert allowed(address, NETWORKS)


@pytest.mark.parametrize("address", REFUSED)
def test_all_others_are_not(address: str) -> None:
    assert not allowed(address, ())


@pytest.mark.parametrize("address", REFUSED)
def test_unless_everything_is(address: str) -> None:
    assert allowed(address, tuple(map(ipaddress.ip_network, ("0.0.0.0/0", "::/0"))))


@pytest.mark.parametrize("address", ["10.1.2.3", "::ffff:10.1.2.3", "2002:a01:203::1", "64:ff9b::10.1.2.3", "fd12::1"])
def test_allowed_networks_are_allowed_in_any_dress(address: str) -> None:
    assert allowed(address, NETWORKS)
    assert not allowed(address, ())


@pytest.mark.parametrize("address", ["10.2.0.1", "127.0.0.1", "::ffff:10.2.0.1", "fc00::1", "::1"])
def test_allowed_networks_allow_nothing_else(address: str) -> None:
    assert not allowed(address, NETWORKS)


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_is_judged_alike_in_every_dress(address: ipaddress.IPv4Address) -> None:
    number = int(address)
    dressed = [
        ipaddress.IPv6Address(0xFFFF << 32 | number),
        ipaddress.IPv6Address(0x2002 << 112 | number << 80),
        ipaddress.IPv6Address(0x64FF9B << 96 | number),
    ]
    assert {allowed(str(one), NETWORKS) for one in dressed} == {allowed(str(address), NETWORKS)}


@pytest.mark.parametrize(
    "url",
    ["https://example.com/webhook", "http://example.com", "http://localhost:4000/webhook", "http://127.0.0.1:4000",
     "http://[::1]:4000/x?y=z", "https://bücher.example/ö", "HTTPS://EXAMPLE.COM/", "http://host_name/",
     "https://example.com/" + "x" * (MAX_URL_LENGTH - 20)],
)  # fmt: skip
def test_urls_that_can_be_set(url: str) -> None:
    check_url(url, https_only=False)


@pytest.mark.parametrize(
    "url",
    ["", "example.com", "/webhook", "//example.com/", "ftp://example.com/", "file:///etc/passwd", "javascript:alert(1)",
     "http://", "http:///path", "https://:443/", "http://example.com:99999/", "http://example.com:x/", "http://[::1",
     "http://exa mple.com/", "http://example.com/a b", "http://example.com/\n", "http://example.com/\r\nX: y",
     "http://example.com/\0", "http://example.com/\u2028", "redis://127.0.0.1:6379/",
     "https://example.com/" + "x" * (MAX_URL_LENGTH - 19)],
)  # fmt: skip
def test_urls_that_cannot(url: str) -> None:
    with pytest.raises(KassaError) as caught:
        check_url(url, https_only=False)
    assert caught.value.description == "url must be an http or https URL, such as https://shop.example.com/path"


@pytest.mark.parametrize(
    "url", ["https://user@example.com/", "https://user:secret@example.com/", "http://:x@a.example"]
)
def test_urls_hold_no_credentials(url: str) -> None:
    with pytest.raises(KassaError) as caught:
        check_url(url, https_only=False)
    assert caught.value.description == "url must not hold a user name or password"


def test_production_takes_https_only() -> None:
    check_url("https://example.com/", https_only=True)
    with pytest.raises(KassaError) as caught:
        check_url("http://example.com/", https_only=True)
    assert caught.value.description == "url must be https in production"


@given(st.text() | st.text().map("http://".__add__) | st.from_regex(r"https?://[^/]{0,9}(:\d{0,6})?/.{0,9}"))
@example("http://xn--a/")
@example("http://[v1.x]/")
def test_any_url_is_taken_or_refused(url: str) -> None:
    try:
        check_url(url, https_only=False)
    except KassaError as error:
        assert (error.code, error.status) == ("BAD_REQUEST_ERROR", 400)


@given(st.binary() | st.text().map(str.encode))
def test_what_a_stranger_answered_becomes_text_that_can_be_stored_and_shown(body: bytes) -> None:
    text = clean(body)
    assert not [character for character in text if ord(character) < 32 and character not in "\t\n\r"]
    assert not [character for character in text if 0x7F <= ord(character) < 0xA0]
    text.encode()


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"ok", "ok"),
        ("größer\t₹\r\n".encode(), "größer\t₹\r\n"),
        (b"\x1b[2J", "\ufffd[2J"),
        (b"a\0b", "a\ufffdb"),
        (b"\xff", "\ufffd"),
        (b"caf\xc3", "caf\ufffd"),
        ("\u0085".encode(), "\ufffd"),
        (b"", ""),
    ],
)
def test_clean_text(body: bytes, text: str) -> None:
    assert clean(body) == text


NOW = datetime(2024, 1, 15, 10, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None), ("0", 0), ("120", 120), (" 7 ", 7), ("999999999", 999_999_999), ("9999999999", None),
        ("-1", None), ("1.5", None), ("soon", None), ("", None), ("٣", None),
        ("Mon, 15 Jan 2024 10:32:00 GMT", 120), ("Mon, 15 Jan 2024 16:02:00 +0530", 120),
        ("Monday, 15-Jan-24 10:32:00 GMT", 120), ("Mon Jan 15 10:32:00 2024", 120),
        ("Mon, 15 Jan 2024 10:32:00 -0000", 120), ("Mon, 15 Jan 2024 10:00:00 GMT", 0),
        ("Mon, 99 Jan 2024 10:32:00 GMT", None),
    ],
)  # fmt: skip
def test_retry_after(value: str | None, seconds: float | None) -> None:
    assert _retry_after_s(value, NOW.timestamp()) == seconds


@given(st.integers(0, 10**6))
def test_retry_after_as_a_date(seconds: int) -> None:
    value = format_datetime(NOW + timedelta(seconds=seconds), usegmt=True)
    assert _retry_after_s(value, NOW.timestamp()) == seconds


DATE_WORDS = ["Mon,", "Mon", ",", "15", "Jan", "Janx", "2024", "24", "10:32:00", "10.32", ":", "GMT", "+0530", "-", "+",
              "+99999", "-0000", "1e9", "a.b.c", "0", "99999999999"]  # fmt: skip


@given(st.text() | st.lists(st.sampled_from(DATE_WORDS), max_size=7).map(" ".join))
def test_any_retry_after_is_a_number_of_seconds_or_nothing(value: str) -> None:
    seconds = _retry_after_s(value, NOW.timestamp())
    assert seconds is None or seconds >= 0
