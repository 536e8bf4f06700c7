"""The pages: the dashboard and the checkout, each on its own port, beside the API that they call."""

import gzip
import mimetypes
from collections.abc import Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from typing import NamedTuple
from urllib.parse import parse_qs

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from kassa.actions.gateway import Gateway
from kassa.actions.payable import find_orders
from kassa.api.validation import is_id

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self';"
    " connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors {ancestors}"
)
_FOREVER = "public, max-age=31536000, immutable"
_NOT_BUILT = "The pages are not built. Run `make pages` in the repository, then start again.\n"


class _File(NamedTuple):
    body: bytes
    zipped: bytes
    media_type: str
    cache: str


def _load(folder: Traversable, prefix: str = "/") -> dict[str, _File]:
    """Every file below `folder` by its path, zipped once; names in `assets` hold a hash of their content."""
    files: dict[str, _File] = {}
    if not folder.is_dir():
        return files
    for entry in folder.iterdir():
        if entry.is_dir():
            files |= _load(entry, f"{prefix}{entry.name}/")
        else:
            body = entry.read_bytes()
            media_type = mimetypes.guess_type(entry.name)[0] or "application/octet-stream"
            if entry.name.endswith(".d.ts"):
                # To others `.ts` is a film.
                media_type = "text/plain"
            if media_type.startswith("text/"):
                media_type += "; charset=utf-8"
            cache = _FOREVER if prefix.startswith("/assets/") else "no-cache"
            files[prefix + entry.name] = _File(body, gzip.compress(body, mtime=0), media_type, cache)
    return files


class Face:
    """One set of pages. Paths without a file of their own get `index.html`, which routes by itself."""

    def __init__(self, name: str, routes: tuple[str, ...]) -> None:
        self._files = _load(resources.files("kassa") / "pages" / name)
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a file, or the page."""
        await self._response(scope, await self.ancestors(scope))(scope, receive, send)

    async def ancestors(self, scope: Scope) -> str:
        """Who may show the page in a frame: nobody."""
        return "'none'"

    def _response(self, scope: Scope, ancestors: str) -> Response:
        path = scope["path"]
        if scope["method"] not in ("GET", "HEAD"):
            return PlainTextResponse("Method not allowed\n", 405, {"allow": "GET, HEAD"})
        if path == "/":
            return Response(status_code=307, headers={"location": self._routes[0]})
        if not self._files:
            return PlainTextResponse(_NOT_BUILT, 503)
        file = self._files.get(path)
        if file is None and any(path == route or path.startswith(route + "/") for route in self._routes):
            file = self._files["/index.html"]
        if file is None:
            return PlainTextResponse("Not found\n", 404)
        headers = {
            "content-type": file.media_type,
            "cache-control": file.cache,
            "vary": "Accept-Encoding",
            "x-content-type-options": "nosniff",
            "referrer-policy": "strict-origin-when-cross-origin",
            "content-security-policy": _POLICY.format(ancestors=ancestors),
            # The SDK is for other origins' pages to load.
            "cross-origin-resource-policy": "cross-origin",
            "access-control-allow-origin": "*",
        }
        if "gzip" in Headers(scope=scope).get("accept-encoding", ""):
            return Response(file.zipped, headers={**headers, "content-encoding": "gzip"})
        return Response(file.body, headers=headers)


class CheckoutFace(Face):
    """The checkout page, which a merchant's own pages may show in a frame."""

    def __init__(self, gateway: Gateway) -> None:
        super().__init__("checkout", ("/checkout", "/pay"))
        self._gateway = gateway

    async def ancestors(self, scope: Scope) -> str:
        """The registered origins of the order's merchant, of an order's page alone; outside production any."""
        if not self._gateway.settings.production:
            return "*"
        # The page reads the first value, also an empty one; a payment link's page goes by its path.
        query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        order_id = query.get("order_id", [""])[0] if scope["path"].rstrip("/") == "/checkout" else ""
        order = await self._gateway.batched(find_orders, order_id) if is_id(order_id) else None
        return " ".join(order.allowed_origins) if order and order.allowed_origins else "'none'"


def faces(gateway: Gateway) -> Mapping[int, Face]:
    """The pages by the port on which they are served."""
    dashboard = Face("dashboard", ("/dashboard", "/login"))
    settings = gateway.settings
    return {**dict.fromkeys(settings.dashboard_ports, dashboard), settings.checkout_port: CheckoutFace(gateway)}
