use super::*;

fn conclusion(lines: &[(&str, &str)], given: Option<&str>) -> Result<Zones, ZoneError> {
    concluded(lines, given.map(|it| it.parse().unwrap()))
}

fn concluded(lines: &[(&str, &str)], given: Option<Zone>) -> Result<Zones, ZoneError> {
    let mut evidence = ZoneEvidence::about(given);
    for (line, (start, end)) in (2..).zip(lines) {
        evidence.add(line, start, end);
    }
    evidence.conclusion()
}

fn zone(name: &str, rules: &str) -> Zone {
    Zone {
        name: name.to_owned(),
        zone: TimeZone::posix(rules).unwrap(),
    }
}

/// Where clocks are put forward and back, as in Berlin.
fn berlin() -> Zone {
    zone("Europe/Berlin", "CET-1CEST,M3.5.0,M10.5.0/3")
}

const HOUR: (&str, &str) = ("01/10/2026 13:00:00", "01/10/2026 14:00:00");
const NAMED: (&str, &str) = ("2026-10-01T13:00:00Z", "2026-10-01T14:00:00Z");
const DAY: (&str, &str) = ("01/10/2026 00:00:00", "02/10/2026 00:00:00");
const DAY_OF_BERLIN: (&str, &str) = ("02.10.2026 02:00:00", "03.10.2026 02:00:00");
const NOON: (&str, &str) = ("02.10.2026 13:00:00", "03.10.2026 13:00:00");
const DAY_OF_NEW_YORK: (&str, &str) = ("10/1/2026 8:00:00 PM", "10/2/2026 8:00:00 PM");

#[test]
fn the_zone_of_times_is_proven_by_a_day_said_or_assumed_and_told_apart() {
    let by = Witness {
        line: 3,
        text: "01/10/2026 00:00:00 to 02/10/2026 00:00:00".to_owned(),
    };
    let given = |zone: &str, proof: Proof| Zones::Given {
        zone: zone.parse().unwrap(),
        proof,
    };
    let proven = |(start, end): (&str, &str)| Proof::Proven {
        by: Witness {
            line: 2,
            text: format!("{start} to {end}"),
        },
    };
    for (lines, said, expected) in [
        (&[NAMED][..], None, Zones::Named),
        (&[NAMED, HOUR], None, Zones::Assumed),
        (&[HOUR, DAY], None, Zones::Proven { by: by.clone() }),
        (&[DAY_OF_BERLIN, DAY], None, Zones::Proven { by }),
        (&[HOUR], Some("+02:00"), given("+02:00", Proof::Nothing)),
        (&[HOUR], Some("UTC"), given("UTC", Proof::Nothing)),
        (
            &[DAY_OF_BERLIN],
            Some("+02:00"),
            given("+02:00", proven(DAY_OF_BERLIN)),
        ),
        (
            &[DAY_OF_NEW_YORK],
            Some("-04:00"),
            given("-04:00", proven(DAY_OF_NEW_YORK)),
        ),
        (&[DAY], Some("UTC"), given("UTC", proven(DAY))),
        (&[DAY], Some("+00:00"), given("+00:00", proven(DAY))),
    ] {
        assert_eq!(conclusion(lines, said), Ok(expected), "{lines:?} {said:?}");
    }
}

#[test]
fn local_times_would_be_charged_in_other_hours_though_a_day_proves_the_zone() {
    for (lines, given, said, suggested) in [
        (&[HOUR, DAY_OF_BERLIN][..], None, "not in UTC", "+02:00"),
        (&[DAY_OF_NEW_YORK], None, "not in UTC", "-04:00"),
        (&[DAY_OF_BERLIN], Some("+01:00"), "not in +01:00", "+02:00"),
        (&[DAY], Some("-05:00"), "not in -05:00", "+00:00"),
        // In Auckland in summer, or on Samoa, a day later.
        (&[NOON], None, "not in UTC", "+13:00 or -11:00"),
    ] {
        let error = conclusion(lines, given).unwrap_err();
        let (ZoneError::NotUtc { ahead, .. } | ZoneError::Refuted { ahead, .. }) = &error else {
            panic!("{error}");
        };
        assert_eq!(ahead, suggested, "{error}");
        assert!(error.to_string().ends_with(said), "{error}");
    }
}

