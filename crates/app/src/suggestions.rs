//! Tenants that use a stack and have no mapping there: who they are, and what adding them takes.

use std::collections::{BTreeMap, BTreeSet};

use domain::attribution::Reason;
use domain::books::Books;
use domain::ids::{CloudId, CustomerId, LocalSubscriptionId, PartnerId, SubscriptionId, TenantId};
use domain::partner::SubscriptionKind;
use domain::registration::tenants::AddTenant;
use domain::registration::{Registration, Warning};
use domain::time::{Hour, HourInterval, Period};
use store::Slice;

use crate::access::{Caller, View, sees_stack};
use crate::bills::stack_name;
use crate::list_price::ListValue;
use crate::tenants::decide;
use crate::unmapped::{Unmapped, waiting_for_somebody};
use crate::{App, Error};

/// A place among suggestions: stack and tenant.
pub type SuggestionPlace = (CloudId, TenantId);

/// A tenant that uses a stack and that no tenant mapping of its registration names.
#[derive(Debug, Clone)]
pub struct Suggestion {
    /// The stack.
    pub stack: CloudId,
    /// The name of its registration.
    pub stack_name: Option<String>,
    /// The tenant.
    pub tenant: TenantId,
    /// The customer that the tenant belongs to, if the caller may know it.
    pub customer: Option<KnownCustomer>,
    /// Who pays for now.
    pub default_subscription: SubscriptionId,
    /// Who would sell to the tenant: the customer's partner, or that of the default subscription.
    pub seller: Option<PartnerId>,
    /// Under which local subscriptions it used something.
    pub local_subscriptions: Vec<LocalSubscriptionId>,
    /// The hours of the period in which it used something: from the first to the end of the last.
    pub used_in: HourInterval,
    /// How many records that are.
    pub records: u64,
    /// What that is worth at list price, which adding the tenant would move if it held from the first of these hours on;
    /// or why that cannot be said.
    pub list_value: Result<ListValue, Error>,
    /// The customer's CSP subscriptions that the caller sees: each could pay.
    pub candidates: Vec<Candidate>,
    /// Why no tenant at all can be added to the registration.
    pub refusal: Option<Error>,
}

/// A customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownCustomer {
    /// Its id.
    pub id: CustomerId,
    /// Its name.
    pub name: String,
}

/// A subscription that could pay for a tenant.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// The subscription.
    pub subscription: SubscriptionId,
    /// Its name.
    pub name: String,
    /// Why it would be refused now.
    pub refusal: Option<Error>,
    /// What should be known before it is named.
    pub warnings: Vec<Warning>,
}

impl Suggestion {
    /// Its place among the others.
    #[must_use]
    pub const fn place(&self) -> SuggestionPlace {
        (self.stack, self.tenant)
    }
}

impl App {
    /// The tenants that used a stack in a period and have no mapping now, as far as the caller reads the usage of who pays
    /// for it, by place. The tenant that the default subscription lives in needs none *(ours)*.
    ///
    /// # Errors
    /// As the store.
    pub async fn tenant_suggestions(
        &self,
        caller: &Caller,
        period: Period,
    ) -> Result<Vec<Suggestion>, Error> {
        let within = period.interval();
        let hour = self.this_hour();
        let users = self.usage.local_subscriptions(None, within).await?;
        let view = self.view(caller);
        let (view, waiting) = self
            .compute(move |app| {
                let mut found = Vec::new();
                app.read_in_parts(&users, |books, user| {
                    let waiting = waiting_for_somebody(books, &view, *user, within);
                    found.extend(
                        waiting.filter(|it| tenant_without_mapping(books, &view, it, hour).is_some()),
                    );
                });
                (view, found)
            })
            .await?;
        let used = self.summed(waiting).await?;
        let mut by_place: BTreeMap<SuggestionPlace, Vec<Unmapped>> = BTreeMap::new();
        for unmapped in used {
            if let Some(tenant) = unmapped.charge.and_then(|charge| charge.tenant) {
                by_place
                    .entry((unmapped.stack, tenant))
                    .or_default()
                    .push(unmapped);
            }
        }
        let slices: Vec<Vec<Slice>> = by_place
            .values()
            .map(|used| used.iter().map(Unmapped::slice).collect())
            .collect();
        let values = self.list_values(&view, &slices, period).await?;
        Ok(self.read(|books| {
            let suggestions = by_place
                .into_iter()
                .zip(values)
                .filter_map(|((place, used), value)| {
                    let suggestion = suggestion(books, &view, place, &used, value)?;
                    Some(with_candidates(books, caller, &view, suggestion, hour))
                });
            suggestions.collect()
        }))
    }
}

