//! What those on a bill are called.

use domain::books::Books;
use domain::ids::{CloudId, SubscriptionId, TenantId};
use domain::statement::{Names, Party, Statement};

use crate::App;
use crate::access::{Caller, View, view_of};

impl App {
    /// The names on a statement, as the books have them now: of those on it that the caller may know.
    #[must_use]
    pub fn names(&self, caller: &Caller, statement: &Statement) -> Names {
        self.read(|books| {
            let view = view_of(books, caller);
            let mut names = parties(books, statement);
            for share in statement.lines.iter().flat_map(|line| &line.shares) {
                if !names.stacks.contains_key(&share.stack) {
                    let name = stack_name(books, share.stack);
                    names.stacks.extend(name.map(|name| (share.stack, name)));
                }
                if let Some(tenant) = share.tenant
                    && !names.tenants.contains_key(&tenant)
                {
                    let name = customer_name(books, &view, tenant);
                    names.tenants.extend(name.map(|name| (tenant, name)));
                }
            }
            names
        })
    }
}

impl App {
    /// The name of a subscription.
    #[must_use]
    pub fn subscription_name(&self, subscription: SubscriptionId) -> Option<String> {
        self.read(|books| books.subscription_ever(subscription).map(|it| it.name.clone()))
    }
}

fn parties(books: &Books, statement: &Statement) -> Names {
    let Some(subscription) = books.subscription_ever(statement.subscription) else {
        return Names::default();
    };
    let partner = |id| {
        books.partner_ever(id).map(|partner| Party {
            id,
            name: partner.name.clone(),
        })
    };
    let customer = subscription.customer.and_then(|id| books.customer_ever(id));
    let seller = Books::seller_of(subscription);
    Names {
        subscription: Some(subscription.name.clone()),
        subscription_deleted: books.subscription(subscription.id).is_none(),
        customer: customer.map(|customer| Party {
            id: customer.id,
            name: customer.name.clone(),
        }),
        owner: subscription
            .owner
            .filter(|owner| Some(*owner) != seller)
            .and_then(partner),
        seller: seller.and_then(partner),
        ..Names::default()
    }
}

/// The name of a stack's registration: of the last one, if it has none any more.
pub(crate) fn stack_name(books: &Books, stack: CloudId) -> Option<String> {
    let live = books.registration_of_stack(stack);
    let last = || {
        let terms = books.stack(stack)?.registration.assertions();
        let last = terms.iter().rev().find_map(|terms| terms.value)?;
        books.registration_by_id(last.registration)
    };
    live.or_else(last)
        .map(|registration| registration.name.to_string())
}

/// The name of the customer that a directory tenant belongs to, if it exists for whoever has this view.
pub(crate) fn customer_name(books: &Books, view: &View, tenant: TenantId) -> Option<String> {
    let customer = books.customer_of_tenant(tenant);
    let seen = customer.filter(|customer| view.sees_customer(customer));
    seen.map(|customer| customer.name.clone())
}
