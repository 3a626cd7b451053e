//! Months that are closed and what comes after, named after what would hurt: each through the real server and the real
//! binary, on both back ends.

mod agreed;
mod chain;
mod corrected;
mod explained;
mod issued;
mod reconciled;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::process::{Outcome, run_with};
use crate::server::Server;
use crate::store_elsewhere::{database, url_of};

pub(crate) const STACK: &str = "3a4a1c1e-0f4b-4f0a-9d55-6a3b0f2c7d11";
const PARTNER_TENANT: &str = "b1e0c1b8-5a3f-4e52-8a44-0d7f8b3f5e21";
const FJORDBANK: &str = "c2d7a9f4-1b6e-4c3d-9e8f-5a4b3c2d1e0f";
/// Of the tenant, on the stack.
const LOCAL_SUBSCRIPTION: &str = "7e5c0a9d-3b2f-4a18-9c6d-1f0e2d3c4b5a";
/// Base VM size hours: charged by the vCPU hour, one for one.
const LOCAL_METER: &str = "fab6eb84-500b-4a09-a8ca-7358f8bbaea5";

const MARCH: &str = "2024-03";
const APRIL: &str = "2024-04";

/// A platform on which a partner sells to one customer, who has two subscriptions.
pub(crate) struct Estate<'a> {
    pub(crate) server: &'a Server,
    pub(crate) partner: String,
    /// The tenant is mapped to it from March on.
    pub(crate) first: String,
    pub(crate) second: String,
    /// Pays for what nobody claims.
    pub(crate) own: String,
    meter: String,
}

fn on_both_back_ends(scenario: impl Fn(&Server)) {
    scenario(&Server::start());
    let Some(database) = database() else { return };
    scenario(&Server::start_on(&url_of(&database)));
}

fn id(value: &Value) -> String {
    value["id"]
        .as_str()
        .unwrap_or_else(|| panic!("{value}"))
        .to_owned()
}

/// The id of what is priced when the base size of VMs is used.
fn meter(server: &Server) -> String {
    let meters = server.json("meter list", &[]);
    let mut meters = meters.as_array().unwrap().iter();
    let base = meters.find(|it| {
        it["localMeterId"]
            .as_str()
            .unwrap()
            .eq_ignore_ascii_case(LOCAL_METER)
    });
    base.unwrap()["billing"]["billingMeterId"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// A partner of this kind, its customer with two subscriptions, and the partner's own.
fn estate<'a>(server: &'a Server, kind: &[&str]) -> Estate<'a> {
    let partner = [&["--name", "Northwind", "--kind"][..], kind].concat();
    let partner = id(&server.json("partner create", &partner));
    let of = ["--partner", partner.as_str(), "--tenant", FJORDBANK];
    let customer = [&of[..], &["--name", "Fjordbank"]].concat();
    let customer = id(&server.json("customer create", &customer));
    let csp = |name: &str| {
        let sold = [&of[..], &["--customer", &customer, "--name", name]].concat();
        id(&server.json("subscription create --kind csp", &sold))
    };
    let (first, second) = (csp("First"), csp("Second"));
    // A reseller has no shared services subscription: its stacks are registered with a customer's.
    let own = if kind.contains(&"--provider") {
        first.clone()
    } else {
        let own = ["--name", "Own", "--partner", &partner, "--tenant", PARTNER_TENANT];
        id(&server.json("subscription create --kind partner-shared-services", &own))
    };
    Estate {
        meter: meter(server),
        server,
        partner,
        first,
        second,
        own,
    }
}

/// The same, with a stack of a direct partner that has reported nothing yet.
fn direct(server: &Server) -> Estate<'_> {
    let estate = estate(server, &["direct-bill"]);
    estate.registers(STACK, &[]);
    server.run("registration approve", &[STACK]).done();
    let directory = json!({ "value": [{ "subscriptionId": LOCAL_SUBSCRIPTION, "displayName": "Ledger",
        "owner": "ops@fjordbank.example", "tenantId": FJORDBANK, "state": "Enabled" }] });
    run_with(
        &mut server.command("stack directory", &[STACK, "-"]),
        &directory.to_string(),
    )
    .done();
    estate.maps(&estate.first, "2024-03-01");
    estate
}

