"""Measure Kassa: `python -m bench`, or `make bench`; the figures are printed and written to docs/benchmarks.md."""

import argparse
import asyncio
import sys
import time
from contextlib import AsyncExitStack
from pathlib import Path

from tests.live import free_port

from bench import machine, pages, plot, report, stored
from bench.figures import Samples
from bench.receiver import Receiver
from bench.rounds import FULL, QUICK, Round, Size
from bench.stand import Stand

DOCS = Path(__file__).parent.parent / "docs"
MERCHANTS = 50
STARTED = time.monotonic()


def say(text: str) -> None:
    """Tell how far the run is."""
    minutes, seconds = divmod(int(time.monotonic() - STARTED), 60)
    print(f"{minutes:3d}:{seconds:02d}  {text}", file=sys.stderr, flush=True)


async def measure(levels: list[int], size: Size) -> tuple[Samples, list[tuple[str, str]]]:
    """All rounds, at each number of stored payments; the first level, the empty one, measures everything."""
    samples = Samples()
    async with AsyncExitStack() as stack:
        receiver = await stack.enter_async_context(Receiver(free_port()))
        stands = []
        for level in levels:
            say(f"starting a gateway for {level:,} stored payments" if level else "starting a gateway")
            stands.append(await stack.enter_async_context(Stand(level)))
            if level:
                await stored.fill(stands[-1].database_url, level, lambda count: say(f"  {count:,} stored"))
            stands[-1].freeze()
        first = stands[0]
        first.thaw()
        many, one = [await first.payees(count, receiver.url, f"{count}_") for count in (MERCHANTS, 1)]
        for number in range(1, size.rounds + 1):
            for stand in stands:
                say(f"round {number} of {size.rounds}, {stand.stored:,} stored")
                stand.thaw()
                each = Round(stand, samples, size, say)
                await each.accepting()
                if stand is first:
                    await each.wrk()
                    await each.idle()
                    await each.delivering(receiver, many, one)
                stand.freeze()
        first.thaw()
        say("weighing the pages")
        pages.weigh(samples)
        if why_not := await pages.judge(first, samples):
            say(f"Lighthouse was left out: {why_not}")
        samples.add("api_mb", max(stand.peak_mb["api-1"] for stand in stands))
        samples.add("worker_mb", max(stand.peak_mb["worker-1"] for stand in stands))
        return samples, await machine.described(first)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short round, printed only, to see that it works")
    parser.add_argument("--stored", metavar="COUNTS", help="stored payments to measure at (default: 0,1000000)")
    given = parser.parse_args()
    size = QUICK if given.quick else FULL
    counts = given.stored or ("0,50000" if given.quick else "0,1000000")
    levels = sorted({0, *(int(count) for count in counts.split(","))})
    samples, about = asyncio.run(measure(levels, size))
    print(report.plain(samples))
    if not given.quick:
        DOCS.mkdir(exist_ok=True)
        command = " ".join(["python -m bench", *sys.argv[1:]])
        (DOCS / "benchmarks.md").write_text(report.markdown(samples, about, command, size))
        plot.draw(samples, DOCS / "benchmarks.svg")
        say(f"written to {DOCS / 'benchmarks.md'}")


if __name__ == "__main__":
    main()
