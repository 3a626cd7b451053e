//! The month is closed: invoices are issued, and what comes afterwards becomes corrections in the month that is open.

use std::collections::BTreeMap;

use bytes::Bytes;
use client::{Client, Delivery, Format, InvoicesOf};
use domain::ids::LocalSubscriptionId;
use domain::time::Hour;
use num_bigint::BigInt;
use serde::Serialize;
use serde_json::json;
use wire::api::{
    BillAccount, BillingPeriod, CorrectionCause, Invoice, InvoiceCorrection, InvoiceSummary, LineKind,
    MapTenant, Statement, SubscriptionKind,
};

use super::audit::Check;
use super::cast;
use super::decimal::{cents, dollars};
use super::explained::explained;
use super::operator::Outcome;
use super::scenario::Scenario;
use super::served;
use super::stacks::Stacks;
use crate::failure::Failure;

/// The place of the stack that reports late.
const LATE: usize = 0;
/// Base VM size hours, of vCPUs.
const LATE_METER: &str = "fab6eb84-500b-4a09-a8ca-7358f8bbaea5";
/// How many vCPU hours come late: in one hour of the 20th.
const LATE_QUANTITY: u32 = 4_000;
const LATE_ON: i32 = 20;

/// A correction, and whose bill it is on.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Corrected {
    /// Who sells to whom.
    #[serde(flatten)]
    pub(super) account: BillAccount,
    /// The correction.
    pub(super) correction: InvoiceCorrection,
}

/// What came of closing the month.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Closing {
    /// The month.
    pub(super) closed: BillingPeriod,
    /// The invoices that were issued.
    pub(super) invoices: Vec<InvoiceSummary>,
    /// The month that is open, whose invoices will have the corrections.
    pub(super) open: String,
    /// What sets right the closed month.
    pub(super) corrections: Vec<Corrected>,
    /// How many invoices were reckoned again and came to the same bytes.
    pub(super) replayed: u64,
    /// What must hold.
    #[serde(skip)]
    pub(super) checks: Vec<Check>,
}

/// Closes the month, lets usage come late and a tenant be mapped for hours that are past, and reckons everything again.
pub(super) async fn close(
    client: &Client,
    scenario: &Scenario,
    stacks: &Stacks,
    outcome: &Outcome,
    at_close: &[Statement],
) -> Result<Closing, Failure> {
    let month = scenario.month.to_string();
    let open = scenario.month.next().unwrap_or(scenario.month).to_string();
    let closed = client.close_period(&month, true).await?;
    let issued = issued(client, &month).await?;
    let again = client.close_period(&month, true).await?;

    come_late(scenario, stacks, outcome).await?;
    map_the_forgotten(client, scenario).await?;

    let now = served::statements(client, scenario).await?;
    let running = running(client, &open).await?;
    let still = self::issued(client, &month).await?;
    let replay = client.replay_period(&month).await?;
    let same = replay.invoices.iter().filter(|it| it.same).count();
    let different = replay.invoices.iter().filter(|it| !it.same);
    let different = different.map(|it| {
        let difference = it.difference.as_deref().unwrap_or("the bytes differ");
        format!("{}: {difference}", it.number)
    });
    let explained = explained(client, &issued).await?;
    let checks = vec![
        Check::of(
            "law 3: every invoice says what the statements said when the month was closed",
            compared(scenario, at_close, &issued, &[]),
        )
        .with(format!(
            "{} charged to those that pay = {} invoiced to them",
            total_of(at_close),
            dollars(&sold(scenario, &issued, &[]).values().sum())
        )),
        Check::of(
            "closing the month again changed nothing",
            (again != closed)
                .then(|| "the answer is another".to_owned())
                .into_iter()
                .collect(),
        ),
        Check::of(
            "an issued invoice never changes, whatever comes later",
            (still != issued)
                .then(|| "an invoice changed".to_owned())
                .into_iter()
                .collect(),
        ),
        Check::of(
            "law 6: invoices and corrections together are what the month costs as it is known now",
            compared(scenario, &now, &issued, &running),
        )
        .with(format!(
            "{} as it is known now = {} invoiced and corrected",
            total_of(&now),
            dollars(&sold(scenario, &issued, &running).values().sum())
        )),
        Check::of(
            "late usage and a mapping for past hours are corrections, each with its cause",
            without_causes(&running),
        ),
        Check::of(
            "every invoice, reckoned again from the log, comes to the same bytes",
            different.collect(),
        )
        .with(format!("{same} of {} invoices", replay.invoices.len())),
        explained,
    ];
    let of = InvoicesOf {
        period: Some(&month),
        ..InvoicesOf::default()
    };
    Ok(Closing {
        closed,
        invoices: client.invoices(of).await?,
        open,
        corrections: corrections(&running),
        replayed: same as u64,
        checks,
    })
}

