//! What is wrong in requests about bills and what they are made from.

use serde_json::{Value, json};

use super::{Wrong, get, post, put};
use crate::fixture::id;
use crate::world::{default_subscription, partner, stack};

pub(super) fn statements() -> Vec<Wrong> {
    let list = |change: &[(&str, Value)]| {
        let mut body = json!({ "currency": "USD", "effectiveFrom": "2026-10-01T00:00:00Z", "prices": [] });
        change
            .iter()
            .for_each(|(member, value)| body[member] = value.clone());
        body
    };
    let statement = format!("/api/v1/statements/{}", default_subscription());
    vec![
        get(&statement, (400, "MissingPeriod", "period")),
        get(format!("{statement}?period="), (400, "MissingPeriod", "period")),
        get(
            format!("{statement}?period=2026-13"),
            (400, "InvalidPeriod", "period"),
        ),
        get(
            format!("{statement}?period=october"),
            (400, "InvalidPeriod", "period"),
        ),
        get(
            "/api/v1/statements/x?period=2026-10",
            (400, "InvalidSubscriptionId", "subscriptionId"),
        ),
        get(
            format!("/api/v1/statements/{}?period=2026-10", id('d', 99)),
            (404, "SubscriptionNotFound", "subscriptionId"),
        ),
        get(
            "/api/v1/usage/unmapped?period=1",
            (400, "InvalidPeriod", "period"),
        ),
        get(
            "/api/v1/tenant-suggestions?period=1",
            (400, "InvalidPeriod", "period"),
        ),
        get("/api/v1/periods/2026/check", (400, "InvalidPeriod", "period")),
        put(
            "/api/v1/price-lists/Usd",
            list(&[]),
            (400, "InvalidPriceListName", "name"),
        ),
        put(
            "/api/v1/price-lists/usd",
            list(&[("currency", json!("dollar"))]),
            (400, "InvalidProperty", "currency"),
        ),
        put(
            "/api/v1/price-lists/usd",
            list(&[("effectiveFrom", json!("2026-10-01T00:30:00Z"))]),
            (400, "InvalidProperty", "effectiveFrom"),
        ),
        put(
            "/api/v1/price-lists/usd",
            list(&[(
                "prices",
                json!([{ "meterId": id('1', 1), "rates": { "0": "1e-99" } }]),
            )]),
            (400, "InvalidProperty", "prices[0].rates['0']"),
        ),
        put(
            "/api/v1/price-lists/usd",
            list(&[(
                "prices",
                json!([{ "meterId": id('1', 1), "rates": { "5": "1" } }]),
            )]),
            (400, "InvalidProperty", "prices[0].rates"),
        ),
    ]
}

