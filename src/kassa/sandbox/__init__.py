"""`kassa sandbox`: stateful stand-ins of payment providers, for tests and for trying Kassa offline.

One server on one port holds them all: a provider's API below `/<name>`, its payer's page at `/pay/<name>/<session>`,
and `/control/...`, by which a test makes things happen (`control.py` lists them).

To add a provider, write `sandbox/<name>.py` with a subclass of `stand_in.StandIn` and name it in `server.STAND_INS`:

- `name`, `credentials` (what Kassa is configured with to use it) and `decline_codes` (what the payer's page offers);
- `routes()`: the provider's endpoints as `self.route(method, path, operation, handler)`. The operation is one of
  `authenticate`, `open`, `retrieve`, `expire`, `capture`, `refund`, `list`, the same for all providers, and is what
  faults are scripted for. A handler takes a `Call`, returns a response, and does not await, so that it is one step in
  the books;
- `refused(kind)`: the provider's own answer to `http_500`, `rate_limit` and `authentication`;
- `announce(session, happened)`: its notifications for what happened, each sent with `self.notify(id, type, body)`;
- `sign(body, at)`: the headers that its notifications carry;
- `return_url(session)`: where its page sends the payer after paying; the session's `success_url` unless overridden.

Sessions, charges and refunds live in `self.books`, whose `act(...)` is the payer and the bank; a provider that needs
another order of events (an approval before the money, say) overrides `StandIn.act`. `self.books.answers` remembers what
was answered under an idempotency key. The sandbox's objects are shaped by hand after the provider's published ones; it
imports nothing from `kassa.providers`, so that neither side can hide the other's mistakes.
"""
