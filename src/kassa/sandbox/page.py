"""The payer's page of a stand-in's session: pay, be declined, pay later, or turn back."""

from collections.abc import Mapping
from html import escape
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from kassa.domain.money import as_decimal
from kassa.sandbox.books import Impossible, Outcome, Session
from kassa.sandbox.stand_in import StandIn

_SHEET = """
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif }
body { display: grid; place-items: center; margin: 0; min-height: 100vh }
main { width: min(26rem, calc(100vw - 2rem)) }
h1 { font-size: 1.25rem; overflow-wrap: anywhere }
.amount { font-size: 2rem; font-weight: 600; margin: 0 }
form { display: grid; gap: .75rem; margin-top: 1.5rem }
button, select { font: inherit; padding: .6rem; border-radius: .4rem; border: 1px solid currentColor }
.row { display: grid; grid-template-columns: 1fr auto; gap: .5rem }
[role=alert] { border-left: .25rem solid #c00; padding-left: .75rem }
small { opacity: .75 }
"""
_WORDS = {
    "processing": "The payment is on its way. Decide here how the bank answers.",
    "paid": "This session is paid.",
    "failed": "The payment failed.",
    "expired": "This session has expired.",
}


class Pages:
    """The pages of all stand-ins."""

    def __init__(self, stand_ins: Mapping[str, StandIn]) -> None:
        self._stand_ins = stand_ins

    def routes(self) -> list[Route]:
        """`/pay/{provider}/{session}`."""
        return [Route("/pay/{provider}/{session}", self._serve, methods=["GET", "POST"])]

    async def _serve(self, request: Request) -> Response:
        stand_in = self._stand_ins.get(request.path_params["provider"])
        session = stand_in.books.sessions.get(request.path_params["session"]) if stand_in else None
        if stand_in is None or session is None:
            return HTMLResponse(_frame("Not found", "<h1>There is no such session</h1>"), 404)
        stand_in.expire_due()
        if request.method == "GET":
            return HTMLResponse(_page(stand_in, session))
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        return _submitted(stand_in, session, form)


def _submitted(stand_in: StandIn, session: Session, form: Mapping[str, str]) -> Response:
    """Do what the button says, and send the payer on."""
    chosen = form.get("outcome", "")
    if chosen == "cancel":
        return RedirectResponse(session.cancel_url, 303)
    outcomes: dict[str, Outcome] = {
        "pay": "pay",
        "decline": "decline",
        "pay_async": "pay_async",
        "async_succeed": "async_succeed",
        "async_fail": "async_fail",
    }
    try:
        stand_in.act(session, outcomes[chosen], form.get("code"))
    except (Impossible, KeyError):
        return HTMLResponse(_page(stand_in, session), 409)
    if chosen in ("pay", "pay_async"):
        return RedirectResponse(stand_in.return_url(session), 303)
    return HTMLResponse(_page(stand_in, session))


def _page(stand_in: StandIn, session: Session) -> str:
    amount = f"{as_decimal(session.amount, session.currency.upper())} {session.currency.upper()}"
    head = f"""<p><small>{escape(stand_in.name.title())} stand-in: no real money moves</small></p>
<h1>Pay {escape(session.details.get("description") or session.payment_id)}</h1>
<p class="amount" data-test-id="sandbox-amount">{escape(amount)}</p>"""
    if session.decline_code and session.state in ("open", "failed"):
        head += f'<p role="alert" data-test-id="sandbox-declined">Declined: {escape(session.decline_code)}</p>'
    if session.state == "open":
        return _frame(f"Pay {amount}", head + _open_form(stand_in))
    head += f'<p role="status" data-test-id="sandbox-state">{escape(_WORDS[session.state])}</p>'
    if session.state == "processing":
        head += f'<form method="post">{_button("async_succeed", "The money arrives")}' + (
            f"{_button('async_fail', 'The money does not arrive')}</form>"
        )
    return _frame(f"Pay {amount}", head)


def _open_form(stand_in: StandIn) -> str:
    codes = "".join(f"<option>{escape(code)}</option>" for code in stand_in.decline_codes)
    return f"""<form method="post">
{_button("pay", "Pay")}
{_button("pay_async", "Pay with a method that takes time")}
<label for="code">Or be declined, with this code</label>
<div class="row"><select id="code" name="code">{codes}</select>{_button("decline", "Decline")}</div>
{_button("cancel", "Cancel and go back")}
</form>"""


def _button(outcome: str, label: str) -> str:
    return f'<button name="outcome" value="{outcome}" data-test-id="sandbox-{outcome}">{label}</button>'


def _frame(title: str, main: str) -> str:
    return f"""<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>{escape(title)}</title>
<style>{_SHEET}</style></head><body><main>{main}</main></body></html>"""