/// The tenant that used this, if nothing says who else should pay and its stack is still registered with who pays for it; for
/// somebody who sees that registration. Who had the stack before others is told nothing of theirs.
fn tenant_without_mapping(books: &Books, view: &View, used: &Unmapped, hour: Hour) -> Option<TenantId> {
    let charge = used
        .charge
        .filter(|charge| charge.reason == Reason::TenantNotMapped)?;
    let tenant = charge.tenant?;
    let registration = books
        .registration_of_stack(used.stack)
        .filter(|it| it.subscription == charge.payer && sees_stack(books, view, used.stack))?;
    let default = books.subscription_ever(registration.subscription)?;
    let mapped = books.mappings(registration, hour);
    (default.tenant != tenant && mapped.iter().all(|it| it.tenant != tenant)).then_some(tenant)
}

fn suggestion(
    books: &Books,
    view: &View,
    (stack, tenant): SuggestionPlace,
    used: &[Unmapped],
    list_value: Result<ListValue, Error>,
) -> Option<Suggestion> {
    let registration = books.registration_of_stack(stack)?;
    let customer = books
        .customer_of_tenant(tenant)
        .filter(|it| view.sees_customer(it));
    let default = books.subscription_ever(registration.subscription)?;
    let first = used.iter().map(|it| it.used_in.start()).min()?;
    let last = used.iter().map(|it| it.used_in.end()).max()?;
    let local_subscriptions: BTreeSet<LocalSubscriptionId> =
        used.iter().map(|it| it.local_subscription).collect();
    Some(Suggestion {
        stack,
        stack_name: stack_name(books, stack),
        tenant,
        seller: customer.map_or(default.owner, |it| Some(it.partner)),
        customer: customer.map(|it| KnownCustomer {
            id: it.id,
            name: it.name.clone(),
        }),
        default_subscription: default.id,
        local_subscriptions: local_subscriptions.into_iter().collect(),
        used_in: HourInterval::new(first, last)?,
        records: used.iter().map(|it| it.records).sum(),
        list_value,
        candidates: Vec::new(),
        refusal: None,
    })
}

/// The same with those who could pay, and what would come of naming them.
fn with_candidates(
    books: &Books,
    caller: &Caller,
    view: &View,
    suggestion: Suggestion,
    hour: Hour,
) -> Suggestion {
    let Some(registration) = books.registration_of_stack(suggestion.stack) else {
        return suggestion;
    };
    let customer = suggestion.customer.as_ref().map(|it| it.id);
    let sold = books.subscriptions().filter(|it| {
        it.kind == SubscriptionKind::Csp
            && it.customer.is_some()
            && it.customer == customer
            && view.sees_subscription(it)
    });
    let candidates = sold.map(|subscription| {
        let decided = decided(
            books,
            caller,
            registration,
            &subscription.id.to_string(),
            suggestion.tenant,
            hour,
        );
        let (refusal, warnings) =
            decided.map_or_else(|refusal| (Some(refusal), Vec::new()), |warnings| (None, warnings));
        Candidate {
            subscription: subscription.id,
            name: subscription.name.clone(),
            refusal,
            warnings,
        }
    });
    let candidates: Vec<Candidate> = candidates.collect();
    // What is refused whatever subscription is named is about the registration: of that, the rules speak first.
    let refusal = decided(books, caller, registration, "", suggestion.tenant, hour).err();
    Suggestion {
        candidates,
        refusal: refusal.filter(|it| it.code != NO_SUBSCRIPTION_NAMED),
        ..suggestion
    }
}

/// The code of what is wrong with naming no subscription.
const NO_SUBSCRIPTION_NAMED: &str = "InvalidCustomerSubscriptionId";

fn decided(
    books: &Books,
    caller: &Caller,
    registration: &Registration,
    customer_subscription: &str,
    tenant: TenantId,
    hour: Hour,
) -> Result<Vec<Warning>, Error> {
    let path = registration.path();
    let request = AddTenant {
        path: &path,
        customer_subscription,
        tenant: Some(tenant),
    };
    decide(books, caller, &request, Some(registration), hour).map(|addition| addition.warnings)
}