async fn issued(client: &Client, month: &str) -> Result<Vec<Invoice>, Failure> {
    let of = InvoicesOf {
        period: Some(month),
        ..InvoicesOf::default()
    };
    let mut invoices = Vec::new();
    for listed in client.invoices(of).await? {
        invoices.push(client.invoice(&listed.number).await?);
    }
    Ok(invoices)
}

/// What the bills of the month that is open come to so far.
async fn running(client: &Client, open: &str) -> Result<Vec<Invoice>, Failure> {
    let mut bills = Vec::new();
    for account in client.running_accounts(open).await? {
        let account = &account.account;
        let (seller, buyer) = (account.seller.text(), account.buyer.text());
        let running = client
            .running_statement(open, &seller, &buyer, &account.currency)
            .await?;
        bills.push(running.bill);
    }
    Ok(bills)
}

/// A machine of a tenant whose usage is on an invoice already is reported weeks late.
async fn come_late(scenario: &Scenario, stacks: &Stacks, outcome: &Outcome) -> Result<(), Failure> {
    let found = stacks.all().get(LATE).zip(outcome.stack_clients.get(LATE));
    let (Some((stack, Some(client))), Some(reported)) = (found, stacks.reported()) else {
        return Err(Failure::new("The stack that reports late is not registered."));
    };
    let mut users = stack.local_subscriptions().iter();
    let user = users.find(|it| it.tenant == cast::TENANT_FJORDBANK);
    let user = user.ok_or_else(|| Failure::new("The tenant whose usage comes late is not there."))?;
    let hour = scenario.month.interval().start().plus(24 * (LATE_ON - 1));
    let page = late_usage(user.id, hour).to_string();
    let window = reported.end();
    let (start, end) = (window.to_string(), window.plus(1).to_string());
    let delivery = Delivery {
        body: Bytes::from(page),
        format: Format::Json,
        encoding: None,
        reported_start: Some(&start),
        reported_end: Some(&end),
        reported_through: None,
        idempotency_key: Some("demo/late"),
        known_receipts: None,
    };
    let receipt = client
        .deliver_usage(&stack.spec().cloud_id.to_string(), delivery)
        .await?;
    if receipt.accepted == 1 {
        Ok(())
    } else {
        Err(Failure::new("Usage that came late was not accepted."))
    }
}

fn late_usage(user: LocalSubscriptionId, hour: Hour) -> serde_json::Value {
    let uri = format!(
        "/subscriptions/{user}/resourceGroups/archive/providers/Microsoft.Compute/virtualMachines/late-1"
    );
    let instance = json!({ "Microsoft.Resources": { "resourceUri": uri, "location": "oslo", "tags": "",
        "additionalInfo": "" } });
    json!({ "value": [{ "id": "late-1", "name": "late-1", "type": "Microsoft.Commerce/UsageAggregate",
        "properties": { "subscriptionId": user.to_string(), "usageStartTime": hour.to_string(),
            "usageEndTime": hour.plus(1).to_string(), "instanceData": instance.to_string(),
            "quantity": LATE_QUANTITY, "meterId": LATE_METER } }] })
}

/// The tenant that nobody ever added is mapped for the month that is closed.
async fn map_the_forgotten(client: &Client, scenario: &Scenario) -> Result<(), Failure> {
    let hours = scenario.month.interval();
    let map = MapTenant {
        tenant_id: cast::TENANT_KVIST.to_string(),
        subscription_id: Some(cast::KVIST.to_string()),
        valid_from: hours.start().to_string(),
        valid_to: Some(hours.end().to_string()),
    };
    client.map_tenant(&cast::STACK_OSLO.to_string(), &map).await?;
    Ok(())
}

