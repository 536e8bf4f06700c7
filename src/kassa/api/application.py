"""The whole API: every operation behind the edge."""

from kassa.actions.gateway import Gateway
from kassa.api import links, merchant, openapi, orders, payments, refunds, session, sessions, system, webhooks
from kassa.api.edge import Edge
from kassa.api.faces import faces
from kassa.api.limits import RateLimits
from kassa.api.operation import Operation

OPERATIONS: list[Operation] = [
    *orders.OPERATIONS,
    *payments.OPERATIONS,
    *refunds.OPERATIONS,
    *sessions.OPERATIONS,
    *links.OPERATIONS,
    *webhooks.OPERATIONS,
    *merchant.OPERATIONS,
    *session.OPERATIONS,
    *system.OPERATIONS,
]


def application(gateway: Gateway, limits: RateLimits) -> Edge:
    """The ASGI application; in production without the operations of development."""
    shown = [o for o in OPERATIONS if not (o.development_only and gateway.settings.production)]
    return Edge(gateway, shown, openapi.pages(shown), faces(gateway), limits)
