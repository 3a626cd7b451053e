//! Every column, changed.

use super::Change;
use super::Sql::{Both, Each, Postgres as OnPostgres, Sqlite as OnSqlite};

pub(super) const CHANGES: &[Change] = &[
    (
        "entry.sequence",
        Both("UPDATE entry SET sequence = 9 WHERE sequence = 2"),
        &["JournalGap"],
        "entry 3",
    ),
    (
        "entry.recorded_at",
        Both("UPDATE entry SET recorded_at = '2026-01-01T00:00:00Z' WHERE sequence = 2"),
        &["JournalChain"],
        "entry 2",
    ),
    (
        "entry.actor",
        Each(
            "UPDATE entry SET actor = zeroblob(16) WHERE sequence = 1",
            "UPDATE entry SET actor = '00000000-0000-0000-0000-000000000000' WHERE sequence = 1",
        ),
        &["JournalChain"],
        "entry 1",
    ),
    (
        "entry.body",
        Both(
            "UPDATE entry SET body = (SELECT body FROM entry AS other WHERE other.sequence = 2) WHERE sequence = 1",
        ),
        &["JournalChain"],
        "entry 1",
    ),
    (
        "entry.chain",
        Both(
            "UPDATE entry SET chain = (SELECT chain FROM entry AS other WHERE other.sequence = 1) WHERE sequence = 2",
        ),
        &["JournalChain"],
        "entry 2",
    ),
    (
        "stack.id",
        Both("UPDATE stack SET id = 77 WHERE sequence = 1"),
        &["LastReceipt", "SeriesWithout", "UnknownStack"],
        "receipt 1, batch 05050505",
    ),
    (
        "stack.cloud_id",
        Each(
            "UPDATE stack SET cloud_id = zeroblob(16) WHERE sequence = 1",
            "UPDATE stack SET cloud_id = '00000000-0000-0000-0000-000000000000' WHERE sequence = 1",
        ),
        &["BooksMissing", "ReceiptChain", "SeriesKey"],
        "receipt 1, batch 05050505",
    ),
    (
        "stack.sequence",
        Both("UPDATE stack SET sequence = 7 WHERE sequence = 1"),
        &["LastReceipt"],
        "stack 02020202-0202-0202-0202-020202020202",
    ),
    (
        "stack.chain",
        Both(
            "UPDATE stack SET chain = (SELECT digest FROM batch WHERE idempotency_key = 'monday') WHERE sequence = 1",
        ),
        &["LastReceipt"],
        "stack 02020202-0202-0202-0202-020202020202",
    ),
    (
        "stack.reported_through",
        Both("UPDATE stack SET reported_through = reported_through + 1 WHERE sequence = 5"),
        &["ReportedThrough"],
        "stack 01010101-0101-0101-0101-010101010101",
    ),
    (
        "stack.attributes_sequence",
        Both("UPDATE stack SET attributes_sequence = 9 WHERE sequence = 1"),
        &["AttributesSequence"],
        "stack 02020202-0202-0202-0202-020202020202",
    ),
    (
        "local_subscription.id",
        Both("UPDATE local_subscription SET id = 77 WHERE id = 1"),
        &["SeriesWithout"],
        "resource /vm/a",
    ),
    (
        "local_subscription.stack",
        Both("UPDATE local_subscription SET stack = (SELECT id FROM stack WHERE sequence = 1) WHERE id = 1"),
        &["SeriesKey"],
        "resource /vm/a",
    ),
    (
        "local_subscription.subscription_id",
        Each(
            "UPDATE local_subscription SET subscription_id = zeroblob(16) WHERE id = 1",
            "UPDATE local_subscription SET subscription_id = '00000000-0000-0000-0000-000000000000' WHERE id = (SELECT min(id) FROM local_subscription)",
        ),
        &["SeriesKey"],
        "resource /vm/a",
    ),
    (
        "local_meter.id",
        Both("UPDATE local_meter SET id = 77 WHERE id = 1"),
        &["SeriesWithout"],
        "resource /vm/a",
    ),
    (
        "local_meter.meter_id",
        Each(
            "UPDATE local_meter SET meter_id = zeroblob(16) WHERE id = 1",
            "UPDATE local_meter SET meter_id = '00000000-0000-0000-0000-000000000000' WHERE id = (SELECT min(id) FROM local_meter)",
        ),
        &["SeriesKey"],
        "resource /vm/a",
    ),
    (
        "block.id",
        Both("UPDATE block SET id = 77 WHERE id = 1"),
        &["SeriesWithout"],
        "resource /vm/a",
    ),
    (
        "block.local_subscription",
        Both("UPDATE block SET local_subscription = 2 WHERE id = 1"),
        &["SeriesKey"],
        "resource /vm/a",
    ),
    (
        "series.id",
        Both("UPDATE series SET id = id + 30 WHERE resource_uri = '/vm/a'"),
        &["AttributesWithout", "BatchContent", "UnknownSeries"],
        "hours 2026-09-25T00:00:00Z to 2026-09-25T01:00:00Z",
    ),
    (
        "series.local_meter",
        Both("UPDATE series SET local_meter = 2 WHERE resource_uri = '/vm/a'"),
        &["SeriesKey"],
        "resource /vm/a",
    ),
    (
        "series.resource_uri",
        Both("UPDATE series SET resource_uri = '/vm/z' WHERE resource_uri = '/vm/a'"),
        &["SeriesKey"],
        "resource /vm/z",
    ),
    (
        "series.key",
        Each(
            "UPDATE series SET key = zeroblob(16) WHERE resource_uri = '/vm/a'",
            "UPDATE series SET key = decode('00000000000000000000000000000000', 'hex') WHERE resource_uri = '/vm/a'",
        ),
        &["BatchContent", "SeriesKey"],
        "hours 2026-09-25T00:00:00Z to 2026-09-25T01:00:00Z",
    ),
    (
        "series.folded_key",
        Each(
            "UPDATE series SET folded_key = x'01020304050607080910111213141516' WHERE resource_uri = '/vm/a'",
            "UPDATE series SET folded_key = decode('01020304050607080910111213141516', 'hex') WHERE resource_uri = '/vm/a'",
        ),
        &["SeriesKey"],
        "resource /vm/a",
    ),
    (
        "attributes.id",
        Both("UPDATE attributes SET id = 77 WHERE tags = 'green'"),
        &["AttributesWithout"],
        "resource /vm/b, hour 2026-09-25T00:00:00Z",
    ),
    (
        "attributes.location",
        Both("UPDATE attributes SET location = 'there' WHERE tags = 'green'"),
        &["AttributesKey"],
        "row `attributes`",
    ),
    (
        "attributes.tags",
        Both("UPDATE attributes SET tags = 'grey' WHERE tags = 'green'"),
        &["AttributesKey"],
        "row `attributes`",
    ),
    (
        "attributes.additional_info",
        Both("UPDATE attributes SET additional_info = '{}' WHERE tags = 'green'"),
        &["AttributesKey"],
        "row `attributes`",
    ),
    (
        "attributes.key",
        Each(
            "UPDATE attributes SET key = zeroblob(16) WHERE tags = 'green'",
            "UPDATE attributes SET key = decode('00000000000000000000000000000000', 'hex') WHERE tags = 'green'",
        ),
        &["AttributesKey"],
        "row `attributes`",
    ),
    (
        "series_attributes.series",
        Both(
            "UPDATE series_attributes SET series = 99 WHERE from_hour = (SELECT min(from_hour) FROM series_attributes) AND series = (SELECT id FROM series WHERE resource_uri = '/vm/b')",
        ),
        &["AttributesMissing", "AttributesWithout"],
        "resource /vm/b, day 2026-09-25",
    ),
    (
        "series_attributes.from_hour",
        Both(
            "UPDATE series_attributes SET from_hour = from_hour - 3 WHERE series = (SELECT id FROM series WHERE resource_uri = '/vm/a')",
        ),
        &["AttributesWithout"],
        "resource /vm/a, hour 2026-09-24T21:00:00Z",
    ),
    (
        "series_attributes.attributes",
        Both(
            "UPDATE series_attributes SET attributes = 99 WHERE series = (SELECT id FROM series WHERE resource_uri = '/vm/a')",
        ),
        &["AttributesWithout"],
        "resource /vm/a, hour 2026-09-25T00:00:00Z",
    ),
    (
        "batch.id",
        Both("UPDATE batch SET id = 77 WHERE sequence = 2"),
        &["BatchRecords", "UnknownBatch"],
        "row `batch` 2",
    ),
    (
        "batch.batch_id",
        Each(
            "UPDATE batch SET batch_id = zeroblob(16) WHERE sequence = 2",
            "UPDATE batch SET batch_id = '00000000-0000-0000-0000-000000000000' WHERE sequence = 2",
        ),
        &["ReceiptChain"],
        "receipt 2, batch 00000000",
    ),
    (
        "batch.stack",
        Both("UPDATE batch SET stack = (SELECT id FROM stack WHERE sequence = 1) WHERE sequence = 4"),
        &["LastReceipt", "ReceiptGap"],
        "receipt 5, batch 06060606",
    ),
    (
        "batch.sequence",
        Both("UPDATE batch SET sequence = 17 WHERE sequence = 2"),
        &["LastReceipt", "ReceiptGap"],
        "receipt 3, batch 03030303",
    ),
    (
        "batch.received_at",
        Both("UPDATE batch SET received_at = '2026-01-01T00:00:00Z' WHERE sequence = 2"),
        &["ReceiptChain"],
        "receipt 2, batch 02020202",
    ),
    (
        "batch.reported_start",
        Both("UPDATE batch SET reported_start = reported_start + 1 WHERE sequence = 2"),
        &["ReceiptChain"],
        "receipt 2, batch 02020202",
    ),
    (
        "batch.reported_end",
        Both("UPDATE batch SET reported_end = 500000 WHERE sequence = 2"),
        &["ReceiptChain"],
        "receipt 2, batch 02020202",
    ),
    (
        "batch.reported_through",
        Both("UPDATE batch SET reported_through = 500000 WHERE sequence = 2"),
        &["ReceiptChain", "ReportedThrough"],
        "receipt 2, batch 02020202",
    ),
    (
        "batch.idempotency_key",
        Both("UPDATE batch SET idempotency_key = 'tuesday' WHERE idempotency_key = 'monday'"),
        &["BatchContent"],
        "hours 2026-09-25T00:00:00Z to 2026-09-26T00:00:00Z",
    ),
    (
        "batch.digest",
        Both("UPDATE batch SET digest = chain WHERE sequence = 2"),
        &["ReceiptChain"],
        "receipt 2, batch 02020202",
    ),
    (
        "batch.received",
        Both("UPDATE batch SET received = received + 1 WHERE sequence = 2"),
        &["ReceiptChain", "ReceiptCounts", "RecordsLost"],
        "receipt 2, batch 02020202",
    ),
    (
        "batch.accepted",
        Both("UPDATE batch SET accepted = accepted + 1 WHERE sequence = 2"),
        &["ReceiptChain", "ReceiptCounts"],
        "receipt 2, batch 02020202",
    ),
    (
        "batch.duplicate",
        Both("UPDATE batch SET duplicate = duplicate - 1 WHERE sequence = 2"),
        &["ReceiptChain", "ReceiptCounts", "RecordsLost"],
        "receipt 2, batch 02020202",
    ),
    (
        "batch.revised",
        Both("UPDATE batch SET revised = revised + 1 WHERE sequence = 2"),
        &["ReceiptChain", "ReceiptCounts"],
        "receipt 2, batch 02020202",
    ),
    (
        "batch.quarantined",
        Both("UPDATE batch SET quarantined = quarantined - 1 WHERE idempotency_key = 'monday'"),
        &["QuarantineCount", "ReceiptChain", "ReceiptCounts"],
        "receipt 1, batch 01010101",
    ),
    (
        "batch.chain",
        Both("UPDATE batch SET chain = digest WHERE sequence = 2"),
        &["ReceiptChain"],
        "receipt 2, batch 02020202",
    ),
    (
        "batch.kept",
        Both("UPDATE batch SET kept = kept + 1 WHERE sequence = 2"),
        &["BatchRecords", "ReceiptChain"],
        "receipt 2, batch 02020202",
    ),
    (
        "batch.kept_digest",
        Both("UPDATE batch SET kept_digest = digest WHERE sequence = 2"),
        &["BatchContent", "ReceiptChain"],
        "receipt 2, batch 02020202",
    ),
    (
        "batch.released",
        Both("UPDATE batch SET released = 1 WHERE sequence = 2"),
        &["ReceiptChain", "RecordsLost", "ReleasedTexts"],
        "receipt 2, batch 02020202",
    ),
    (
        "batch.still_quarantined",
        Both("UPDATE batch SET still_quarantined = 1 WHERE sequence = 2"),
        &["ReceiptChain"],
        "receipt 2, batch 02020202",
    ),
    (
        "batch.revised_not_counting",
        Both("UPDATE batch SET revised_not_counting = 1 WHERE sequence = 2"),
        &["ReceiptChain", "RevisedNotCounting"],
        "receipt 2, batch 02020202",
    ),
    (
        "batch.late_days",
        Both("UPDATE batch SET late_days = 3 WHERE sequence = 2"),
        &["LateDay"],
        "receipt 2, batch 02020202",
    ),
    (
        "late_day.day",
        Both("UPDATE late_day SET day = day + 1 WHERE block > 0"),
        &["LateDay"],
        "day 2026-09-25: the days about which this batch came late",
    ),
    (
        "late_day.block",
        Both("UPDATE late_day SET block = 1 WHERE block > 1"),
        &["LateDay"],
        "stack 02020202-0202-0202-0202-020202020202, receipt 1, batch 05050505",
    ),
    (
        "late_day.batch",
        Both("UPDATE late_day SET batch = (SELECT id FROM batch WHERE sequence = 4) WHERE block > 1"),
        &["LateDay"],
        "receipt 4, batch 04040404",
    ),
    (
        "quarantine.position",
        Both("UPDATE quarantine SET position = 77 WHERE position = 1"),
        &["QuarantineOrder", "ReceiptChain"],
        "receipt 1, batch 01010101",
    ),
    (
        "quarantine.stack",
        Both("UPDATE quarantine SET stack = (SELECT id FROM stack WHERE sequence = 1) WHERE position = 1"),
        &["QuarantineStack"],
        "quarantine 1",
    ),
    (
        "quarantine.batch",
        Both("UPDATE quarantine SET batch = (SELECT id FROM batch WHERE sequence = 2) WHERE position = 1"),
        &["BatchContent", "QuarantineCount", "ReceiptChain"],
        "receipt 1, batch 01010101",
    ),
    (
        "quarantine.place",
        Both("UPDATE quarantine SET place = 6 WHERE position = 1"),
        &["BatchContent", "ReceiptChain"],
        "receipt 1, batch 01010101",
    ),
    (
        "quarantine.code",
        Both("UPDATE quarantine SET code = 'MissingProperty' WHERE position = 1"),
        &["ReceiptChain"],
        "receipt 1, batch 01010101",
    ),
    (
        "quarantine.message",
        Both("UPDATE quarantine SET message = 'fine' WHERE position = 1"),
        &["ReceiptChain"],
        "receipt 1, batch 01010101",
    ),
    (
        "quarantine.raw",
        Both("UPDATE quarantine SET raw = '{\"quantity\": 1}' WHERE position = 1"),
        &["QuarantineText"],
        "quarantine 1",
    ),
    (
        "quarantine.raw_digest",
        Both(
            "UPDATE quarantine SET raw_digest = (SELECT digest FROM batch WHERE idempotency_key = 'monday') WHERE position = 1",
        ),
        &["BatchContent", "QuarantineText"],
        "hours 2026-09-25T00:00:00Z to 2026-09-26T00:00:00Z",
    ),
    (
        "quarantine.raw_bytes",
        Both("UPDATE quarantine SET raw_bytes = 70000, raw = '{}' WHERE position = 1"),
        &["QuarantineAct"],
        "quarantine 1",
    ),
    // Its receipt says nothing of a text that was too long.
    (
        "quarantine.raw_bytes",
        Each(
            "UPDATE quarantine SET raw_bytes = 300000, raw = replace(hex(zeroblob(131072)), '0', 'x') WHERE position = 1",
            "UPDATE quarantine SET raw_bytes = 300000, raw = repeat('x', 262144) WHERE position = 1",
        ),
        &["QuarantineAct"],
        "only the beginning of its text is said to be there",
    ),
    (
        "quarantine.mended",
        Both("UPDATE quarantine SET mended = '{\"quantity\": \"120\"}' WHERE position = 3"),
        &["ReleasedTexts"],
        "receipt 5, batch 06060606",
    ),
    (
        "quarantine.act",
        Each(
            "UPDATE quarantine SET act = zeroblob(16), raw = '' WHERE position = 1",
            "UPDATE quarantine SET act = '00000000-0000-0000-0000-000000000000', raw = '' WHERE position = 1",
        ),
        &["QuarantineAct"],
        "quarantine 1",
    ),
    (
        "quarantine.released_by",
        Both("UPDATE quarantine SET released_by = NULL WHERE position = 3"),
        &["QuarantineAct", "RecordsLost", "ReleasedTexts"],
        "quarantine 3",
    ),
    (
        "hour_sheet.hour",
        Both("UPDATE hour_sheet SET hour = hour + 30 WHERE hour = (SELECT max(hour) FROM hour_sheet)"),
        &["BatchContent", "DayTotal", "HourWithoutTotal"],
        "resource /vm/c, day 2026-09-26",
    ),
    (
        "hour_sheet.block",
        Both("UPDATE hour_sheet SET block = 3 WHERE hour = 497305"),
        &["AttributesMissing", "BatchContent", "DayTotal", "UnknownSeries"],
        "resource /vm/b, day 2026-09-25",
    ),
    (
        "hour_sheet.body",
        OnSqlite(
            "UPDATE hour_sheet SET body = (SELECT body FROM hour_sheet AS other WHERE other.hour = 497305) WHERE hour = 497306",
        ),
        &["BatchRecords", "DayTotal"],
        "resource /vm/b, day 2026-09-25",
    ),
    (
        "hour_sheet.body",
        OnSqlite("UPDATE hour_sheet SET body = substr(body, 1, length(body) - 1) WHERE hour = 497305"),
        &["BatchRecords", "Unreadable"],
        "stack 01010101-0101-0101-0101-010101010101, local subscription 01010101-0101-0101-0101-010101010101, hour 2026-09-25T01:00:00Z, row `hour_sheet` 497305, 1",
    ),
    (
        "hour_sheet.quantity",
        OnPostgres(
            "UPDATE hour_sheet SET quantity[1] = 100 WHERE hour = 497304 AND block = (SELECT id / 64 FROM series WHERE resource_uri = '/vm/a')",
        ),
        &["BatchContent", "DayTotal"],
        "resource /vm/a, day 2026-09-25",
    ),
    (
        "hour_sheet.quantity",
        OnPostgres(
            "UPDATE hour_sheet SET quantity[1] = 'NaN' WHERE hour = 497304 AND block = (SELECT id / 64 FROM series WHERE resource_uri = '/vm/a')",
        ),
        &["BatchRecords", "Unreadable"],
        "hour 2026-09-25T00:00:00Z, row `hour_sheet` 497304",
    ),
    (
        "hour_sheet.of_day",
        OnPostgres(
            "UPDATE hour_sheet SET of_day = 1 - of_day WHERE hour = 497304 AND block = (SELECT id / 64 FROM series WHERE resource_uri = '/vm/a')",
        ),
        &["BatchContent", "DayTotal"],
        "resource /vm/a, day 2026-09-25",
    ),
    (
        "hour_sheet.batch",
        OnPostgres(
            "UPDATE hour_sheet SET batch[1] = 77 WHERE hour = 497304 AND block = (SELECT id / 64 FROM series WHERE resource_uri = '/vm/a')",
        ),
        &["BatchRecords", "UnknownBatch"],
        "row `batch` 77",
    ),
    (
        "hour_sheet.batch_place",
        OnPostgres("UPDATE hour_sheet SET batch_place = NULL WHERE hour = 497305"),
        &["BatchRecords"],
        "receipt 2, batch 02020202",
    ),
    (
        "day_sheet.day",
        Both("UPDATE day_sheet SET day = day + 30 WHERE day = (SELECT max(day) FROM day_sheet)"),
        &["AttributesWithout", "DayTotal", "HourWithoutTotal"],
        "resource /vm/c, day 2026-10-26",
    ),
    (
        "day_sheet.block",
        Both("UPDATE day_sheet SET block = 9 WHERE day = (SELECT max(day) FROM day_sheet)"),
        &["AttributesWithout", "DayTotal", "HourWithoutTotal"],
        "day 2026-09-26, row `series` 576",
    ),
    (
        "day_sheet.body",
        OnSqlite(
            "UPDATE day_sheet SET body = (SELECT body FROM day_sheet AS other WHERE block = 3) WHERE block = 2",
        ),
        &["DayTotal"],
        "resource /vm/c, day 2026-09-26",
    ),
    (
        "day_sheet.body",
        OnSqlite("UPDATE day_sheet SET body = substr(body, 1, length(body) - 1) WHERE block = 2"),
        &["Unreadable"],
        "stack 01010101-0101-0101-0101-010101010101, local subscription 02020202-0202-0202-0202-020202020202, day 2026-09-26, row `day_sheet` 20722, 2",
    ),
    (
        "day_sheet.hours",
        OnPostgres(
            "UPDATE day_sheet SET hours[1] = hours[1] # 8 WHERE block = (SELECT id / 64 FROM series WHERE resource_uri = '/vm/a')",
        ),
        &["DayTotal", "RecordsLost"],
        "resource /vm/a, day 2026-09-25",
    ),
    (
        "day_sheet.of_day",
        OnPostgres(
            "UPDATE day_sheet SET of_day = 1 - of_day WHERE block = (SELECT id / 64 FROM series WHERE resource_uri = '/vm/a')",
        ),
        &["DayTotal"],
        "resource /vm/a, day 2026-09-25",
    ),
    (
        "day_sheet.total",
        OnPostgres(
            "UPDATE day_sheet SET total[1] = total[1] + 0.000001 WHERE block = (SELECT id / 64 FROM series WHERE resource_uri = '/vm/a')",
        ),
        &["DayTotal"],
        "resource /vm/a, day 2026-09-25",
    ),
    (
        "observation.series",
        Both("UPDATE observation SET series = series + 1 WHERE again = 1"),
        &["BatchContent", "Repetition", "RevisedNotCounting"],
        "resource /vm/b, hour 2026-09-25T00:00:00Z",
    ),
    (
        "observation.hour",
        Both("UPDATE observation SET hour = hour + 1 WHERE again = 1"),
        &["BatchContent", "NothingCounts", "RevisedNotCounting"],
        "resource /vm/a, hour 2026-09-25T01:00:00Z",
    ),
    (
        "observation.quantity",
        Each(
            "UPDATE observation SET quantity = x'0109' WHERE again = 1",
            "UPDATE observation SET quantity = 0.9 WHERE again = 1",
        ),
        &["BatchContent", "Repetition", "RevisedNotCounting"],
        "resource /vm/a, hour 2026-09-25T00:00:00Z",
    ),
    (
        "observation.quantity",
        Each(
            "UPDATE observation SET quantity = x'' WHERE again = 1",
            "UPDATE observation SET quantity = 'NaN' WHERE again = 1",
        ),
        &["BatchRecords", "Unreadable"],
        "resource /vm/a, hour 2026-09-25T00:00:00Z",
    ),
    (
        "observation.batch",
        Both("UPDATE observation SET batch = (SELECT id FROM batch WHERE sequence = 4) WHERE again = 1"),
        &["BatchRecords", "RevisedNotCounting"],
        "receipt 1, batch 01010101",
    ),
    (
        "observation.reported",
        Both("UPDATE observation SET reported = reported + 200 WHERE again = 1"),
        &["ReportedTime"],
        "resource /vm/a, hour 2026-09-25T00:00:00Z",
    ),
    (
        "observation.again",
        Both("UPDATE observation SET again = 1 - again WHERE again = 1"),
        &["RecordsLost", "Repetition"],
        "resource /vm/a, hour 2026-09-25T00:00:00Z",
    ),
];