#[test]
fn hours_of_utc_would_be_on_the_wrong_bill_because_somebody_named_a_zone() {
    let refused = concluded(&[HOUR, DAY], Some(berlin())).unwrap_err();
    assert!(matches!(&refused, ZoneError::Refuted { ahead, .. } if ahead == "+00:00"));
    assert!(refused.to_string().ends_with("not in Europe/Berlin"), "{refused}");
    // Its own days begin at one or at two, as its clocks show then.
    let in_winter = ("05.11.2026 01:00:00", "06.11.2026 01:00:00");
    let in_summer = ("05.11.2026 02:00:00", "06.11.2026 02:00:00");
    for (day, is_right) in [(DAY_OF_BERLIN, true), (in_winter, true), (in_summer, false)] {
        assert_eq!(concluded(&[day], Some(berlin())).is_ok(), is_right, "{day:?}");
    }
    // One line that is wrong proves nothing beside one that is right, and hours prove nothing at all.
    for lines in [&[DAY, DAY_OF_BERLIN][..], &[HOUR], &[NAMED]] {
        let concluded = concluded(lines, Some(berlin()));
        assert!(
            matches!(&concluded, Ok(Zones::Given { zone, .. }) if *zone == berlin()),
            "{lines:?} {concluded:?}"
        );
    }
    assert!(concluded(&[DAY, DAY_OF_BERLIN, DAY], Some(berlin())).is_err());
}

/// Where clocks show UTC in winter, as in London.
fn london() -> Zone {
    zone("Europe/London", "GMT0BST,M3.5.0/1,M10.5.0")
}

const WINTER: (&str, &str) = ("05.11.2026 00:00:00", "06.11.2026 00:00:00");
const WINTER_HOUR: (&str, &str) = ("05.11.2026 07:00:00", "05.11.2026 08:00:00");
const SUMMER: (&str, &str) = ("20.10.2026 00:00:00", "21.10.2026 00:00:00");
const SUMMER_HOUR: (&str, &str) = ("20.10.2026 07:00:00", "20.10.2026 08:00:00");
const SUMMER_OF_LONDON: (&str, &str) = ("20.10.2026 01:00:00", "21.10.2026 01:00:00");

#[test]
fn days_of_winter_would_pass_for_a_proof_of_hours_of_summer_that_are_another_hour_in_utc() {
    let proof = |lines: &[(&str, &str)]| match concluded(lines, Some(london())) {
        Ok(Zones::Given { proof, .. }) => Ok(proof),
        Ok(other) => panic!("{other:?}"),
        Err(error) => Err(error),
    };
    // The same instants both ways.
    for lines in [&[WINTER][..], &[WINTER_HOUR], &[WINTER, WINTER_HOUR]] {
        assert_eq!(proof(lines), Ok(Proof::SameAsUtc), "{lines:?}");
    }
    // No day tells what the hours of summer are.
    for lines in [&[WINTER, SUMMER_HOUR][..], &[SUMMER_HOUR]] {
        assert_eq!(proof(lines), Ok(Proof::Nothing), "{lines:?}");
    }
    assert!(matches!(
        proof(&[WINTER, SUMMER_OF_LONDON]),
        Ok(Proof::Proven { by }) if by.line == 3
    ));
    // What is UTC is refused however many days of winter are with it.
    for lines in [
        &[SUMMER][..],
        &[WINTER, SUMMER],
        &[SUMMER, WINTER, WINTER, SUMMER_HOUR],
    ] {
        let refused = proof(lines).unwrap_err();
        assert!(
            matches!(&refused, ZoneError::Refuted { ahead, .. } if ahead == "+00:00"),
            "{refused}"
        );
    }
}

