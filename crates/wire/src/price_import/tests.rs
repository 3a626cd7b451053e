use super::*;

const METER: &str = "1d7518e5-bc2f-4a93-9057-1b3047856645";
const OTHER: &str = "2d7518e5-bc2f-4a93-9057-1b3047856645";

fn said(imported: &Imported) -> Vec<(usize, &str)> {
    imported.rejected.iter().map(|it| (it.row, it.code)).collect()
}

/// A meter, what is included, and the tiers: from where, at which price.
type Shown = (String, String, Vec<(String, String)>);

fn shown(imported: &Imported) -> Vec<Shown> {
    let prices = imported.prices.iter().map(|(meter, price)| {
        let tiers = price.tiers().iter();
        let tiers = tiers.map(|tier| (tier.from.to_string(), tier.unit_price.to_string()));
        (meter.to_string(), price.included().to_string(), tiers.collect())
    });
    prices.collect()
}

fn steps(steps: &[(&str, &str)]) -> Vec<(String, String)> {
    steps
        .iter()
        .map(|(from, price)| ((*from).to_owned(), (*price).to_owned()))
        .collect()
}

#[test]
fn azures_rate_card_is_read_to_the_last_digit() {
    let card = format!(
        r#"{{"OfferTerms": [], "Currency": "USD", "Locale": "en-US", "IsTaxIncluded": false, "Meters": [
        {{"EffectiveDate": "2017-09-01T00:00:00Z", "IncludedQuantity": 5.0, "MeterCategory": "c", "MeterId": "{METER}",
          "MeterName": "Test Meter", "MeterRates": {{"0": 0.12345678901234567890123, "100": 9.9E-1}},
          "MeterRegion": "US West", "MeterSubCategory": "s", "MeterTags": ["Third Party"], "Unit": "Hours"}}]}}"#
    );
    let imported = read(ImportFormat::RateCard, &card).unwrap();
    assert_eq!(imported.currency.as_deref(), Some("USD"));
    let expected = steps(&[("0", "0.12345678901234567890123"), ("100", "0.99")]);
    assert_eq!(shown(&imported), [(METER.to_owned(), "5".to_owned(), expected)]);
    assert_eq!(imported.names[&METER.parse().unwrap()], "Test Meter");
    assert_eq!(said(&imported), []);
}

#[test]
fn partner_centers_rate_card_is_read() {
    let card = format!(
        r#"{{"locale": "en", "currency": "EUR", "isTaxIncluded": false, "meters": [{{"id": "{METER}", "name": "Vm",
        "rates": {{"0": 0.1122}}, "tags": [], "category": "c", "subcategory": "", "region": "", "unit": "1 Hour",
        "includedQuantity": 0, "effectiveDate": "2026-01-01T00:00:00Z"}}], "offerTerms": [],
        "attributes": {{"objectType": "AzureRateCard"}}}}"#
    );
    let imported = read(ImportFormat::PartnerCenter, &card).unwrap();
    assert_eq!(imported.currency.as_deref(), Some("EUR"));
    assert_eq!(
        shown(&imported),
        [(METER.to_owned(), "0".to_owned(), steps(&[("0", "0.1122")]))]
    );
}

#[test]
fn what_is_not_understood_is_rejected_with_its_place_and_costs_nothing_else() {
    let meter = |id: &str, rates: &str| format!(r#"{{"id": "{id}", "rates": {rates}}}"#);
    let meters = [
        meter(METER, r#"{"0": 1}"#),
        meter("vm", r#"{"0": 1}"#),
        meter(OTHER, r#"{"0": -1}"#),
        meter(OTHER, r#"{"5": 1}"#),
        meter(METER, r#"{"0": 2}"#),
        r#"{"id": 5}"#.to_owned(),
        meter(OTHER, r#"{"0": true}"#),
    ];
    let card = format!(r#"{{"meters": [{}]}}"#, meters.join(","));
    let imported = read(ImportFormat::PartnerCenter, &card).unwrap();
    assert_eq!(imported.prices.len(), 1);
    let expected = [
        (2, "InvalidMeterId"),
        (3, "InvalidNumber"),
        (4, "InvalidRates"),
        (5, "MeterTwice"),
        (6, "InvalidMeter"),
        (7, "InvalidNumber"),
    ];
    assert_eq!(said(&imported), expected);
}

#[test]
fn a_table_has_a_line_for_each_step_in_any_order_of_columns() {
    let table = format!(
        "\u{feff}unitPrice,meterId,\"note\",from,includedQuantity\r\n0.05,{METER},\"a, \"\"b\"\"\",0,5\r\n\r\n\
         0.04,{METER},,100,5\r\n1,{OTHER},,0,\r\n"
    );
    let imported = read(ImportFormat::Csv, &table).unwrap();
    let expected = [
        (
            METER.to_owned(),
            "5".to_owned(),
            steps(&[("0", "0.05"), ("100", "0.04")]),
        ),
        (OTHER.to_owned(), "0".to_owned(), steps(&[("0", "1")])),
    ];
    assert_eq!(shown(&imported), expected);
    assert_eq!(said(&imported), []);
}

#[test]
fn a_meter_with_a_step_that_was_rejected_is_not_sold_at_what_is_left_of_its_price() {
    let table = format!(
        "meterId,from,includedQuantity,unitPrice\n{METER},0,,0.05\n{METER},100,,x\n{OTHER},0,1,1\n{OTHER},5,2,1\n\
         nothing,0,,1\n{METER},0\n"
    );
    let imported = read(ImportFormat::Csv, &table).unwrap();
    assert_eq!(shown(&imported), []);
    let expected = [
        (2, "MeterIncomplete"),
        (3, "InvalidNumber"),
        (4, "MeterIncomplete"),
        (5, "TwoIncludedQuantities"),
        (6, "InvalidMeterId"),
        (7, "InvalidLine"),
    ];
    assert_eq!(said(&imported), expected);
}

#[test]
fn what_is_no_such_document_at_all_is_refused() {
    for (format, text) in [
        (ImportFormat::RateCard, "[]"),
        (ImportFormat::PartnerCenter, "{\"items\": []}"),
        (ImportFormat::Csv, ""),
        (ImportFormat::Csv, "meter;price\n1;2\n"),
        (ImportFormat::Csv, "meterId,from,\"unitPrice\n"),
    ] {
        assert!(read(format, text).is_err(), "{text}");
    }
}