pub(super) fn periods() -> Vec<Wrong> {
    let waive = |stack: &str, reason: &str| json!({ "stack": stack, "reason": reason });
    let waivers = "/api/v1/periods/2026-10/waivers";
    let statement = "/api/v1/periods/2026-11/running/statement";
    let partner = format!("partner:{}", partner());
    vec![
        get("/api/v1/periods/2026", (400, "InvalidPeriod", "period")),
        get("/api/v1/periods?tpo=1", (400, "UnknownQueryParameter", "tpo")),
        get("/api/v1/periods/2026-10?x=1", (400, "UnknownQueryParameter", "x")),
        get(
            "/api/v1/periods?skipToken=%21",
            (400, "InvalidSkipToken", "skipToken"),
        ),
        post(
            "/api/v1/periods/october/close",
            json!({}),
            (400, "InvalidPeriod", "period"),
        ),
        post(
            "/api/v1/periods/2026-11/close",
            json!({}),
            (409, "PeriodNotOver", ""),
        ),
        post(
            "/api/v1/periods/2026-11/waivers",
            waive(&stack(), "lost"),
            (409, "PeriodNotOver", ""),
        ),
        post(
            "/api/v1/periods/2026-10/close",
            json!({ "frist": true }),
            (400, "InvalidRequestContent", "frist"),
        ),
        post(
            "/api/v1/periods/2026-10/replay",
            json!({}),
            (409, "PeriodNotClosed", ""),
        ),
        post(waivers, waive("x", "lost"), (400, "InvalidProperty", "stack")),
        post(waivers, waive(&stack(), " "), (400, "InvalidReason", "reason")),
        post(
            waivers,
            waive(&stack(), &"x".repeat(501)),
            (400, "InvalidReason", "reason"),
        ),
        post(
            waivers,
            waive(&id('5', 9), "lost"),
            (404, "StackNeverRegistered", ""),
        ),
        post(
            waivers,
            json!({ "stack": stack() }),
            (400, "InvalidRequestContent", ""),
        ),
        get("/api/v1/periods/x/running", (400, "InvalidPeriod", "period")),
        get(statement, (400, "InvalidQuery", "seller")),
        get(
            format!("{statement}?seller=me&buyer={partner}&currency=USD"),
            (400, "InvalidQuery", "seller"),
        ),
        get(
            format!("{statement}?seller=platform&currency=USD"),
            (400, "InvalidQuery", "buyer"),
        ),
        get(
            format!("{statement}?seller=platform&buyer={}&currency=USD", id('a', 1)),
            (400, "InvalidQuery", "buyer"),
        ),
        get(
            format!("{statement}?seller=platform&buyer={partner}"),
            (400, "InvalidQuery", "currency"),
        ),
        get(
            format!("{statement}?seller=platform&buyer={partner}&currency=dollar"),
            (400, "InvalidQuery", "currency"),
        ),
        get(
            format!(
                "{statement}?seller=platform&buyer=partner:{}&currency=USD",
                id('a', 99)
            ),
            (404, "AccountNotFound", ""),
        ),
        get("/api/v1/invoices?period=x", (400, "InvalidPeriod", "period")),
        get("/api/v1/invoices?seller=x", (400, "InvalidQuery", "seller")),
        get("/api/v1/invoices?buyer=x", (400, "InvalidQuery", "buyer")),
        get(
            "/api/v1/invoices?subscription=x",
            (400, "InvalidSubscriptionId", "subscription"),
        ),
        get(
            "/api/v1/invoices?number=1",
            (400, "UnknownQueryParameter", "number"),
        ),
        get("/api/v1/invoices?skipToken=TUI", (404, "InvoiceNotFound", "")),
        get("/api/v1/invoices/MB-000001", (404, "InvoiceNotFound", "")),
        post(
            "/api/v1/invoices/1/replay",
            json!({}),
            (404, "InvoiceNotFound", ""),
        ),
    ]
}

