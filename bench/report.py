"""Turn samples into tables: for the terminal, and as docs/benchmarks.md."""

from collections.abc import Sequence
from datetime import date

from bench.figures import COMPARISONS, LASTING, LASTING_AT_LEAST, LIMITS, SCORES, WEIGHTS, Samples
from bench.rounds import CLIENTS, CONNECTIONS, POSTS_AT_ONCE, Size

Table = Sequence[tuple[str, ...]]


def _rate(value: float) -> str:
    return f"{value:,.0f}/s"


def _goal(met: bool, text: str) -> str:
    return f"{text} {'✓' if met else '✗'}"


def compared(samples: Samples) -> Table:
    """Kassa's rates beside the bare ones."""
    rows: list[tuple[str, ...]] = [("", "Kassa", "Bare", "Ratio", "Goal")]
    for each in COMPARISONS:
        if not samples.has(each.measured):
            continue
        ratio = samples.ratio(each.measured, each.against)
        kassa, bare = samples.median(each.measured), samples.median(each.against)
        goal = _goal(ratio >= each.at_least, f"≥ {each.at_least:g}×")
        rows.append((each.title, _rate(kassa), f"{_rate(bare)} {each.bare}", f"{ratio:.2f}×", goal))
    return rows


def also(samples: Samples) -> Table:
    """Rates that stand for themselves."""
    rows: list[tuple[str, ...]] = [("", "Kassa")]
    for title, name in (
        ("Payments settled, no webhooks", "settled"),
        ("Payments settled while their webhooks are delivered, 50 merchants", "delivered_settled"),
        ("Orders accepted, as `wrk` measures it", "wrk_orders"),
    ):
        if samples.has(name):
            rows.append((title, _rate(samples.median(name))))
    return rows


def limited(samples: Samples) -> Table:
    """Latencies and memory."""
    rows: list[tuple[str, ...]] = [("", "Kassa", "Goal")]
    for each in LIMITS:
        value = samples.median(each.measured)
        shown = f"{value:.0f}" if each.unit == "MB" else f"{value:.2f}"
        goal = _goal(value <= each.at_most, f"≤ {each.at_most:g} {each.unit}")
        rows.append((each.title, f"{shown} {each.unit}", goal))
    return rows


def latencies(samples: Samples) -> Table:
    """How long an answer takes."""
    rows: list[tuple[str, ...]] = [("", "Half within", "99 of 100 within")]
    for title, name in (("Orders", "orders"), ("Payments", "payments")):
        half, slow = samples.median(f"{name}_p50_ms"), samples.median(f"{name}_p99_ms")
        rows.append((f"{title}, {CONNECTIONS} connections", f"{half:.1f} ms", f"{slow:.1f} ms"))
    one, bare = samples.median("idle_order_ms"), samples.median("idle_bare_ms")
    rows.append(("Orders, 1 connection (mean; bare `INSERT` beside it)", f"{one:.2f} ms", f"{bare:.2f} ms"))
    return rows


def lasting(samples: Samples) -> Table:
    """Rates at each number of stored payments, beside those of the empty database."""
    levels = samples.levels()
    rows: list[tuple[str, ...]] = [("", *(f"{level:,} stored" if level else "empty" for level in levels), "Goal")]
    for title, name in LASTING:
        ratios = [samples.ratio(name, name, level) for level in levels]
        cells = [
            f"{_rate(samples.median(name, level))} ({ratio:.2f}×)" if level else _rate(samples.median(name, level))
            for level, ratio in zip(levels, ratios, strict=True)
        ]
        rows.append((title, *cells, _goal(min(ratios) >= LASTING_AT_LEAST, f"≥ {LASTING_AT_LEAST:g}×")))
    return rows


def pages(samples: Samples) -> Table:
    """What the pages weigh, and Lighthouse's scores of them where it ran."""
    rows: list[tuple[str, ...]] = [("Pages", "", "Goal")]
    for each in WEIGHTS:
        value = samples.median(each.measured)
        rows.append((each.title, f"{value:.1f} {each.unit}", _goal(value <= each.at_most, f"≤ {each.at_most:g}")))
    for title, name, at_least in SCORES:
        if samples.has(name):
            value = samples.median(name)
            rows.append((f"Lighthouse, {title}", f"{value:.0f}", _goal(value >= at_least, f"≥ {at_least}")))
    return rows