/// Who was sold what in the month, in cents, by the subscription that pays: on invoices to it, or to the partner whose own
/// it is, with what sets these right.
fn sold(scenario: &Scenario, issued: &[Invoice], running: &[Invoice]) -> BTreeMap<String, BigInt> {
    let month = scenario.month.to_string();
    let mut sold = BTreeMap::<String, BigInt>::new();
    let mut add = |account: &BillAccount, payer: Option<&str>, kind: LineKind, amount: &str| {
        let payer = payer.filter(|id| kind == LineKind::Usage && pays_in_the_end(scenario, account, id));
        if let Some(payer) = payer {
            *sold.entry(payer.to_owned()).or_default() += cents(amount).unwrap_or_default();
        }
    };
    for invoice in issued {
        for line in &invoice.lines {
            add(
                &invoice.account,
                line.subscription_id.as_deref(),
                line.kind,
                &line.amount,
            );
        }
    }
    for invoice in running {
        for it in invoice.corrections.iter().filter(|it| it.period == month) {
            add(
                &invoice.account,
                it.subscription_id.as_deref(),
                it.kind,
                &it.amount,
            );
        }
    }
    sold
}

/// Whether an account is the last of the sales by which usage gets to whoever pays.
fn pays_in_the_end(scenario: &Scenario, account: &BillAccount, payer: &str) -> bool {
    let buyer = account.buyer.text();
    if buyer == format!("subscription:{payer}") {
        return true;
    }
    let mut all = scenario.subscriptions.iter();
    let own = all.find(|it| it.id.to_string() == payer);
    own.is_some_and(|own| {
        SubscriptionKind::from(own.kind) == SubscriptionKind::PartnerSharedServices
            && own.owner.is_some_and(|owner| buyer == format!("partner:{owner}"))
    })
}

/// Where what was sold is not what the statements say.
fn compared(
    scenario: &Scenario,
    statements: &[Statement],
    issued: &[Invoice],
    running: &[Invoice],
) -> Vec<String> {
    let sold = sold(scenario, issued, running);
    let nothing = BigInt::ZERO;
    let mut differences = Vec::new();
    for statement in statements {
        let billed = sold.get(&statement.subscription_id).unwrap_or(&nothing);
        let owed = cents(&statement.total).unwrap_or_default();
        if *billed != owed {
            differences.push(format!(
                "{}: {} billed, not {}",
                statement.subscription_id,
                dollars(billed),
                dollars(&owed)
            ));
        }
    }
    differences
}

fn total_of(statements: &[Statement]) -> String {
    let totals = statements.iter().filter_map(|it| cents(&it.total));
    dollars(&totals.sum())
}

fn corrections(running: &[Invoice]) -> Vec<Corrected> {
    let of_bill = running.iter().flat_map(|bill| {
        let corrections = bill.corrections.iter();
        corrections.map(|correction| Corrected {
            account: bill.account.clone(),
            correction: correction.clone(),
        })
    });
    of_bill.collect()
}

/// Corrections that do not say what happened: usage of one subscription came late, and usage of a tenant moved from one
/// to another.
fn without_causes(running: &[Invoice]) -> Vec<String> {
    let expected = |payer: Option<&str>| {
        if payer == Some(&*cast::FJORDBANK.to_string()) {
            CorrectionCause::LateUsage
        } else {
            CorrectionCause::Attribution
        }
    };
    let all = corrections(running);
    let mut differences: Vec<String> = all
        .iter()
        .map(|it| &it.correction)
        .filter(|it| it.cause != expected(it.subscription_id.as_deref()))
        .map(|it| format!("{}: because of {:?}", it.id, it.cause))
        .collect();
    for payer in [cast::FJORDBANK, cast::KVIST, cast::NORDLYS_SHARED_SERVICES] {
        let payer = payer.to_string();
        let of = |it: &Corrected| it.correction.subscription_id.as_deref() == Some(&*payer);
        if !all.iter().any(of) {
            differences.push(format!("{payer}: nothing is set right"));
        }
    }
    differences
}
