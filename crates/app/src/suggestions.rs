//! Tenants whose usage of a stack no mapping claims: who they are, and what assigning it takes.
//!
//! Nobody has added them; or somebody has, and what they used before went to the default subscription.

use std::collections::{BTreeMap, BTreeSet};

use domain::attribution::{Charge, Reason};
use domain::books::Books;
use domain::ids::{
    CloudId, CustomerId, LocalSubscriptionId, PartnerId, RegistrationId, SubscriptionId, TenantId,
};
use domain::partner::SubscriptionKind;
use domain::registration::tenants::AddTenant;
use domain::registration::{Registration, Warning};
use domain::time::{Hour, HourInterval, Period};
use store::Slice;

use crate::access::{Caller, View, sees_stack};
use crate::bills::stack_name;
use crate::list_price::ListValue;
use crate::tenants::{Ground, decide_on, shows, timeline};
use crate::unmapped::{Unmapped, waiting_for_somebody};
use crate::{App, Error};

/// A place among suggestions: stack and tenant.
pub type SuggestionPlace = (CloudId, TenantId);

/// A tenant that used a stack in hours in which no tenant mapping of its registration names it.
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
    /// The subscription that the tenant is mapped to now: only earlier hours are to be assigned then.
    pub mapped_to: Option<SubscriptionId>,
    /// Who would sell to the tenant: the customer's partner, or that of the default subscription.
    pub seller: Option<PartnerId>,
    /// Under which local subscriptions it used something.
    pub local_subscriptions: Vec<LocalSubscriptionId>,
    /// The hours of the period in which it used something: from the first to the end of the last.
    pub used_in: HourInterval,
    /// The hours for which a mapping has to be said to claim all of that, in order, each from its first hour of usage on.
    /// Hours without an end reach up to now, and no mapping follows. No two of them are of different registrations.
    pub unclaimed: Vec<HourInterval>,
    /// How many records that are.
    pub records: u64,
    /// What that is worth at list price, which mappings for these hours would move; or why that cannot be said.
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

/// What a tenant used of a stack and no mapping claims.
struct Waiting {
    place: SuggestionPlace,
    used: Vec<Unmapped>,
}

impl App {
    /// The tenants that used a stack in hours of a period in which no mapping names them, as far as the caller reads the
    /// usage of who pays for it, by place: what comes after `after`, `limit` at the most. The tenant that the default
    /// subscription lives in needs no mapping, and one that is mapped now is not told of hours for which somebody said that
    /// the default subscription pays *(ours)*. Only what is answered is summed, valued and decided about.
    ///
    /// # Errors
    /// As the store.
    pub async fn tenant_suggestions(
        &self,
        caller: &Caller,
        period: Period,
        after: Option<SuggestionPlace>,
        limit: usize,
    ) -> Result<Vec<Suggestion>, Error> {
        let within = period.interval();
        let hour = self.this_hour();
        let users = self.usage.local_subscriptions(None, within).await?;
        let view = self.view(caller);
        let (view, waiting) = self
            .compute(move |app| {
                let mut waiting: BTreeMap<SuggestionPlace, Vec<Unmapped>> = BTreeMap::new();
                app.read_in_parts(&users, |books, user| {
                    for used in waiting_for_somebody(books, &view, *user, within) {
                        let tenant = tenant_to_assign_to(books, &view, &used, hour);
                        let place = tenant.map(|tenant| (used.stack, tenant));
                        if let Some(place) = place.filter(|place| Some(*place) > after) {
                            waiting.entry(place).or_default().push(used);
                        }
                    }
                });
                (view, waiting)
            })
            .await?;
        let used = self.first_used(waiting, limit).await?;
        let slices: Vec<Vec<Slice>> = used
            .iter()
            .map(|it| it.used.iter().map(Unmapped::slice).collect())
            .collect();
        let values = self.list_values(&view, &slices, period).await?;
        let valued: Vec<_> = used.into_iter().zip(values).collect();
        let caller = caller.clone();
        self.compute(move |app| app.suggested(&caller, &view, &valued, hour))
            .await
    }

