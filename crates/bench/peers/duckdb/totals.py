#!/usr/bin/env python3
"""What DuckDB takes to total a month of usage: the lines of all buyers, from the same records.

    totals.py FOLDER

Reads one line of JSON from standard input:

    {"series": …, "inARow": …, "localSubscriptions": …, "firstHour": …, "hours": …, "rounds": …, "threads": …,
     "meters": [{"localMeter": …, "meter": …, "factor": …, "price": …}, …]}

The factor says how many of the meter's units one of the local meter's is, as `1` or `1/744`. Meter, factor and price are null
of a local meter that is not charged.

The records are made by the same arithmetic as the benchmark's, in a database file in FOLDER, before the clock starts, in
a layout that suits DuckDB: the hour and the resource as numbers, the local subscription and the local meter as the GUIDs
that they are, the quantity as a whole number of its last decimal, in the order in which usage comes in. Then the clock runs while
it attributes them to buyers by the mapping that is valid at each hour, totals them for each buyer, meter and price that is
valid then, rates the totals in whole numbers, rounds them half away from zero to cents, and writes the lines to the file, as
a close does. It decides nothing about duplicates, tiers, corrections or further links of the chain of sale. Prints one line
of JSON: records, seconds of each round, lines, the sum of all lines, and the most memory that the process held.
"""

import json
import os
import resource
import sys
import time
from fractions import Fraction

RECORDS = """
CREATE TABLE usage AS
SELECT (first + hour)::INTEGER AS hour,
       user.id AS local_subscription,
       meter.id AS local_meter,
       series::INTEGER AS resource,
       (1000000000000000
          + (series::HUGEINT * 2654435761 + (first + hour)::HUGEINT * 40503) % 1000000000000000)::BIGINT AS quantity
FROM (SELECT unnest(range($hours)) AS hour),
     (SELECT range AS series FROM range($series)),
     (SELECT $first AS first)
JOIN user ON user.number = series // $in_a_row % $local_subscriptions
JOIN meter ON meter.number = series % $meters
ORDER BY hour, series
"""

# Quantities have 15 decimals and prices 10, amounts 2: a cent is this many of the products.
CENT = 10**23

LINES = f"""
CREATE OR REPLACE TABLE line AS
SELECT buyer, meter, ((2 * quantity * price + {CENT}::HUGEINT * parts) // (2 * {CENT}::HUGEINT * parts))::BIGINT AS cents
FROM (SELECT mapping.buyer, price.meter, price.valid_from, price.price, price.parts, sum(usage.quantity) AS quantity
      FROM usage
      JOIN mapping ON mapping.local_subscription = usage.local_subscription
           AND usage.hour >= mapping.valid_from AND usage.hour < mapping.valid_to
      JOIN price ON price.local_meter = usage.local_meter
           AND usage.hour >= price.valid_from AND usage.hour < price.valid_to
      GROUP BY ALL)
"""

USERS = """
CREATE TABLE user AS
SELECT range::INTEGER AS number, ('5a5a0000-0000-4000-8000-' || format('{:012x}', range))::UUID AS id FROM range($count)
"""

MAPPINGS = """
CREATE TABLE mapping AS
SELECT id AS local_subscription, ('c0000000-0000-4000-8000-' || format('{:012x}', number))::UUID AS buyer,
       $first::INTEGER AS valid_from, 2147483647 AS valid_to
FROM user
"""


def main():
    if len(sys.argv) != 2:
        raise SystemExit("usage: totals.py FOLDER < JSON")
    import duckdb

    told = json.loads(sys.stdin.readline())
    database = duckdb.connect(os.path.join(sys.argv[1], "month.duckdb"), config={"threads": told["threads"]})
    first = {"first": told["firstHour"]}
    database.execute(USERS, {"count": told["localSubscriptions"]})
    database.execute(MAPPINGS, first)
    database.execute("CREATE TABLE meter (number INTEGER, id UUID)")
    database.execute(
        "CREATE TABLE price"
        " (local_meter UUID, meter UUID, valid_from INTEGER, valid_to INTEGER, price HUGEINT, parts INTEGER)"
    )
    for number, meter in enumerate(told["meters"]):
        database.execute("INSERT INTO meter VALUES (?, ?)", [number, meter["localMeter"]])
        if meter["price"] is None:
            continue
        factor = Fraction(meter["factor"])
        price = Fraction(meter["price"]) * 10**10
        assert price.denominator == 1, "prices have no more decimals"
        database.execute(
            "INSERT INTO price VALUES (?, ?, 0, 2147483647, ?, ?)",
            [meter["localMeter"], meter["meter"], price.numerator * factor.numerator, factor.denominator],
        )
    database.execute(
        RECORDS,
        first
        | {
            "hours": told["hours"],
            "series": told["series"],
            "in_a_row": told["inARow"],
            "local_subscriptions": told["localSubscriptions"],
            "meters": len(told["meters"]),
        },
    )
    database.execute("CHECKPOINT")
    seconds = []
    for _ in range(told["rounds"]):
        started = time.monotonic()
        database.execute(LINES)
        database.execute("CHECKPOINT")
        seconds.append(time.monotonic() - started)
    records = database.execute("SELECT count(*) FROM usage").fetchone()[0]
    lines, cents = database.execute("SELECT count(*), sum(cents) FROM line").fetchone()
    print(
        json.dumps(
            {
                "records": records,
                "seconds": seconds,
                "lines": lines,
                "total": f"{cents // 100}.{cents % 100:02}",
                "mebibytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            }
        )
    )


if __name__ == "__main__":
    main()