impl Estate<'_> {
    fn registers(&self, stack: &str, more: &[&str]) {
        let registered = [&["--subscription", self.own.as_str(), "--cloud-id", stack], more].concat();
        self.server.run("registration register", &registered).done();
        self.server
            .run("registration backdate --from 2024-03-01", &[stack])
            .done();
    }

    /// From an hour on, the tenant's usage is charged to this subscription.
    fn maps(&self, subscription: &str, from: &str) {
        let mapped = [
            STACK,
            "--tenant",
            FJORDBANK,
            "--subscription",
            subscription,
            "--from",
            from,
        ];
        self.server.run("tenant map --yes", &mapped).done();
    }

    /// What the partner sells the meter for, from a day on.
    fn sells(&self, rates: &Value, from: &str) {
        self.publishes("northwind", Some(&self.partner), rates, from);
    }

    fn publishes(&self, name: &str, seller: Option<&str>, rates: &Value, from: &str) {
        let mut list = json!({ "currency": "USD", "effectiveFrom": format!("{from}T00:00:00Z"),
            "prices": [{ "meterId": self.meter, "rates": rates }] });
        if let Some(seller) = seller {
            list["seller"] = seller.into();
        }
        let mut put = self.server.command("price-list put", &[name, "-", "--yes"]);
        run_with(&mut put, &list.to_string()).done();
    }

    /// The stack reports this much of hours of usage, at an hour, and that it has reported all up to another.
    fn reports(&self, usage: &[(&str, &str)], at: &str, through: Option<&str>) {
        self.reports_as(STACK, LOCAL_SUBSCRIPTION, usage, at, through);
    }

    fn reports_as(&self, stack: &str, local: &str, usage: &[(&str, &str)], at: &str, through: Option<&str>) {
        let records: Vec<Value> = usage
            .iter()
            .map(|(start, quantity)| record(stack, local, start, quantity))
            .collect();
        let mut said = vec!["--cloud-id", stack, "--reported-start", at, "-"];
        said.extend(
            through
                .into_iter()
                .flat_map(|through| ["--reported-through", through]),
        );
        let page = json!({ "value": records }).to_string();
        run_with(&mut self.server.command("usage import", &said), &page).done();
    }

    fn closes(&self, period: &str) -> Value {
        let first: &[&str] = if period == MARCH { &["--first"] } else { &[] };
        self.server.json("bill close", &[&[period][..], first].concat())
    }

    fn tries_to_close(&self, period: &str) -> Outcome {
        self.server.run("bill close --output json", &[period])
    }

    /// The invoice of a month to a buyer.
    fn invoice(&self, period: &str, buyer: &str) -> Option<Value> {
        let listed = self
            .server
            .json("bill list", &["--period", period, "--buyer", buyer]);
        let listed = listed.as_array().unwrap();
        assert!(listed.len() <= 1, "{listed:?}");
        let number = listed.first()?["number"].as_str().unwrap();
        Some(self.server.json("bill show", &[number]))
    }

    /// What a subscription was billed for a month so far, by line, in cents: by its invoice and by corrections.
    fn billed(&self, period: &str, subscription: &str) -> BTreeMap<String, i64> {
        let buyer = format!("subscription:{subscription}");
        let listed = self.server.json("bill list", &["--buyer", &buyer]);
        let mut billed = BTreeMap::new();
        for number in listed.as_array().unwrap() {
            let invoice = self
                .server
                .json("bill show", &[number["number"].as_str().unwrap()]);
            assert_adds_up(&invoice);
            let of = ["lines", "corrections"].map(|member| invoice[member].as_array().unwrap().clone());
            for line in of.concat() {
                let id = line["id"].as_str().unwrap();
                let (_, line_of) = id.split_once('.').unwrap();
                if let Some(key) = line_of.strip_prefix(&format!("{period}.")) {
                    *billed.entry(key.to_owned()).or_default() += cents(&line["amount"]);
                }
            }
        }
        billed.retain(|_, amount| *amount != 0);
        billed
    }

    /// Law 6 for a subscription and a month: what was billed is what the month costs as it is known now, line by line.
    fn is_billed_as_if_closed_now(&self, period: &str, subscription: &str) -> i64 {
        let statement = self
            .server
            .json("statement show", &["--period", period, subscription]);
        let lines = statement["lines"].as_array().unwrap().iter();
        let costs: BTreeMap<String, i64> = lines
            .map(|line| {
                let meter = line["meterId"].as_str().unwrap();
                let since = line["priceSince"].as_str().unwrap().trim_end_matches(":00:00Z");
                let key = format!("usage.{subscription}.{meter}.{since}");
                (key, cents(&line["amount"]))
            })
            .filter(|(_, amount)| *amount != 0)
            .collect();
        assert_eq!(self.billed(period, subscription), costs, "{statement:#}");
        costs.values().sum()
    }

    /// Everything that was ever issued would be issued again so.
    fn all_replay(&self) {
        let replayed = self.server.json("bill replay --all", &[]);
        for period in replayed.as_array().unwrap() {
            assert_eq!(period["same"], true, "{period:#}");
        }
        assert_ne!(replayed, json!([]));
    }

    /// What is issued so far, as it is shown.
    fn shown(&self) -> Vec<Value> {
        let listed = self.server.json("bill list", &[]);
        let numbers = listed.as_array().unwrap().iter();
        numbers
            .map(|it| self.server.json("bill show", &[it["number"].as_str().unwrap()]))
            .collect()
    }
}