def plain(samples: Samples) -> str:
    """Everything, for a terminal."""
    tables = [compared(samples), also(samples), limited(samples), latencies(samples), pages(samples)]
    if len(samples.levels()) > 1:
        tables.append(lasting(samples))
    return "\n\n".join(_columns(table) for table in tables)


def _columns(table: Table) -> str:
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    lines = []
    for row in table:
        first, *others = (cell.replace("`", "").ljust(width) for cell, width in zip(row, widths, strict=True))
        lines.append("  ".join([first, *others]).rstrip())
    return "\n".join(lines)


def _markdown(table: Table) -> str:
    rule = ("---", *("--:" for _ in table[0][1:]))
    return "\n".join("| " + " | ".join(row) + " |" for row in (table[0], rule, *table[1:]))


def markdown(samples: Samples, machine: list[tuple[str, str]], command: str, size: Size) -> str:
    """The page for docs/benchmarks.md."""
    told = _METHOD.format(
        connections=CONNECTIONS,
        clients=CLIENTS,
        at_once=POSTS_AT_ONCE,
        rounds=size.rounds,
        duration_s=f"{size.duration_s:g}",
        told=f"{size.payments_told:,}",
        told_one=f"{size.payments_told_one:,}",
    )
    about = [("", ""), *machine, ("Command", f"`{command}`"), ("Date", date.today().isoformat())]
    return "\n\n".join(
        [
            _HEAD,
            "## Side by side",
            _markdown(compared(samples)),
            "![Each rate as a share of the bare one, and rates with stored payments](benchmarks.svg)",
            _markdown(also(samples)),
            "## Latency and memory",
            _markdown(limited(samples)),
            _markdown(latencies(samples)),
            *(
                ["## With many payments stored", _markdown(lasting(samples)), _STORED]
                if len(samples.levels()) > 1
                else []
            ),
            "## Pages",
            _markdown(pages(samples)),
            told,
            "## Measured on",
            _markdown(about),
            "",
        ]
    )


_HEAD = """# Benchmarks

How much one API process and one worker do, beside what the same PostgreSQL and the same HTTP client do without Kassa.
Both are measured on one machine in one run, so the ratios say more than the rates. This page is written by
`make bench`, which takes the figures of your machine; `make bench ARGS=--quick` only shows them, within a minute.
A ✓ says that the goal was met in this run, a ✗ that it was not."""

_STORED = """The stored payments have settled over the past year; each has its order and three events. Rates are held
against those on a database that was empty when the run began."""

_METHOD = """## What is compared

Each figure is the median of {rounds} rounds. Within a round, Kassa and the bare thing take turns, {duration_s} s each;
a ratio is the median of the ratios within the rounds. Everything runs on one machine: load generator, API process,
worker, PostgreSQL, Redis and webhook receiver share its cores. PostgreSQL and Redis are those that `kassa up` starts,
durable as they come; all settings have their defaults except that the simulated bank says yes after 0.1 s.

- **Orders and payments accepted**: `POST /api/v1/orders` and `/api/v1/payments` (UPI, each for another order) over
  {connections} connections that stay open; an answer of 201 means that PostgreSQL has it on disk. The worker is
  stopped meanwhile, for it would compete for the same cores. A payment writes a row, two events and the dashboard's
  counters, and is put into the queue; one with webhooks writes two deliveries too.
- **Bare `INSERT`s** of single rows: PostgreSQL's own `pgbench` with {clients} clients and prepared statements, into
  the same table with the same columns, indexes and foreign keys, a row and a commit each. Payments leave out the
  trigger that keeps the dashboard's counters, which would slow single rows down.
- **Payments settled**: the payments that were just accepted are due; the clock runs from the worker's start until the
  last is final, its order paid and its event recorded.
- **Webhooks delivered**: {told} payments of 50 merchants ({told_one} of a single one) are due and have two deliveries
  waiting. The clock runs from the worker's start until all are settled and all three webhooks of each were answered
  and recorded. The receiver answers at once. A merchant gets 10 webhooks at a time, a payment's in their order.
- **The bare HTTP client**: the worker's aiohttp client in a loop, posting the same bytes with the same headers to the
  same receiver, {at_once} at a time, with nothing signed and nothing recorded.
- **Stored payments**: each number has a gateway of its own; those that are not being measured are stopped meanwhile.
- **Memory** is the highest resident size of the process in any round."""
