"""Log-ins to the dashboard: who gets one, what it opens, and when it ends."""

import asyncio
import hashlib
import itertools
import secrets
from typing import NamedTuple

import pytest

from kassa.actions.log_in import hash_password
from tests.integration.shop import within_one_window
from tests.live import Live, Reply
from tests.shell import kassa

WRONG = (401, "AUTHENTICATION_ERROR", "Wrong e-mail address or password")
OVER = (401, "AUTHENTICATION_ERROR", "Not logged in, or not any more")
PATH = "/api/v1/session"
# Failures are counted by address.
ADDRESSES = (f"192.0.2.{n}" for n in itertools.count(1))


class Browser(NamedTuple):
    """What a browser has after a log-in."""

    cookie: str
    csrf_token: str

    def headers(self, **more: str) -> dict[str, str]:
        """The headers of a request that changes something."""
        return {"Cookie": f"theme=dark; {self.cookie}", "X-CSRF-Token": self.csrf_token, **more}


async def try_to_log_in(gateway: Live, email: str, password: str, address: str | None = None, **more: str) -> Reply:
    """An attempt, from an address of its own unless told otherwise."""
    headers = {"X-Forwarded-For": address or next(ADDRESSES), **more}
    return await gateway.post(PATH, {"email": email, "password": password}, headers=headers, anonymous=True)


def browser_of(reply: Reply) -> Browser:
    """The browser after a successful attempt."""
    assert reply.status == 200, reply.text
    return Browser(reply.headers["Set-Cookie"].partition(";")[0], reply.json["csrf_token"])


async def log_in(gateway: Live) -> Browser:
    """A browser in which the seeded merchant is logged in."""
    return browser_of(await try_to_log_in(gateway, "test@example.com", "anything"))


async def who(gateway: Live, browser: Browser) -> Reply:
    """Who is logged in."""
    return await gateway.get(PATH, headers={"Cookie": browser.cookie}, anonymous=True)


@pytest.fixture
async def account(merchant: Live) -> tuple[Live, str, str]:
    """A merchant with a password; its e-mail address, and the password."""
    password = "correct horse battery"
    rows = await merchant.sql(
        "UPDATE merchants SET password_hash = $2 WHERE id = $1::uuid RETURNING email",
        merchant.merchant_id,
        hash_password(password),
    )
    return merchant, rows[0][0], password


async def test_seeded_merchant_logs_in_with_any_password(gateway: Live) -> None:
    reply = await try_to_log_in(gateway, "test@example.com", "")

    assert reply.status == 200
    assert reply.json["merchant"]["email"] == "test@example.com"
    assert reply.json["test_credentials"] is True


async def test_cookie_is_for_this_site_and_no_script(gateway: Live) -> None:
    reply = await try_to_log_in(gateway, "test@example.com", "x")

    parts = reply.headers["Set-Cookie"].split("; ")
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(parts)
    token = parts[0].partition("=")[2]
    assert len(token) >= 40
    assert token not in reply.text
    rows = await gateway.sql("SELECT count(*) FROM sessions s WHERE position($1 in s::text) > 0", token)
    assert rows[0][0] == 0
    kept = await gateway.sql(
        "SELECT count(*) FROM sessions WHERE token_hash = $1", hashlib.sha256(token.encode()).hexdigest()
    )
    assert kept[0][0] == 1


async def test_other_merchants_need_their_password(account: tuple[Live, str, str]) -> None:
    merchant, email, password = account

    right = await try_to_log_in(merchant, email, password)

    assert right.json["merchant"] == {"id": merchant.merchant_id, "name": "A Merchant", "email": email}
    assert right.json["test_credentials"] is False
    for wrong in ("", password + " ", password.upper(), "anything"):
        reply = await try_to_log_in(merchant, email, wrong)
        assert reply.refusal == WRONG
        assert "Set-Cookie" not in reply.headers


