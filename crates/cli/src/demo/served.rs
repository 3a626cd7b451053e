//! Everything that the server says in the end, read through its API.

use std::collections::BTreeMap;

use client::Client;
use wire::api::{
    LawCheck, ListedStatement, MeasuredUsage, Meter, PriceList, QuarantineFilter, Statement, UnmappedUsage,
};

use super::scenario::Scenario;
use crate::failure::Failure;

/// What the server says.
#[derive(Debug)]
pub(super) struct Served {
    /// The statement of each subscription, one by one, in the order of the scenario.
    pub(super) statements: Vec<Statement>,
    /// All statements at once: of those that are charged.
    pub(super) listed: Vec<Statement>,
    /// What no tenant mapping claims.
    pub(super) unclaimed: Vec<UnmappedUsage>,
    /// What each stack measured.
    pub(super) measured: Vec<MeasuredUsage>,
    /// How many records are in quarantine, by code.
    pub(super) quarantine: BTreeMap<String, u64>,
    /// What its own check of the laws found.
    pub(super) laws: LawCheck,
    /// What stacks measure.
    pub(super) meters: Vec<Meter>,
    /// What it costs, and of whom.
    pub(super) price_lists: Vec<PriceList>,
}

impl Served {
    /// Asks for everything.
    pub(super) async fn ask(client: &Client, scenario: &Scenario) -> Result<Self, Failure> {
        let period = &scenario.month.to_string();
        let mut quarantine = BTreeMap::<String, u64>::new();
        for record in client.quarantine(&QuarantineFilter::default(), None).await? {
            *quarantine.entry(record.code).or_default() += 1;
        }
        let listed = client.statements(period).await?.into_iter();
        Ok(Self {
            statements: statements(client, scenario).await?,
            listed: listed.filter_map(ListedStatement::statement).collect(),
            unclaimed: client.unmapped_usage(period).await?,
            measured: client.measured_usage(period).await?,
            quarantine,
            laws: client.check_laws(period).await?,
            meters: client.meters().await?,
            price_lists: client.price_lists().await?,
        })
    }
}

/// The statement of each subscription, one by one.
pub(super) async fn statements(client: &Client, scenario: &Scenario) -> Result<Vec<Statement>, Failure> {
    let mut statements = Vec::new();
    for subscription in &scenario.subscriptions {
        statements.push(
            client
                .statement(&subscription.id.to_string(), &scenario.month.to_string())
                .await?,
        );
    }
    Ok(statements)
}
