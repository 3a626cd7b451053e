#!/usr/bin/env python3
"""CloudKitty's way from a parsed record to a rated one in its store: hashmap rating, then storage v2 on InfluxDB.

    rate_and_store.py ROWS.csv

ROWS.csv has a line for each record: hour (from 1970), local subscription, local meter, resource URI, quantity. They are
made into CloudKitty's data points before the clock starts. Then every hour is rated and pushed, as CloudKitty's worker
does: one data frame for each hour and local subscription (its scope). Prints one line of JSON: records, seconds and what
the store says it has.

InfluxDB is started in a temporary directory, with its defaults, and stopped again. CloudKitty's own settings are its
defaults, too; its tables are made from its models.
"""

import csv
import datetime
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request

HOUR = 3600
DATABASE = "cloudkitty"
PRICES = ("0.004", "0.012", "0.0009", "0.05")
START_SECONDS_MAX = 60


def free_port():
    import socket

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Influx:
    """An InfluxDB of its own."""

    def __init__(self, directory):
        self.port, rpc = free_port(), free_port()
        config = os.path.join(directory, "influxdb.conf")
        with open(config, "w", encoding="utf-8") as out:
            out.write(
                f"""reporting-disabled = true
bind-address = "127.0.0.1:{rpc}"
[meta]
dir = "{directory}/meta"
[data]
dir = "{directory}/data"
wal-dir = "{directory}/wal"
[http]
bind-address = "127.0.0.1:{self.port}"
log-enabled = false
[logging]
level = "error"
"""
            )
        self.process = subprocess.Popen(
            ["influxd", "-config", config], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        until = time.monotonic() + START_SECONDS_MAX
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/ping", timeout=5).close()
                break
            except OSError:
                if self.process.poll() is not None or time.monotonic() > until:
                    raise SystemExit("error: influxd does not start")
                time.sleep(0.1)
        query = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/query", data=f"q=CREATE DATABASE {DATABASE}".encode()
        )
        urllib.request.urlopen(query, timeout=30).close()

    def stop(self):
        self.process.terminate()
        self.process.wait()


def configured(influx, directory):
    """CloudKitty's hashmap rating and its storage, as its worker gets them."""
    from oslo_config import cfg

    from cloudkitty import collector  # noqa: F401  registers the period
    from cloudkitty.storage.v2 import influx as storage

    conf = cfg.CONF
    conf([], project="cloudkitty", default_config_files=[])
    conf.set_override("database", DATABASE, "storage_influxdb")
    conf.set_override("host", "127.0.0.1", "storage_influxdb")
    conf.set_override("port", influx.port, "storage_influxdb")

    from oslo_db import options

    options.set_defaults(conf)
    conf.set_override("connection", f"sqlite:///{directory}/cloudkitty.db", "database")

    from cloudkitty import db
    from cloudkitty.db.sqlalchemy import models as core
    from cloudkitty.rating.hash.db import api as hash_db
    from cloudkitty.rating.hash.db.sqlalchemy import models as hashmap

    with db.session_for_write() as session:
        engine = session.get_bind()
        core.Base.metadata.create_all(engine)
        hashmap.Base.metadata.create_all(engine)
    return hash_db.get_instance(), storage.InfluxStorage()


def priced(prices, meters):
    """A price for each meter, and the rating that knows them."""
    from cloudkitty.rating import hash as rating

    for place, meter in enumerate(sorted(meters)):
        service = prices.create_service(meter)
        prices.create_mapping(
            cost=PRICES[place % len(PRICES)], map_type="flat", service_id=service.service_id, name=f"price-{place}", created_by="benchmark"
        )
    return rating.HashMap()


def frames_of(rows):
    """The data frames, one for each hour and local subscription, in this order."""
    from cloudkitty import dataframe

    frames = {}
    for hour, scope, meter, resource, quantity in rows:
        key = (int(hour), scope)
        if key not in frames:
            start = datetime.datetime.fromtimestamp(key[0] * HOUR, datetime.timezone.utc)
            frames[key] = dataframe.DataFrame(start=start, end=start + datetime.timedelta(seconds=HOUR))
        point = dataframe.DataPoint("unit", quantity, 0, {"id": resource, "project_id": scope}, {"location": "local"})
        frames[key].add_point(point, meter)
    return frames


def main():
    if len(sys.argv) != 2:
        raise SystemExit("usage: rate_and_store.py ROWS.csv")
    with open(sys.argv[1], newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    directory = tempfile.mkdtemp(prefix="cloudkitty-")
    influx = Influx(directory)
    try:
        prices, storage = configured(influx, directory)
        hashmap = priced(prices, {row[2] for row in rows})
        frames = frames_of(rows)
        started = time.monotonic()
        for (_, scope), frame in frames.items():
            storage.push([hashmap.process(frame)], scope)
        seconds = time.monotonic() - started
        first = min(frame.start for frame in frames.values())
        last = max(frame.end for frame in frames.values())
        total = storage.total(begin=first, end=last)["results"][0]
        print(json.dumps({"records": len(rows), "seconds": seconds, "rated": total.get("rate")}))
    finally:
        influx.stop()
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
