//! What is told over HTTPS of who set what a line of a bill is made by: what whoever asks would read elsewhere.

use reqwest::Method;
use serde_json::{Value, json};

use crate::access_world::{PROVIDER, RESELLER, World};
use crate::fixture::id;
use crate::periods::{closed, uses};
use crate::world::{directory, stack};

const OF_PLATFORM: &str = "pay-as-you-use-usd";
const OF_PROVIDER: &str = "provider-usd";
const OF_RESELLER: &str = "customer-usd";
const OCTOBER_ON: &str = "2026-10-01T00:00:00Z";

/// The provider's prices follow the platform's, and the reseller's for its customer the provider's. October is closed.
async fn sold_along_a_chain() -> World {
    let world = World::build().await;
    let house = &world.house;
    let follows = |base: &str| json!({ "base": base, "percentage": "10" });
    let of_provider = json!({ "currency": "USD", "seller": id('a', PROVIDER), "effectiveFrom": OCTOBER_ON,
        "prices": [], "derivedFrom": follows(OF_PLATFORM) });
    let of_reseller = json!({ "currency": "USD", "seller": id('a', RESELLER), "buyer": id('d', 1),
        "effectiveFrom": OCTOBER_ON, "prices": [], "derivedFrom": follows(OF_PROVIDER) });
    for (name, list) in [(OF_PROVIDER, &of_provider), (OF_RESELLER, &of_reseller)] {
        let path = format!("/api/v1/price-lists/{name}");
        house.put(&path, list).await.expect(201);
    }
    let path = |what: &str| format!("/api/v1/registrations/{}/{what}", stack());
    let from = json!({ "validFrom": OCTOBER_ON });
    house.post(&path("backdate"), &from).await.expect(200);
    let listing = format!("/api/v1/stacks/{}/subscriptions", stack());
    let of_customer = directory(&id('c', RESELLER));
    house.put(&listing, &of_customer).await.expect(200);
    let mapping = json!({ "tenantId": id('c', RESELLER), "subscriptionId": id('d', 1),
        "validFrom": "2026-10-03T00:00:00Z" });
    house.post(&path("tenant-mappings"), &mapping).await.expect(200);
    uses(house, 5, "1000").await;
    closed(house).await;
    world
}

/// The path at which the one line of a seller's invoice is opened.
async fn line_of(world: &World, seller: u32) -> String {
    let listed = format!("/api/v1/invoices?seller={}", id('a', seller));
    let listed = world.house.get(&listed).await.expect(200).body;
    let invoices = listed["value"].as_array().unwrap();
    assert_eq!(invoices.len(), 1, "{listed}");
    let invoice = format!("/api/v1/invoices/{}", invoices[0]["number"].as_str().unwrap());
    let invoice = world.house.get(&invoice).await.expect(200).body;
    let line = invoice["lines"][0]["id"].as_str().unwrap();
    format!("/api/v1/invoice-lines/{line}/explain")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_buyer_who_opens_a_line_learns_nothing_of_the_lists_that_its_sellers_prices_follow() {
    let world = sold_along_a_chain().await;
    let all = [OF_PLATFORM, OF_PROVIDER, OF_RESELLER];
    for (seller, caller, told, knows_who) in [
        (
            PROVIDER,
            "operator credential",
            &[OF_PROVIDER, OF_PLATFORM][..],
            true,
        ),
        (PROVIDER, "provider's agent", &[OF_PROVIDER, OF_PLATFORM], true),
        // It reads the platform's list, and not that the provider's prices follow it.
        (PROVIDER, "own agent", &[OF_PROVIDER], false),
        (
            RESELLER,
            "operator credential",
            &[OF_RESELLER, OF_PROVIDER, OF_PLATFORM],
            true,
        ),
        // Its own list, and not the provider's that it follows.
        (RESELLER, "own agent", &[OF_RESELLER], true),
        (RESELLER, "customer's user", &[OF_RESELLER], false),
    ] {
        let line = line_of(&world, seller).await;
        let level = world.get(caller, &line).await.expect(200).body;
        let decisions = level["decisions"].as_array().unwrap();
        let lists: Vec<&str> = decisions
            .iter()
            .map(|it| it["priceList"].as_str().unwrap())
            .collect();
        assert_eq!(lists, told, "{caller}: {level:#}");
        for decision in decisions {
            for member in ["setBy", "setAt", "entry"] {
                assert_eq!(decision.get(member).is_some(), knows_who, "{caller}: {decision}");
            }
        }
        if !knows_who {
            let nothing_else = json!([{ "priceList": told[0], "validFrom": OCTOBER_ON }]);
            assert_eq!(level["decisions"], nothing_else, "{caller}");
        }
        let text = level.to_string();
        for list in all.iter().filter(|list| !told.contains(list)) {
            assert!(!text.contains(list), "{caller} reads of {list}: {level:#}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_set_a_mapping_is_told_to_those_who_read_it_in_the_history_of_mappings() {
    let world = sold_along_a_chain().await;
    // It reads what one subscription is charged, and not the registration of the stack, which is another's.
    let reader = "no role";
    let scope = format!("/subscriptions/{}", id('d', 1));
    let assignment = id('7', 77);
    let path = format!(
        "{scope}/providers/Microsoft.Authorization/roleAssignments/{assignment}?api-version=2022-04-01"
    );
    let role = domain::authorization::RoleDefinition::READER;
    let body = json!({ "properties": {
        "roleDefinitionId": format!("/providers/Microsoft.Authorization/roleDefinitions/{role}"),
        "principalId": world.programs[reader].object,
    } });
    let given = world.house.put(&path, &body).await;
    assert!(given.status.is_success(), "{given:?}");
    let line = line_of(&world, RESELLER).await;
    let history = format!("/api/v1/registrations/{}/tenant-mappings", stack());
    for (caller, reads) in [("own agent", true), ("customer's user", true), (reader, false)] {
        let level = world
            .get(caller, &format!("{line}?open=0"))
            .await
            .expect(200)
            .body;
        let mapping = &level["parts"][0]["stretch"]["mapping"];
        assert_eq!(
            mapping["validFrom"], "2026-10-03T00:00:00Z",
            "{caller}: {level:#}"
        );
        let history = world.send(caller, Method::GET, &history, None).await;
        assert_eq!(history.status.is_success(), reads, "{caller}: {history:?}");
        let set_by = mapping.get("setBy");
        if reads {
            let versions = history.body["value"].as_array().unwrap();
            let same = |it: &&Value| it["entry"] == mapping["entry"];
            let version = versions.iter().find(same).unwrap();
            assert_eq!(set_by, version.get("recordedBy"), "{caller}");
        } else {
            assert_eq!(set_by, None, "{caller}: {mapping}");
            assert_eq!((mapping.get("setAt"), mapping.get("entry")), (None, None));
        }
    }
}
