//! What is wrong in requests about budgets.

use serde_json::{Value, json};

use super::{Wrong, get, put};
use crate::fixture::id;
use crate::world::{default_subscription, partner};

pub(super) fn budgets() -> Vec<Wrong> {
    let path = "/api/v1/budgets/web";
    let buyer = json!({ "kind": "partner", "id": partner() });
    let set = |change: &[(&str, Value)]| {
        let mut body = json!({ "buyer": buyer, "amount": { "amount": "10", "currency": "USD" } });
        change
            .iter()
            .for_each(|(member, value)| body[member] = value.clone());
        body
    };
    let wrong = |member: &str, value: Value, refused| put(path, set(&[(member, value)]), refused);
    let amount = |amount: &str, currency: &str| json!({ "amount": amount, "currency": currency });
    let tag = |name: &str, value: &str| json!({ "name": name, "value": value });
    let invalid = |target| (400, "InvalidProperty", target);
    let refused = |target| (400, "InvalidBudget", target);
    let nobody = json!({ "kind": "partner", "id": id('a', 99) });
    let elevens: Vec<u16> = (1..=11).collect();
    vec![
        get("/api/v1/budgets/Web", (400, "InvalidBudgetName", "budget")),
        get("/api/v1/budgets/none", (404, "BudgetNotFound", "")),
        get(
            "/api/v1/budgets/web?owner=x",
            (400, "InvalidBudgetOwner", "owner"),
        ),
        get(
            "/api/v1/budgets?skipToken=eA",
            (400, "InvalidSkipToken", "skipToken"),
        ),
        get("/api/v1/budgets?x=1", (400, "UnknownQueryParameter", "x")),
        get("/api/v1/budgets?top=0", (400, "InvalidTop", "top")),
        get("/api/v1/budgets/web?x=1", (400, "UnknownQueryParameter", "x")),
        put(
            "/api/v1/budgets/-",
            set(&[]),
            (400, "InvalidBudgetName", "budget"),
        ),
        put(
            path,
            json!({ "buyer": buyer }),
            (400, "InvalidRequestContent", ""),
        ),
        put(path, json!({ "amount": amount("1", "USD") }), invalid("buyer")),
        wrong(
            "subscriptionId",
            json!(default_subscription()),
            invalid("subscriptionId"),
        ),
        wrong("subscriptionId", json!("x"), invalid("subscriptionId")),
        wrong("seller", json!("x"), invalid("seller")),
        wrong("owner", json!("x"), invalid("owner")),
        wrong(
            "owner",
            json!(format!("partner:{}", partner())),
            (403, "AuthorizationFailed", "owner"),
        ),
        wrong(
            "buyer",
            json!({ "kind": "partner", "id": "x" }),
            invalid("buyer.id"),
        ),
        wrong("buyer", nobody, (400, "NoSuchSale", "buyer")),
        wrong("seller", json!(partner()), (400, "NoSuchSale", "buyer")),
        put(
            path,
            json!({ "subscriptionId": id('d', 99), "amount": amount("1", "USD") }),
            (404, "SubscriptionNotFound", "subscriptionId"),
        ),
        put(
            path,
            json!({ "seller": partner(), "subscriptionId": default_subscription(), "amount": amount("1", "USD") }),
            invalid("seller"),
        ),
        wrong("amount", amount("x", "USD"), invalid("amount.amount")),
        wrong("amount", amount("-1", "USD"), invalid("amount.amount")),
        wrong("amount", amount("0.001", "USD"), invalid("amount.amount")),
        wrong("amount", amount("1", "dollar"), invalid("amount.currency")),
        wrong("amount", amount("0", "USD"), refused("amount")),
        wrong("thresholds", json!([]), invalid("thresholds")),
        wrong("thresholds", json!(elevens), invalid("thresholds")),
        wrong("thresholds", json!([0]), invalid("thresholds")),
        wrong("thresholds", json!([1_001]), invalid("thresholds")),
        wrong("thresholds", json!([80, 80]), invalid("thresholds")),
        wrong(
            "thresholds",
            json!(["80"]),
            (400, "InvalidRequestContent", "thresholds[0]"),
        ),
        wrong("from", json!("2026-13"), invalid("from")),
        wrong("tag", tag(" ", "prod"), refused("tag.name")),
        wrong("tag", tag(&"n".repeat(513), "prod"), refused("tag.name")),
        wrong("tag", tag("env", &"v".repeat(257)), refused("tag.value")),
        wrong(
            "tag",
            json!({ "name": "env" }),
            (400, "InvalidRequestContent", "tag"),
        ),
        wrong("note", json!("x"), (400, "InvalidRequestContent", "note")),
    ]
}