async def test_nobody_learns_which_merchants_there_are(gateway: Live, merchant: Live) -> None:
    # Unknown, or without a password.
    rows = await gateway.sql("SELECT email FROM merchants WHERE id = $1::uuid", merchant.merchant_id)

    for email in ("nobody@example.com", rows[0][0], "", "TEST@example.com", "' OR true --"):
        assert (await try_to_log_in(gateway, email, "anything")).refusal == WRONG


async def test_session_opens_what_credentials_open(gateway: Live, account: tuple[Live, str, str]) -> None:
    merchant, email, password = account
    browser = browser_of(await try_to_log_in(gateway, email, password))

    seen = await gateway.get("/api/v1/merchant", headers={"Cookie": browser.cookie}, anonymous=True)
    made = await gateway.post("/api/v1/orders", {"amount": 100}, headers=browser.headers(), anonymous=True)

    assert seen.json["id"] == made.json["merchant_id"] == merchant.merchant_id
    assert (await who(gateway, browser)).json["merchant"]["email"] == email


@pytest.mark.parametrize("token", [None, "", "wrong", "0" * 64])
async def test_change_without_the_csrf_token_is_refused(gateway: Live, token: str | None) -> None:
    browser = await log_in(gateway)
    headers = {"Cookie": browser.cookie} | ({} if token is None else {"X-CSRF-Token": token})
    count = "SELECT count(*) FROM orders WHERE merchant_id = $1::uuid"
    before = (await gateway.sql(count, gateway.merchant_id))[0][0]

    reply = await gateway.post("/api/v1/orders", {"amount": 100}, headers=headers, anonymous=True)

    problem = "X-CSRF-Token is missing or wrong; load the page again"
    assert reply.refusal == (401, "AUTHENTICATION_ERROR", problem)
    assert (await gateway.sql(count, gateway.merchant_id))[0][0] == before


async def test_csrf_token_belongs_to_one_session(gateway: Live) -> None:
    one, other = await log_in(gateway), await log_in(gateway)
    headers = {"Cookie": one.cookie, "X-CSRF-Token": other.csrf_token}

    assert one.csrf_token != other.csrf_token
    assert (await gateway.post("/api/v1/orders", {"amount": 100}, headers=headers, anonymous=True)).status == 401


async def test_logging_out_ends_the_session_itself(gateway: Live) -> None:
    browser, other = await log_in(gateway), await log_in(gateway)

    reply = await gateway.request("DELETE", PATH, headers=browser.headers(), anonymous=True)

    assert reply.status == 200
    assert "Max-Age=0" in reply.headers["Set-Cookie"]
    assert (await who(gateway, browser)).refusal == OVER
    assert (await who(gateway, other)).status == 200


async def test_logging_out_everywhere_ends_all_of_the_merchants_sessions(account: tuple[Live, str, str]) -> None:
    merchant, email, password = account
    browsers = [browser_of(await try_to_log_in(merchant, email, password)) for _ in range(2)]
    stranger = await log_in(merchant)

    reply = await merchant.request("DELETE", "/api/v1/sessions", headers=browsers[0].headers(), anonymous=True)

    assert reply.status == 200
    assert [(await who(merchant, browser)).refusal for browser in browsers] == [OVER, OVER]
    assert (await who(merchant, stranger)).status == 200


async def test_new_log_in_ends_the_one_that_the_browser_had(gateway: Live) -> None:
    old = await log_in(gateway)

    new = browser_of(await try_to_log_in(gateway, "test@example.com", "x", Cookie=old.cookie))

    assert new.cookie != old.cookie
    assert (await who(gateway, old)).refusal == OVER
    assert (await who(gateway, new)).status == 200


async def test_new_password_ends_all_sessions_and_the_old_password(account: tuple[Live, str, str]) -> None:
    merchant, email, password = account
    browser = browser_of(await try_to_log_in(merchant, email, password))

    done, short = await asyncio.gather(
        kassa(merchant.environment, "merchant", "set-password", email, "--password", "another long one"),
        kassa(merchant.environment, "merchant", "set-password", email, "--password", "short"),
    )

    assert done == (0, f"{email} has a new password, and is logged out everywhere.\n", "")
    assert (short.code, short.err) == (2, "kassa: The password must have at least 10 characters\n")
    assert (await who(merchant, browser)).refusal == OVER
    assert (await try_to_log_in(merchant, email, password)).refusal == WRONG
    assert (await try_to_log_in(merchant, email, "another long one")).status == 200


