//! What those on invoices and running bills are called.

use std::collections::BTreeSet;

use domain::books::Books;
use domain::chain::{Account, Buyer, Seller};
use domain::ids::{CloudId, SubscriptionId, TenantId};
use domain::invoice::{AccountNames, BillNames, Invoice};
use domain::reckoning::{LineKey, Made};
use domain::statement::Party;

use super::Running;
use crate::App;
use crate::access::{Caller, View, view_of};
use crate::bills::{customer_name, stack_name};

/// Those on a bill who have names.
#[derive(Default)]
struct Named {
    subscriptions: BTreeSet<SubscriptionId>,
    stacks: BTreeSet<CloudId>,
    tenants: BTreeSet<TenantId>,
}

impl Named {
    fn on(invoice: &Invoice) -> Self {
        let mut named = Self::default();
        for (_, key, _) in invoice.amounts() {
            named.subscriptions.extend(key.subscription());
            if let LineKey::CapacityFee { stack, .. } = key {
                named.stacks.insert(stack);
            }
        }
        let shares = invoice.lines.values().filter_map(|line| match &line.made {
            Made::Usage(made) => Some(&made.shares),
            _ => None,
        });
        for share in shares.flatten() {
            named.stacks.insert(share.stack);
            named.tenants.extend(share.tenant);
        }
        named
    }

    fn names(self, books: &Books, view: &View, account: Account) -> BillNames {
        let mut names = BillNames {
            account: account_names(books, account.seller, Some(account.buyer)),
            ..BillNames::default()
        };
        for id in self.subscriptions {
            let known = books.subscription_ever(id).map(|it| (id, it.name.clone()));
            names.subscriptions.extend(known);
        }
        for stack in self.stacks {
            let known = stack_name(books, stack).map(|name| (stack, name));
            names.users.stacks.extend(known);
        }
        for tenant in self.tenants {
            let known = customer_name(books, view, tenant).map(|name| (tenant, name));
            names.users.tenants.extend(known);
        }
        names
    }
}

impl App {
    /// The names on an invoice, as the books have them now: of those on it that the caller may know.
    #[must_use]
    pub fn bill_names(&self, caller: &Caller, invoice: &Invoice) -> BillNames {
        let named = Named::on(invoice);
        self.read(|books| named.names(books, &view_of(books, caller), invoice.account))
    }

    /// The names on the bill of an open period, as [`App::bill_names`].
    #[must_use]
    pub fn running_names(&self, caller: &Caller, running: &Running) -> BillNames {
        let mut named = Named::on(&running.invoice);
        named.subscriptions.extend(running.not_charged.keys());
        for without_fee in &running.without_fee {
            named.subscriptions.insert(without_fee.subscription);
            named.stacks.insert(without_fee.stack);
        }
        self.read(|books| named.names(books, &view_of(books, caller), running.invoice.account))
    }

    /// The names of who sells and who buys, if somebody certain does, for whoever reads their bills.
    #[must_use]
    pub fn account_names(&self, seller: Seller, buyer: Option<Buyer>) -> AccountNames {
        self.read(|books| account_names(books, seller, buyer))
    }
}

pub(super) fn account_names(books: &Books, seller: Seller, buyer: Option<Buyer>) -> AccountNames {
    let partner = |id| books.partner_ever(id).map(|partner| partner.name.clone());
    let mut names = AccountNames {
        seller: match seller {
            Seller::Platform => None,
            Seller::Partner(id) => partner(id),
        },
        ..AccountNames::default()
    };
    match buyer {
        Some(Buyer::Partner(id)) => names.buyer = partner(id),
        Some(Buyer::Subscription(id)) => {
            let subscription = books.subscription_ever(id);
            names.buyer = subscription.map(|subscription| subscription.name.clone());
            let customer = subscription.and_then(|subscription| books.customer_ever(subscription.customer?));
            names.customer = customer.map(|customer| Party {
                id: customer.id,
                name: customer.name.clone(),
            });
        }
        None => {}
    }
    names
}
