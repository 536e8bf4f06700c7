"""The bare INSERTs that accepting is held against: PostgreSQL's own pgbench, one row a transaction."""

import asyncio
import re
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from kassa.domain.ids import object_id

# The columns are those that Kassa writes. Ids grow with time as Kassa's do, which is cheaper for an index than chance:
# the time of the start, then a counter and the client's number.
ORDERS = """
\\set n :n + 1
INSERT INTO orders (id, merchant_id, amount, currency, receipt, notes, created_at, updated_at)
VALUES (concat('order_', :prefix::text, 1000000 + :n::int, 10 + :client_id::int),
        '{merchant_id}', 50000, 'INR', 'receipt_1', NULL, now(), now());
"""
# Without a due date, so that no worker ever looks at these rows.
PAYMENTS = """
\\set n :n + 1
\\set order random({first_order}, {last_order})
INSERT INTO payments (id, order_id, merchant_id, amount, currency, method, status, vpa, card_network, card_last4,
                      created_at, updated_at, due_at, provider_ref, last_sequence)
VALUES (concat('pay_', :prefix::text, 1000000 + :n::int, 10 + :client_id::int), concat('order_', :order::bigint),
        '{merchant_id}', 50000, 'INR', 'upi', 'pending', 'payer@bank', NULL, NULL,
        now(), now(), NULL, NULL, 2);
"""


class Inserted(NamedTuple):
    """Rows a second, and what one took on average."""

    per_s: float
    mean_ms: float


async def insert(program: Path, url: str, script: str, clients: int, duration_s: float) -> Inserted:
    """Run one INSERT after the other from each of `clients` connections, prepared once.

    `program` is the server's own pgbench. Raises RuntimeError when it fails.
    """
    prefix = object_id("", int(time.time() * 1000), bytes(7))[:7]
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        # A statement is a line to pgbench unless it ends with a semicolon, so its line breaks may stay.
        file.write(script)
        file.flush()
        command = [program, "--no-vacuum", "--protocol=prepared", f"--client={clients}", "--jobs=1"]
        command += [f"--time={max(1, round(duration_s))}", "--define=n=0", f"--define=prefix={prefix}"]
        process = await asyncio.create_subprocess_exec(
            *map(str, command), f"--file={file.name}", url, stdout=-1, stderr=asyncio.subprocess.STDOUT
        )
        output = (await process.communicate())[0].decode()
    rate = re.search(r"^tps = ([0-9.]+)", output, re.MULTILINE)
    mean = re.search(r"^latency average = ([0-9.]+) ms", output, re.MULTILINE)
    if process.returncode != 0 or rate is None or mean is None:
        raise RuntimeError(f"pgbench failed:\n{output}")
    return Inserted(float(rate[1]), float(mean[1]))