async def test_session_ends_by_itself_and_with_its_merchant(account: tuple[Live, str, str]) -> None:
    merchant, email, password = account
    one, two = [browser_of(await try_to_log_in(merchant, email, password)) for _ in range(2)]
    digest = hashlib.sha256(one.cookie.partition("=")[2].encode()).hexdigest()
    rows = await merchant.sql(
        "UPDATE sessions SET expires_at = now() WHERE token_hash = $1 RETURNING created_at > now() - interval '1 hour'",
        digest,
    )
    assert rows[0][0]

    assert (await who(merchant, one)).refusal == OVER
    assert (await who(merchant, two)).status == 200
    await merchant.sql("UPDATE merchants SET is_active = false WHERE id = $1::uuid", merchant.merchant_id)
    assert (await who(merchant, two)).refusal == OVER
    assert (await try_to_log_in(merchant, email, password)).refusal == WRONG


@pytest.mark.parametrize("cookie", ["", "kassa_session=", "kassa_session=x", "other=1", "=;=;", "kassa_session"])
async def test_without_a_session_nobody_is_logged_in(gateway: Live, cookie: str) -> None:
    reply = await gateway.get(PATH, headers={"Cookie": cookie}, anonymous=True)

    assert reply.refusal[:2] == (401, "AUTHENTICATION_ERROR")


async def guesses(gateway: Live, tries: list[tuple[str, str]]) -> list[Reply]:
    """Wrong passwords for these e-mail addresses, from these addresses, all at once."""
    return list(await asyncio.gather(*(try_to_log_in(gateway, email, "a guess", address) for email, address in tries)))


async def test_guessing_is_stopped_by_address(account: tuple[Live, str, str]) -> None:
    merchant, email, password = account

    async def attempt() -> list[Reply]:
        address = next(ADDRESSES)
        tried = await guesses(merchant, [(f"{n}@nobody.example", address) for n in range(25)])
        return [*tried, await try_to_log_in(merchant, email, password, address)]

    *wrong, right = await within_one_window(attempt)

    # Those that come at once are as few as those that come in turn; and then the right one is refused as well.
    assert sorted(reply.status for reply in wrong) == [401] * 10 + [429] * 15
    assert right.status == 429
    assert 1 <= int(right.headers["Retry-After"]) <= 60


async def test_guessing_from_one_address_locks_nobody_else_out(account: tuple[Live, str, str]) -> None:
    merchant, email, password = account

    async def attempt() -> list[Reply]:
        address = next(ADDRESSES)
        tried = await guesses(merchant, [(email, address)] * 40)
        return [*tried, await try_to_log_in(merchant, email, password)]

    *wrong, right = await within_one_window(attempt)

    assert sorted(reply.status for reply in wrong) == [401] * 10 + [429] * 30
    assert right.status == 200


async def test_guessing_from_many_addresses_is_stopped_by_account(account: tuple[Live, str, str]) -> None:
    merchant, _, password = account

    async def attempt() -> list[Reply]:
        email = f"{secrets.token_hex(8)}@nobody.example"
        tried = await guesses(merchant, [(email, next(ADDRESSES)) for _ in range(110)])
        return [*tried, await try_to_log_in(merchant, email, password)]

    *wrong, last = await within_one_window(attempt)

    assert sorted(reply.status for reply in wrong) == [401] * 100 + [429] * 10
    assert last.status == 429


async def test_who_logs_in_is_not_counted_as_guessing(account: tuple[Live, str, str]) -> None:
    merchant, email, password = account
    address = next(ADDRESSES)

    replies = [await try_to_log_in(merchant, email, password, address) for _ in range(15)]

    assert {reply.status for reply in replies} == {200}
