//! Times of other zones.

use super::*;

/// PowerShell 7 makes local times of what the API says, and clocks are put back and forward.
#[test]
fn local_times_would_be_charged_in_other_hours_than_those_of_the_api() {
    let Ok(berlin) = "Europe/Berlin".parse::<Zone>() else {
        eprintln!(
            "\n*** NOT RUN: local_times_would_be_charged_in_other_hours_than_those_of_the_api: no time zones ***\n"
        );
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let culture = CULTURES[3];
    let usages = [
        usage(24, 23, 1, "1"),
        usage(25, 0, 1, "2"),
        usage(25, 1, 1, "3"),
        usage(25, 2, 1, "4"),
        usage(25, 0, 24, "5"),
        usage(26, 0, 24, "6"),
    ];
    let local = |usage: &Usage| {
        let time = |hours: i64| {
            let time = usage.start + jiff::SignedDuration::from_hours(hours);
            let instant = time.to_zoned(TimeZone::UTC).unwrap().timestamp();
            let shown = instant.to_zoned(berlin.zone().clone());
            shown.strftime(culture.time).to_string()
        };
        let utc = |hours: i64| {
            let time = usage.start + jiff::SignedDuration::from_hours(hours);
            time.to_zoned(TimeZone::UTC)
                .unwrap()
                .strftime(culture.time)
                .to_string()
        };
        let line = culture.line(usage);
        let rest = &line[quoted(&utc(0)).len() + 1 + quoted(&utc(usage.hours)).len()..];
        format!("{},{}{rest}", quoted(&time(0)), quoted(&time(usage.hours)))
    };
    let lines = usages.each_ref().map(local);
    assert!(
        lines[1].starts_with("\"25.10.2026 02:00:00\",\"25.10.2026 02:00:00\""),
        "{}",
        lines[1]
    );
    let path = culture.write(&folder, &lines);
    let choices = |zone| Choices {
        decimal_comma: true,
        zone,
        ..Choices::default()
    };
    let refused = Summary::understood(&path, choices(None), |_| {}).unwrap_err();
    assert!(
        matches!(refused, SummaryError::Zone(ZoneError::NotUtc { .. })),
        "{refused}"
    );
    let summary = Summary::understood(&path, choices(Some(berlin)), |_| {}).unwrap();
    let (records, rejected) = read(&summary);
    assert_eq!(rejected, []);
    assert_eq!(records.iter().map(said).collect::<Vec<_>>(), usages);
    assert_eq!(
        summary.rows(),
        usages.len() as u64,
        "how far reading is can be said"
    );
    let in_no_hour = lines[0]
        .replace("25.10.2026 01:00", "29.03.2026 02:00")
        .replace("25.10.2026 02:00", "29.03.2026 03:00");
    let path = culture.write(&folder, &[in_no_hour, lines[5].clone()]);
    let summary = Summary::understood(&path, summary_choices(&summary), |_| {}).unwrap();
    assert_eq!(read(&summary).1, [(2, "NoSuchLocalTime")]);
}

/// As that one was understood.
fn summary_choices(summary: &Summary) -> Choices {
    Choices {
        date_order: summary.understanding().dates.order(),
        zone: summary.understanding().time_zone.given().cloned(),
        decimal_comma: summary.understanding().decimal_mark == DecimalMark::Comma,
    }
}

#[test]
fn an_import_in_another_zone_is_another_import() {
    let folder = tempfile::tempdir().unwrap();
    let culture = CULTURES[5];
    let path = culture.write(&folder, &[culture.line(&usage(5, 3, 1, "1"))]);
    let with = |zone: Option<&str>| {
        let choices = Choices {
            zone: zone.map(|zone| zone.parse().unwrap()),
            ..Choices::default()
        };
        Summary::understood(&path, choices, |_| {}).unwrap()
    };
    let ahead = with(Some("+02:00"));
    assert_eq!(said(&read(&ahead).0[0]), usage(5, 1, 1, "1"));
    assert_ne!(ahead.identity(), with(None).identity());
}
