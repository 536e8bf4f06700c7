"""The sandbox's server: all stand-ins, their payers' pages and the control endpoints on one port."""

from collections.abc import Mapping

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from kassa.sandbox.control import Control
from kassa.sandbox.page import Pages
from kassa.sandbox.paypal import PayPalStandIn
from kassa.sandbox.razorpay import RazorpayStandIn
from kassa.sandbox.stand_in import StandIn
from kassa.sandbox.stripe import StripeStandIn

STAND_INS: tuple[type[StandIn], ...] = (StripeStandIn, PayPalStandIn, RazorpayStandIn)


def create_app(notify: Mapping[str, str] | None = None) -> Starlette:
    """The sandbox; `notify` says by provider's name which URL its notifications go to."""
    stand_ins = {kind.name: kind((notify or {}).get(kind.name)) for kind in STAND_INS}

    async def overview(request: Request) -> Response:
        base = str(request.base_url)
        return JSONResponse(
            {name: {"api_url": base + name, "credentials": one.credentials} for name, one in stand_ins.items()}
        )

    return Starlette(
        routes=[
            Route("/", overview),
            *Control(stand_ins).routes(),
            *Pages(stand_ins).routes(),
            *(Mount(f"/{name}", routes=one.routes()) for name, one in stand_ins.items()),
        ]
    )


def run(port: int, notify: dict[str, str], host: str = "127.0.0.1") -> None:
    """Serve on `port` until the process is told to stop; `notify` as for `create_app`."""
    uvicorn.run(create_app(notify), host=host, port=port, log_level="warning", timeout_graceful_shutdown=1)
