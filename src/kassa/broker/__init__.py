"""The message broker: the same events, for the merchant's other systems, on RabbitMQ or ActiveMQ."""