pub(super) fn terms() -> Vec<Wrong> {
    let buyer = json!({ "kind": "partner", "id": partner() });
    let set = |change: &[(&str, Value)]| {
        let mut body = json!({ "buyer": buyer, "from": "2026-11", "terms": {} });
        change
            .iter()
            .for_each(|(member, value)| body[member] = value.clone());
        body
    };
    let wrong = |member: &str, value: Value, refused| put("/api/v1/terms", set(&[(member, value)]), refused);
    let agreed = |terms: Value, target| wrong("terms", terms, (400, "InvalidProperty", target));
    let amount = |amount: &str, currency: &str| json!({ "amount": amount, "currency": currency });
    let cores = format!("/api/v1/registrations/{}/cores", stack());
    let rate = |change: &[(&str, &str)]| {
        let mut body = json!({ "from": "EUR", "to": "USD", "rate": "1.1", "since": "2026-11-01T00:00:00Z" });
        change
            .iter()
            .for_each(|(member, value)| body[member] = json!(value));
        body
    };
    let rates = "/api/v1/exchange-rates";
    vec![
        wrong("seller", json!("x"), (400, "InvalidProperty", "seller")),
        put(
            "/api/v1/terms",
            json!({ "seller": id('a', 99), "from": "2026-11", "terms": {} }),
            (400, "UnknownSeller", "seller"),
        ),
        wrong(
            "buyer",
            json!({ "kind": "partner", "id": "x" }),
            (400, "InvalidProperty", "buyer.id"),
        ),
        wrong(
            "buyer",
            json!({ "kind": "friend", "id": "x" }),
            (400, "InvalidRequestContent", "buyer.kind"),
        ),
        wrong(
            "buyer",
            json!({ "kind": "partner", "id": id('a', 99) }),
            (400, "NoSuchSale", "buyer"),
        ),
        wrong("from", json!("november"), (400, "InvalidProperty", "from")),
        wrong(
            "terms",
            json!({ "discount": 1 }),
            (400, "InvalidRequestContent", "terms.discount"),
        ),
        agreed(json!({ "credit": amount("-1", "USD") }), "terms.credit.amount"),
        agreed(json!({ "credit": amount("0.001", "USD") }), "terms.credit.amount"),
        agreed(json!({ "credit": amount("1.5", "JPY") }), "terms.credit.amount"),
        agreed(
            json!({ "credit": amount("1", "dollar") }),
            "terms.credit.currency",
        ),
        agreed(
            json!({ "minimumCommitment": amount("much", "USD") }),
            "terms.minimumCommitment.amount",
        ),
        agreed(
            json!({ "tax": { "percent": "25%", "label": "VAT" } }),
            "terms.tax.percent",
        ),
        wrong(
            "terms",
            json!({ "tax": { "percent": "101", "label": "VAT" } }),
            (400, "InvalidTerms", "terms"),
        ),
        agreed(
            json!({ "capacityFee": { "perCoreAndYear": "-1", "currency": "USD" } }),
            "terms.capacityFee.perCoreAndYear",
        ),
        agreed(
            json!({ "capacityFee": { "perCoreAndYear": "1", "currency": "x" } }),
            "terms.capacityFee.currency",
        ),
        put(
            "/api/v1/terms",
            json!({ "from": "2026-11", "terms": { "credit": amount("1", "USD") } }),
            (400, "InvalidTerms", "terms"),
        ),
        put(
            &cores,
            json!({ "cores": 0, "from": "2026-11-01T00:00:00Z" }),
            (400, "InvalidCores", "cores"),
        ),
        put(
            &cores,
            json!({ "cores": 4, "from": "2026-11-01T00:30:00Z" }),
            (400, "InvalidProperty", "from"),
        ),
        put(
            &cores,
            json!({ "from": "2026-11-02T00:00:00Z", "to": "2026-11-01T00:00:00Z" }),
            (400, "InvalidProperty", "to"),
        ),
        put(
            "/api/v1/registrations/x/cores",
            json!({ "from": "2026-11-01T00:00:00Z" }),
            (400, "InvalidCloudId", "cloudId"),
        ),
        put(
            format!("/api/v1/registrations/{}/cores", id('5', 9)),
            json!({ "from": "2026-11-01T00:00:00Z" }),
            (404, "StackNeverRegistered", ""),
        ),
        put(rates, rate(&[("from", "x")]), (400, "InvalidProperty", "from")),
        put(rates, rate(&[("to", "x")]), (400, "InvalidProperty", "to")),
        put(rates, rate(&[("to", "EUR")]), (400, "InvalidRate", "rate")),
        put(rates, rate(&[("rate", "-1")]), (400, "InvalidProperty", "rate")),
        put(rates, rate(&[("rate", "0")]), (400, "InvalidRate", "rate")),
        put(
            rates,
            rate(&[("since", "now")]),
            (400, "InvalidProperty", "since"),
        ),
    ]
}

pub(super) fn drafts() -> Vec<Wrong> {
    let draft = "/api/v1/price-list-drafts/usd";
    let body =
        |currency: &str, from: &str| json!({ "currency": currency, "effectiveFrom": from, "prices": [] });
    let import = |query: &str, target| {
        post(
            format!("{draft}/import?{query}"),
            json!({}),
            (400, "InvalidQuery", target),
        )
    };
    vec![
        get(
            "/api/v1/price-list-drafts?tpo=1",
            (400, "UnknownQueryParameter", "tpo"),
        ),
        get(
            "/api/v1/price-list-drafts/Usd",
            (400, "InvalidPriceListName", "name"),
        ),
        get(draft, (404, "PriceListDraftNotFound", "")),
        get(format!("{draft}/diff"), (404, "PriceListDraftNotFound", "")),
        get(format!("{draft}/diff?x=1"), (400, "UnknownQueryParameter", "x")),
        put(
            "/api/v1/price-list-drafts/Usd",
            body("USD", "2026-11-01T00:00:00Z"),
            (400, "InvalidPriceListName", "name"),
        ),
        put(
            draft,
            body("dollar", "2026-11-01T00:00:00Z"),
            (400, "InvalidProperty", "currency"),
        ),
        put(
            draft,
            body("USD", "2026-11-01T00:30:00Z"),
            (400, "InvalidProperty", "effectiveFrom"),
        ),
        put(draft, json!([]), (400, "InvalidRequestContent", "")),
        put(
            format!("{draft}?dryRun=true"),
            body("USD", "2026-11-01T00:00:00Z"),
            (400, "UnknownQueryParameter", "dryRun"),
        ),
        import("", "format"),
        import("format=xml", "format"),
        import("format=csv&leaveOut=maybe", "leaveOut"),
        import("format=csv&dryRun=maybe", "dryRun"),
        post(
            format!("{draft}/import?format=csv&from=now"),
            json!({}),
            (400, "UnknownQueryParameter", "from"),
        ),
    ]
}
