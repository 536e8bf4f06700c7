"""Under load, processes are killed, queues wiped and everything restarted: every promise is kept all the same."""

import random
import signal

import pytest

from tests.chaos.storm import DISASTERS, Scene, pid_of, refuse_some_at_first, stopped


@pytest.mark.parametrize(
    "name",
    [
        "kill -9 of every API",
        "kill -9 of every worker",
        "kill -9 of Redis",
        "kill -9 of PostgreSQL",
        "the end of every session",
        "FLUSHALL",
    ],
)
async def test_a_disaster_under_load_breaks_no_promise(shop: Scene, name: str) -> None:
    async with shop.load():
        await shop.answers(100)
        await DISASTERS[name](shop.gateway)
        await shop.answers(100)
    await shop.verify()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
async def test_ending_and_starting_everything_under_load_breaks_no_promise(shop: Scene, number: signal.Signals) -> None:
    async with shop.load():
        await shop.answers(60)
        await shop.gateway.stop(number)
        await shop.gateway.start()
        await shop.answers(60)
    await shop.verify()


@pytest.mark.parametrize("seed", [1])
async def test_disasters_in_any_order_break_no_promise(shop: Scene, seed: int) -> None:
    chance = random.Random(seed)
    order = chance.sample(list(DISASTERS), k=len(DISASTERS))
    shop.receiver.behaviour = refuse_some_at_first
    async with shop.load():
        with stopped(pid_of(shop.gateway, "worker-1")):
            for name in order:
                await shop.answers(chance.randrange(20, 120))
                await DISASTERS[name](shop.gateway)
        await shop.answers(100)
    await shop.verify()