    /// The first of these that did use something, `limit` at the most.
    async fn first_used(
        &self,
        waiting: BTreeMap<SuggestionPlace, Vec<Unmapped>>,
        limit: usize,
    ) -> Result<Vec<Waiting>, Error> {
        let mut waiting = waiting.into_iter();
        let mut found = Vec::new();
        while found.len() < limit {
            let next: Vec<_> = waiting.by_ref().take(limit - found.len()).collect();
            if next.is_empty() {
                break;
            }
            let (places, used): (Vec<SuggestionPlace>, Vec<Vec<Unmapped>>) = next.into_iter().unzip();
            let tenant = |it: &Unmapped| it.charge.and_then(|charge| charge.tenant);
            let mut used = self.summed(used.into_iter().flatten().collect()).await?;
            for place in places {
                let of_place = |it: &Unmapped| (it.stack, tenant(it)) == (place.0, Some(place.1));
                let others = used.iter().position(|it| !of_place(it)).unwrap_or(used.len());
                let later = used.split_off(others);
                let used = std::mem::replace(&mut used, later);
                if !used.is_empty() {
                    found.push(Waiting { place, used });
                }
            }
        }
        Ok(found)
    }

    /// What is suggested, with those who could pay.
    fn suggested(
        &self,
        caller: &Caller,
        view: &View,
        valued: &[(Waiting, Result<ListValue, Error>)],
        hour: Hour,
    ) -> Vec<Suggestion> {
        let mut found: Vec<Suggestion> = Vec::new();
        self.read_in_parts(valued, |books, (waiting, value)| {
            found.extend(suggestion(books, view, waiting, value, hour));
        });
        let customers = found.iter().filter_map(|it| Some(it.customer.as_ref()?.id));
        let customers: BTreeSet<CustomerId> = customers.collect();
        let sold = self.sold_to(view, &customers);
        let mut answered = Vec::new();
        // Suggestions of one stack follow each other.
        for of_stack in found.chunk_by(|one, next| one.stack == next.stack) {
            let Some((id, ground)) = of_stack.first().and_then(|it| self.ground_of(it.stack, hour)) else {
                continue;
            };
            self.read_in_parts(of_stack, |books, it| {
                let registration = books.registration_of_stack(it.stack);
                let Some(registration) = registration.filter(|it| it.id == id) else {
                    return;
                };
                let of_customer = it.customer.as_ref().and_then(|customer| sold.get(&customer.id));
                let sold = of_customer.map_or(&[][..], Vec::as_slice);
                let asked = Asked {
                    books,
                    caller,
                    target: (registration, &ground),
                    tenant: it.tenant,
                };
                answered.push(asked.with_candidates(it.clone(), sold));
            });
        }
        answered
    }

    /// What decides about the tenants of a stack, and the registration of which it does. It takes as long as the stack is
    /// large: whoever changes the books waits for one stack at a time.
    fn ground_of(&self, stack: CloudId, hour: Hour) -> Option<(RegistrationId, Ground)> {
        self.read(|books| {
            let registration = books.registration_of_stack(stack)?;
            Some((registration.id, Ground::of(books, registration, hour)))
        })
    }

    /// The CSP subscriptions of these customers, as far as whoever has this view sees them.
    fn sold_to(
        &self,
        view: &View,
        customers: &BTreeSet<CustomerId>,
    ) -> BTreeMap<CustomerId, Vec<SubscriptionId>> {
        let all: Vec<SubscriptionId> = self.read(|books| books.subscriptions().map(|it| it.id).collect());
        let mut sold: BTreeMap<CustomerId, Vec<SubscriptionId>> = BTreeMap::new();
        self.read_in_parts(&all, |books, id| {
            if let Some(subscription) = books.subscription(*id)
                && let Some(customer) = subscription.customer.filter(|it| customers.contains(it))
                && subscription.kind == SubscriptionKind::Csp
                && view.sees_subscription(subscription)
            {
                sold.entry(customer).or_default().push(*id);
            }
        });
        sold
    }
}

/// The tenant that used this, if nothing says who else should pay and its stack is still registered with who pays for it; for
/// somebody who sees that registration. Who had the stack before others is told nothing of theirs.
fn tenant_to_assign_to(books: &Books, view: &View, used: &Unmapped, hour: Hour) -> Option<TenantId> {
    let charge = used
        .charge
        .filter(|charge| charge.reason == Reason::TenantNotMapped)?;
    let tenant = charge.tenant?;
    let registration = books
        .registration_of_stack(used.stack)
        .filter(|it| it.subscription == charge.payer && sees_stack(books, view, used.stack))?;
    let default = books.subscription_ever(registration.subscription)?;
    // That the default subscription pays may have been said, after all.
    let is_to_be_assigned = mapped_to(books, registration, tenant, hour)
        .is_none_or(|mapped_to| charge.mapping.is_none() && shows(books, view, registration, mapped_to));
    (default.tenant != tenant && is_to_be_assigned).then_some(tenant)
}

