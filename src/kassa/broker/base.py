"""What a broker is to Kassa."""

from typing import NamedTuple, Protocol

DESTINATION = "kassa.events"


class Message(NamedTuple):
    """An event on its way; `id` is the same at every try, so that receivers can tell repeats."""

    id: str
    payment_id: str
    event: str
    payload: str


class BrokerError(Exception):
    """The broker did not take a message; it is published again later."""


class Broker(Protocol):
    """A connection that is made when it is needed, and again after it was lost."""

    async def publish(self, messages: list[Message]) -> None:
        """Publish in this order; returns when the broker has confirmed all, else raises BrokerError.

        After an error, or when it was cancelled, it is to be closed; the next `publish` then begins anew.
        """

    async def close(self) -> None:
        """Let go of the connection."""
