"""RabbitMQ, through aio-pika: a durable topic exchange, persistent messages, publisher confirms."""

import asyncio

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractExchange
from aio_pika.exceptions import AMQPError

from kassa.broker.base import DESTINATION, BrokerError, Message

TIMEOUT_S = 5.0


class RabbitMQ:
    """Events on the exchange `kassa.events`, with the event's name as routing key."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: AbstractConnection | None = None
        self._exchange: AbstractExchange | None = None

    async def publish(self, messages: list[Message]) -> None:
        """Publish in this order, each confirmed."""
        try:
            async with asyncio.timeout(TIMEOUT_S):
                exchange = self._exchange or await self._open()
            for one in messages:
                message = aio_pika.Message(
                    one.payload.encode(),
                    message_id=one.id,
                    content_type="application/json",
                    delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
                    headers={"payment_id": one.payment_id},
                )
                await exchange.publish(message, routing_key=one.event, mandatory=False, timeout=TIMEOUT_S)
        except (AMQPError, OSError, RuntimeError, asyncio.InvalidStateError) as error:
            raise BrokerError(type(error).__name__) from error

    async def _open(self) -> AbstractExchange:
        self._connection = await aio_pika.connect(self._url, timeout=TIMEOUT_S)
        channel: AbstractChannel = await self._connection.channel(publisher_confirms=True)
        self._exchange = await channel.declare_exchange(DESTINATION, aio_pika.ExchangeType.TOPIC, durable=True)
        return self._exchange

    async def close(self) -> None:
        """Let go of the connection."""
        connection, self._connection, self._exchange = self._connection, None, None
        if connection is not None:
            try:
                await asyncio.wait_for(connection.close(), TIMEOUT_S)
            except (AMQPError, OSError, RuntimeError):
                return