#[test]
fn half_of_a_file_over_the_change_of_clocks_would_be_charged_in_other_hours() {
    let concluded_of = |lines: &[(&str, &str)]| concluded(lines, None);
    // Local times: the days of winter look like UTC, and those of summer do not.
    for lines in [
        &[SUMMER_OF_LONDON, WINTER][..],
        &[WINTER, SUMMER_OF_LONDON, SUMMER_HOUR],
    ] {
        let refused = concluded_of(lines).unwrap_err();
        assert!(
            matches!(
                refused,
                ZoneError::ClocksChanged {
                    such_as: "Europe/London",
                    ..
                }
            ),
            "{refused}"
        );
    }
    // Where clocks show UTC in summer, those of London would be refuted.
    let winter_of_azores = ("05.11.2026 23:00:00", "06.11.2026 23:00:00");
    let refused = concluded_of(&[SUMMER, winter_of_azores]).unwrap_err();
    assert!(
        matches!(
            refused,
            ZoneError::ClocksChanged {
                such_as: "Atlantic/Azores",
                ..
            }
        ),
        "{refused}"
    );
    // Whoever knows that they are UTC says so; the line is rejected then.
    let utc = concluded(&[SUMMER_OF_LONDON, WINTER], Some("UTC".parse().unwrap()));
    assert!(
        matches!(
            utc,
            Ok(Zones::Given {
                proof: Proof::Proven { .. },
                ..
            })
        ),
        "{utc:?}"
    );
    // A day that begins at another hour is just wrong.
    let wrong = ("20.10.2026 03:00:00", "21.10.2026 03:00:00");
    assert!(matches!(concluded_of(&[wrong, WINTER]), Ok(Zones::Proven { .. })));
}

#[test]
fn hours_that_clocks_showed_twice_or_never_tell_what_the_other_hours_of_a_file_are() {
    // By London's clocks the first hour of 25 October, UTC, ends when it began; one of 29 March takes two.
    let twice = ("25.10.2026 01:00:00", "25.10.2026 01:00:00");
    let long = ("29.03.2026 00:00:00", "29.03.2026 02:00:00");
    for line in [twice, long] {
        let proven = concluded(&[SUMMER_HOUR, line], Some(london()));
        assert!(
            matches!(
                proven,
                Ok(Zones::Given {
                    proof: Proof::Proven { .. },
                    ..
                })
            ),
            "{proven:?}"
        );
    }
    // And hours of UTC that its clocks never showed.
    for line in [
        ("29.03.2026 00:00:00", "29.03.2026 01:00:00"),
        ("29.03.2026 01:00:00", "29.03.2026 02:00:00"),
    ] {
        let refused = concluded(&[SUMMER_HOUR, line], Some(london())).unwrap_err();
        assert!(matches!(refused, ZoneError::NeverShown { .. }), "{refused}");
    }
    // But not where that depends on the order of its date: this is an hour of 10 April, which Sydney's clocks showed.
    let sydney = Zone {
        name: "Australia/Sydney".to_owned(),
        zone: TimeZone::posix("AEST-10AEDT,M10.1.0,M4.1.0/3").unwrap(),
    };
    let of_april = ("10/04/2026 02:00:00", "10/04/2026 03:00:00");
    let neither = concluded(&[of_april], Some(sydney));
    assert!(
        matches!(
            neither,
            Ok(Zones::Given {
                proof: Proof::Nothing,
                ..
            })
        ),
        "{neither:?}"
    );
    // Where they were put back every hour of UTC is one of London's, too.
    for line in [
        ("25.10.2026 00:00:00", "25.10.2026 01:00:00"),
        ("25.10.2026 01:00:00", "25.10.2026 02:00:00"),
    ] {
        let neither = concluded(&[SUMMER_HOUR, line], Some(london()));
        assert!(
            matches!(
                neither,
                Ok(Zones::Given {
                    proof: Proof::Nothing,
                    ..
                })
            ),
            "{neither:?}"
        );
    }
}

#[test]
fn a_zone_is_an_offset_or_a_name_and_no_file_of_the_machine() {
    for text in [
        "",
        "+2",
        "+15:00",
        "+02:60",
        "++2:00",
        "CEST",
        "../etc/passwd",
        "/etc/passwd",
        "Europe/Nowhere",
    ] {
        assert!(text.parse::<Zone>().is_err(), "{text}");
    }
    let offset = |zone: Zone| zone.zone().to_fixed_offset().ok().map(Offset::seconds);
    assert_eq!(offset("-05:30".parse().unwrap()), Some(-330 * 60));
    if Path::new(ZONES).join("Europe/Berlin").exists() {
        let berlin: Zone = "Europe/Berlin".parse().unwrap();
        assert_eq!(berlin.to_string(), "Europe/Berlin");
        assert_eq!(offset(berlin), None);
    } else {
        eprintln!("\n*** RUN IN PART: a_zone_is_an_offset_or_a_name: {ZONES} is not there ***\n");
    }
}
