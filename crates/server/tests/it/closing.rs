//! Deleting accounts, through the door.

use serde_json::{Value, json};

use crate::fixture::{House, id};

async fn accounts(house: &House) {
    let partner = json!({ "id": id('a', 1), "name": "Fabrikam", "kind": "directBill" });
    house.post("/api/v1/partners", &partner).await.expect(201);
    let customer =
        json!({ "id": id('b', 1), "partnerId": id('a', 1), "name": "Contoso", "tenantIds": [id('c', 1)] });
    house.post("/api/v1/customers", &customer).await.expect(201);
    house
        .post("/api/v1/subscriptions", &subscription())
        .await
        .expect(201);
}

fn subscription() -> Value {
    json!({ "id": id('d', 1), "name": "Contoso production", "kind": "csp", "tenantId": id('c', 1),
        "ownerPartnerId": id('a', 1), "customerId": id('b', 1) })
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_are_closed_from_the_inside_out_and_never_opened_again() {
    let house = House::start().await;
    accounts(&house).await;
    let path = |what: &str, kind| format!("/api/v1/{what}/{}", id(kind, 1));
    let (partner, customer, sold) = (
        path("partners", 'a'),
        path("customers", 'b'),
        path("subscriptions", 'd'),
    );
    house.delete(&partner).await.refused(409, "CustomersRemain");
    let refused = house.delete(&customer).await.refused(409, "SubscriptionsRemain");
    let message = refused.body["error"]["message"].as_str().unwrap().to_owned();
    assert!(message.contains(&id('d', 1)), "{message}");
    for (path, code) in [
        (&sold, "SubscriptionNotFound"),
        (&customer, "CustomerNotFound"),
        (&partner, "PartnerNotFound"),
    ] {
        house.delete(path).await.expect(204);
        house.get(path).await.refused(404, code);
        house.delete(path).await.refused(404, code);
    }
    for list in ["partners", "customers", "subscriptions"] {
        let listed = house.get(&format!("/api/v1/{list}")).await.expect(200);
        assert_eq!(listed.body["value"], json!([]), "{list}");
    }
    let partner = json!({ "id": id('a', 1), "name": "Fabrikam", "kind": "directBill" });
    let again = house.post("/api/v1/partners", &partner).await;
    again.refused(409, "IdWasUsed");
    let statement = format!("/api/v1/statements/{}?period=2026-10", id('d', 1));
    let statement = house.get(&statement).await.expect(200).body;
    assert_eq!(statement["customer"]["name"], "Contoso");
    for (what, code) in [
        ("partners", "InvalidPartnerId"),
        ("customers", "InvalidCustomerId"),
        ("subscriptions", "InvalidSubscriptionId"),
        ("directories", "InvalidDirectoryId"),
        ("users", "InvalidUserId"),
        ("applications", "InvalidApplicationId"),
        ("groups", "InvalidGroupId"),
    ] {
        house
            .delete(&format!("/api/v1/{what}/x"))
            .await
            .refused(400, code);
        let odd = format!("/api/v1/{what}/{}?force=true", id('a', 1));
        house.delete(&odd).await.refused(400, "UnknownQueryParameter");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_is_emptied_before_it_is_deleted() {
    let house = House::start().await;
    let new = json!({ "name": "Platform", "domain": "platform.example" });
    let created = house.post("/api/v1/directories", &new).await.expect(201);
    let directory = created.body["id"].as_str().unwrap().to_owned();
    let inside = |what: &str| format!("/api/v1/directories/{directory}/{what}");
    let mut made = Vec::new();
    for (what, body) in [
        (
            "users",
            json!({ "name": "anna@platform.example", "password": "correct horse battery" }),
        ),
        ("applications", json!({ "name": "Nightly" })),
        ("groups", json!({ "name": "Readers" })),
    ] {
        let created = house.post(&inside(what), &body).await.expect(201);
        made.push((what, created.body["id"].as_str().unwrap().to_owned()));
    }
    let whole = format!("/api/v1/directories/{directory}");
    for ((what, id), code) in made
        .iter()
        .zip(["UsersRemain", "ApplicationsRemain", "GroupsRemain"])
    {
        house.delete(&whole).await.refused(409, code);
        house.delete(&format!("/api/v1/{what}/{id}")).await.expect(204);
        let left = house.get(&inside(what)).await.expect(200);
        assert_eq!(left.body["value"], json!([]), "{what}");
    }
    let application = json!({ "id": made[1].1, "name": "Nightly" });
    house
        .post(&inside("applications"), &application)
        .await
        .refused(409, "IdWasUsed");
    house.delete(&whole).await.expect(204);
    house.get(&whole).await.refused(404, "DirectoryNotFound");
}