/// The subscription that a tenant's usage is charged to in an hour, if a mapping says so.
fn mapped_to(
    books: &Books,
    registration: &Registration,
    tenant: TenantId,
    hour: Hour,
) -> Option<SubscriptionId> {
    timeline(books, registration, tenant)?.at(hour)?.value
}

fn suggestion(
    books: &Books,
    view: &View,
    waiting: &Waiting,
    list_value: &Result<ListValue, Error>,
    hour: Hour,
) -> Option<Suggestion> {
    let (stack, tenant) = waiting.place;
    let used = &waiting.used;
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
        mapped_to: mapped_to(books, registration, tenant, hour),
        local_subscriptions: local_subscriptions.into_iter().collect(),
        used_in: HourInterval::new(first, last)?,
        unclaimed: unclaimed(books, registration, tenant, used),
        records: used.iter().map(|it| it.records).sum(),
        list_value: list_value.clone(),
        candidates: Vec::new(),
        refusal: None,
    })
}

/// The hours for which a mapping has to be said to claim all of this, and nothing that another mapping claims.
fn unclaimed(books: &Books, live: &Registration, tenant: TenantId, used: &[Unmapped]) -> Vec<HourInterval> {
    let mut waiting: Vec<(HourInterval, Option<Charge>)> = used
        .iter()
        .filter_map(|it| {
            let from_first_use = HourInterval::new(it.used_in.start(), it.interval.end())?;
            Some((from_first_use, it.charge))
        })
        .collect();
    waiting.sort_by_key(|(hours, _)| *hours);
    let registration = |charge: Option<Charge>| charge.map(|charge| charge.registration);
    let mut runs: Vec<(HourInterval, Option<Charge>)> = Vec::new();
    for (hours, charge) in waiting {
        match runs.last_mut() {
            Some((run, of)) if hours.start() <= run.end() && registration(*of) == registration(charge) => {
                let end = run.end().max(hours.end());
                *run = HourInterval::new(run.start(), end).unwrap_or(*run);
            }
            _ => runs.push((hours, charge)),
        }
    }
    let stays_unmapped = |from: Hour| {
        let mapped = timeline(books, live, tenant).map(|it| it.segments(HourInterval::from(from)));
        let mut mapped = mapped.into_iter().flatten();
        mapped.all(|(_, holds)| holds.is_none_or(|it| it.value.is_none()))
    };
    if let Some((run, of)) = runs.last_mut()
        && registration(*of) == Some(live.id)
        && stays_unmapped(run.start())
    {
        *run = HourInterval::from(run.start());
    }
    runs.into_iter().map(|(run, _)| run).collect()
}

/// What a caller could do for a tenant.
struct Asked<'a> {
    books: &'a Books,
    caller: &'a Caller,
    target: (&'a Registration, &'a Ground),
    tenant: TenantId,
}

/// The code of what is wrong with naming no subscription.
const NO_SUBSCRIPTION_NAMED: &str = "InvalidCustomerSubscriptionId";

impl Asked<'_> {
    /// A suggestion with those who could pay, and what would come of naming them.
    fn with_candidates(&self, suggestion: Suggestion, sold: &[SubscriptionId]) -> Suggestion {
        let candidates = sold.iter().filter_map(|it| self.candidate(*it)).collect();
        // What is refused whatever subscription is named is about the registration: of that, the rules speak first.
        let refusal = self.decided("").err();
        Suggestion {
            candidates,
            refusal: refusal.filter(|it| it.code != NO_SUBSCRIPTION_NAMED),
            ..suggestion
        }
    }

    fn candidate(&self, subscription: SubscriptionId) -> Option<Candidate> {
        let name = self.books.subscription(subscription)?.name.clone();
        let decided = self.decided(&subscription.to_string());
        let (refusal, warnings) =
            decided.map_or_else(|refusal| (Some(refusal), Vec::new()), |warnings| (None, warnings));
        Some(Candidate {
            subscription,
            name,
            refusal,
            warnings,
        })
    }

    fn decided(&self, customer_subscription: &str) -> Result<Vec<Warning>, Error> {
        let path = self.target.0.path();
        let request = AddTenant {
            path: &path,
            customer_subscription,
            tenant: Some(self.tenant),
        };
        decide_on(self.books, self.caller, &request, Some(self.target)).map(|addition| addition.warnings)
    }
}