fn record(stack: &str, local: &str, start: &str, quantity: &str) -> Value {
    let uri = format!(
        "/subscriptions/{local}/resourceGroups/harbour/providers/Microsoft.Compute/virtualMachines/ledger"
    );
    let instance = json!({ "Microsoft.Resources": { "resourceUri": uri, "location": "harbour", "tags": "",
        "additionalInfo": "" } });
    let (day, hour) = start.split_once('T').unwrap();
    let hour: u32 = hour.parse().unwrap();
    let next: jiff::Timestamp = format!("{day}T{hour:02}:00:00Z").parse().unwrap();
    let next = next.saturating_add(jiff::SignedDuration::from_hours(1)).unwrap();
    let quantity: serde_json::Number = quantity.parse().unwrap();
    json!({ "id": format!("/subscriptions/{stack}/x"), "name": "x", "type": "Microsoft.Commerce/UsageAggregate",
        "properties": { "subscriptionId": local, "usageStartTime": format!("{day}T{hour:02}:00:00Z"),
            "usageEndTime": next.to_string(), "instanceData": instance.to_string(), "quantity": quantity,
            "meterId": LOCAL_METER } })
}

/// An amount with two places, in hundredths.
#[track_caller]
fn cents(amount: &Value) -> i64 {
    let text = amount.as_str().unwrap_or_else(|| panic!("no amount: {amount}"));
    let (whole, places) = text.split_once('.').unwrap();
    assert_eq!(places.len(), 2, "{text}");
    format!("{whole}{places}").parse().unwrap()
}

/// Lines and corrections sum to subtotal and tax, and these to the total.
fn assert_adds_up(invoice: &Value) {
    let (mut subtotal, mut tax) = (0, 0);
    for line in ["lines", "corrections"]
        .iter()
        .flat_map(|member| invoice[member].as_array().unwrap())
    {
        let sum = if line["kind"] == "tax" {
            &mut tax
        } else {
            &mut subtotal
        };
        *sum += cents(&line["amount"]);
    }
    let of = ["subtotal", "tax", "total"].map(|member| cents(&invoice[member]));
    assert_eq!(of, [subtotal, tax, subtotal + tax], "{invoice:#}");
    assert_eq!(invoice["isCreditNote"], subtotal + tax < 0);
}

fn to(subscription: &str) -> String {
    format!("subscription:{subscription}")
}

/// Refused for a program to read: with this code, and a hint that has these words.
#[track_caller]
fn assert_refused(outcome: &Outcome, code: &str, told: &str) {
    assert_eq!(
        (outcome.code, outcome.data.as_str()),
        (Some(1), ""),
        "{outcome:?}"
    );
    let last = outcome.notes.lines().last().unwrap();
    let error: Value = serde_json::from_str(last).unwrap_or_else(|error| panic!("{error}: {outcome:?}"));
    assert_eq!(error["error"]["code"], code, "{error}");
    assert!(error.to_string().contains(told), "{told}: {error}");
}
