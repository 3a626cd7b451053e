//! Drafts of price lists over HTTPS: written, compared, imported, published.

use reqwest::Method;
use reqwest::header::IF_MATCH;
use serde_json::{Value, json};

use crate::fixture::{Answer, House};
use crate::world::partner;

const LIST: &str = "/api/v1/price-lists/contoso-usd";
const DRAFT: &str = "/api/v1/price-list-drafts/contoso-usd";
const METER: &str = "53cb37ba-83b2-5e7a-9bbf-6837eb1165dd";
const UNKNOWN: &str = "1d7518e5-bc2f-4a93-9057-1b3047856645";

fn follows(percentage: &str) -> Value {
    json!({ "currency": "USD", "seller": partner(), "effectiveFrom": "2026-11-01T00:00:00Z", "prices": [],
        "derivedFrom": { "base": "pay-as-you-use-usd", "percentage": percentage, "maximumChange": "0.5" } })
}

async fn publish(house: &House, etag: Option<&str>) -> Answer {
    let mut request = house.request(Method::POST, &format!("{DRAFT}/publish"));
    if let Some(etag) = etag {
        request = request.header(IF_MATCH, etag);
    }
    house.send(request).await
}

async fn import(house: &House, query: &str, text: &str) -> Answer {
    let path = format!(
        "{DRAFT}/import?{query}&effectiveFrom=2026-11-01T00:00:00Z&seller={}",
        partner()
    );
    let request = house.request(Method::POST, &path).body(text.to_owned());
    house.send(request).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_seen_is_not_published() {
    let house = House::start().await;
    house.open_accounts().await;
    house.get(DRAFT).await.refused(404, "PriceListDraftNotFound");
    let drafted = house.put(DRAFT, &follows("12.5")).await.expect(201).body;
    assert_eq!(drafted["derivedFrom"], follows("12.5")["derivedFrom"]);
    house.get(LIST).await.refused(404, "PriceListNotFound");

    let diff = house.get(&format!("{DRAFT}/diff")).await.expect(200);
    let seen = diff.header("etag").to_owned();
    let meters = diff.body["meters"].as_array().unwrap();
    assert!(
        meters.len() > 30 && meters.iter().all(|it| it["change"] == "added"),
        "{diff:?}"
    );
    publish(&house, None).await.refused(400, "DiffNotSeen");
    house.put(DRAFT, &follows("20")).await.expect(200);
    publish(&house, Some(&seen))
        .await
        .refused(412, "PreconditionFailed");

    let diff = house.get(&format!("{DRAFT}/diff")).await.expect(200);
    let published = publish(&house, Some(diff.header("etag"))).await.expect(201).body;
    assert_eq!(published["versions"][0]["derivedFrom"]["percentage"], "20");
    house.get(DRAFT).await.refused(404, "PriceListDraftNotFound");
    let list = house.get(LIST).await.expect(200).body;
    assert_eq!(list["currentPrices"].as_array().unwrap().len(), meters.len());

    house.put(DRAFT, &follows("25")).await.expect(201);
    let diff = house.get(&format!("{DRAFT}/diff")).await.expect(200).body;
    let change = &diff["meters"][0]["tiers"][0];
    assert_eq!(change["percent"], "4.1667", "1.25 of 1.2: {change}");
    house.delete(DRAFT).await.expect(204);
    house.delete(DRAFT).await.refused(404, "PriceListDraftNotFound");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_derivation_names_the_member_at_fault() {
    let house = House::start().await;
    house.open_accounts().await;
    for (member, value, code, target) in [
        ("base", "none", "BasePriceListNotFound", "derivedFrom.base"),
        ("base", "No", "InvalidMember", "derivedFrom.base"),
        ("percentage", "5%", "InvalidMember", "derivedFrom.percentage"),
        ("percentage", "-100.5", "InvalidMember", "derivedFrom.percentage"),
        (
            "minimumChange",
            "-1",
            "InvalidMember",
            "derivedFrom.minimumChange",
        ),
        ("maximumChange", "x", "InvalidMember", "derivedFrom.maximumChange"),
        (
            "minimumChange",
            "0.6",
            "MinimumChangeAboveMaximum",
            "derivedFrom.minimumChange",
        ),
    ] {
        let mut draft = follows("5");
        draft["derivedFrom"][member] = value.into();
        let refused = house.put(DRAFT, &draft).await;
        let said = &refused.body["error"];
        assert_eq!(
            (refused.status.as_u16(), &said["target"]),
            (400, &target.into()),
            "{member}: {said}"
        );
        if code != "InvalidMember" {
            assert_eq!(said["code"], code, "{member}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_leaves_nothing_out_unless_it_is_told_to() {
    let house = House::start().await;
    house.open_accounts().await;
    let table = format!("meterId,from,unitPrice\n{METER},0,0.05\n{UNKNOWN},0,1\nvm,0,1\n");
    let preview = import(&house, "format=csv&currency=USD&dryRun=true", &table)
        .await
        .expect(200)
        .body;
    assert_eq!(preview["prices"][0]["rates"], json!({ "0": "0.05" }));
    assert_eq!(preview["unknown"][0]["meterId"], UNKNOWN);
    assert_eq!(preview["rejected"][0]["row"], 4);
    assert_eq!(preview["rejected"][0]["code"], "InvalidMeterId");
    let refused = import(&house, "format=csv&currency=USD", &table).await;
    refused.refused(400, "PricesLeftOut");
    house.get(DRAFT).await.refused(404, "PriceListDraftNotFound");
    import(&house, "format=csv&currency=USD&leaveOut=true", &table)
        .await
        .expect(200);
    let draft = house.get(DRAFT).await.expect(200).body;
    assert_eq!(draft["prices"].as_array().unwrap().len(), 1);

    let card = json!({ "OfferTerms": [], "Currency": "USD", "Locale": "en-US", "IsTaxIncluded": false,
        "Meters": [{ "MeterId": METER, "MeterName": "M", "MeterRates": { "0": 0.1 }, "IncludedQuantity": 0 }] });
    let imported = import(&house, "format=rateCard", &card.to_string())
        .await
        .expect(200)
        .body;
    assert_eq!(imported["draft"]["prices"][0]["rates"], json!({ "0": "0.1" }));
    let other = import(&house, "format=rateCard&currency=EUR", &card.to_string()).await;
    other.refused(400, "InvalidQuery");
    import(&house, "format=rateCard", "[]")
        .await
        .refused(400, "UnreadablePrices");
    import(&house, "format=xml", "[]")
        .await
        .refused(400, "InvalidQuery");
}
