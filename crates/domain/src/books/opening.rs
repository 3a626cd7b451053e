//! Opening accounts: which partners, customers, subscriptions and price lists may be entered.

use super::accounts::Kept;
use super::{Books, CurrencyChange, DerivationRefused, Entry, Limit, LimitReached, PriceEntry};
use crate::catalog::{PriceList, PriceListScope, Pricing};
use crate::chain::Seller;
use crate::ids::{CustomerId, PartnerId, SubscriptionId, TenantId};
use crate::partner::{Customer, Partner, PartnerKind, Subscription, SubscriptionKind};
use crate::time::Hour;

/// Why an entry is not made. The text says what would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The id is taken.
    #[error("a {0} with this id exists already and differs from what was sent; ids are given once")]
    AlreadyExists(&'static str),
    /// The id was of something that was deleted.
    #[error(
        "a {0} with this id was deleted, and its history stays under it; ids are given once: choose another one"
    )]
    IdWasUsed(&'static str),
    /// There are too many already.
    #[error("{limit}")]
    TooMany {
        /// Of what.
        limit: LimitReached,
        /// The member of the request that there is no room for.
        member: &'static str,
    },
    /// A partner that is named is not there.
    #[error("partner {partner} does not exist; create it first")]
    UnknownPartner {
        /// The partner.
        partner: PartnerId,
        /// The member that names it.
        member: &'static str,
    },
    /// The provider of a reseller is no distributor.
    #[error("partner {0} is not an indirect provider; a reseller buys from one")]
    NotAProvider(PartnerId),
    /// A distributor with customers of its own.
    #[error("partner {0} is an indirect provider; its customers are created under its resellers")]
    ProviderHasNoCustomers(PartnerId),
    /// A customer without a directory.
    #[error("a customer has at least one directory tenant")]
    NoTenant,
    /// One directory with two customers.
    #[error("directory tenant {0} belongs to another customer, to a partner or to the platform")]
    TenantTaken(TenantId),
    /// The customer of a CSP subscription is not there.
    #[error("customer {0} does not exist; create it before its subscription")]
    UnknownCustomer(CustomerId),
    /// A CSP subscription without a customer.
    #[error("a CSP subscription is sold to a customer: name it")]
    CustomerMissing,
    /// A subscription of another kind with a customer.
    #[error("only a CSP subscription has a customer; a {0} subscription has none")]
    CustomerNotAllowed(SubscriptionKind),
    /// A CSP subscription of somebody else's customer.
    #[error(
        "customer {customer} is sold to by partner {seller}; only that partner owns its CSP subscriptions"
    )]
    OwnerIsNotSeller {
        /// The customer.
        customer: CustomerId,
        /// The partner that sells to it.
        seller: PartnerId,
    },
    /// A CSP subscription outside of its customer's directories.
    #[error(
        "directory tenant {tenant} is not one of customer {customer}; its CSP subscriptions live in its own"
    )]
    TenantNotOfCustomer {
        /// The tenant.
        tenant: TenantId,
        /// The customer.
        customer: CustomerId,
    },
    /// A shared services subscription without a partner, or one in a customer's directory.
    #[error("a partner shared services subscription belongs to one partner: name its owner")]
    OwnerMissing,
    /// A shared services subscription of an indirect reseller.
    #[error(
        "partner {0} is an indirect reseller; shared services subscriptions are for direct bill partners and providers"
    )]
    ResellerHasNoSharedServices(PartnerId),
    /// A shared services subscription in a customer's directory.
    #[error(
        "directory tenant {0} is a customer's; shared services subscriptions live in a directory of the partner's own"
    )]
    SharedServicesInCustomerTenant(TenantId),
    /// The buyer of a price list is not there.
    #[error("subscription {0} does not exist")]
    UnknownSubscription(SubscriptionId),
    /// A price list for a subscription that somebody else sells.
    #[error("partner {seller} does not sell subscription {buyer}, so its prices would never apply to it")]
    NotTheSeller {
        /// The partner.
        seller: PartnerId,
        /// The subscription.
        buyer: SubscriptionId,
    },
    /// Another list has the same scope.
    #[error("price list '{0}' has the same seller and buyer; publish a new version of it instead")]
    ScopeTaken(String),
    /// A version because of which a month would have prices in two currencies.
    #[error("{0}")]
    CurrencyChange(Box<CurrencyChange>),
    /// A version that changes what the list is.
    #[error(
        "price list '{0}' has another currency, seller or buyer; these never change: choose another name"
    )]
    ListDiffers(String),
    /// A version that cannot follow another list.
    #[error("{0}")]
    Derivation(Box<DerivationRefused>),
}

impl Refused {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::AlreadyExists(_) => "AlreadyExists",
            Self::IdWasUsed(_) => "IdWasUsed",
            Self::TooMany { limit, .. } => limit.0.code(),
            Self::UnknownPartner { .. } => "PartnerNotFound",
            Self::NotAProvider(_) => "NotAnIndirectProvider",
            Self::ProviderHasNoCustomers(_) => "ProviderHasNoCustomers",
            Self::NoTenant => "CustomerTenantMissing",
            Self::TenantTaken(_) => "TenantBelongsToAnotherCustomer",
            Self::UnknownCustomer(_) => "CustomerNotFound",
            Self::CustomerMissing => "SubscriptionCustomerMissing",
            Self::CustomerNotAllowed(_) => "SubscriptionCustomerNotAllowed",
            Self::OwnerIsNotSeller { .. } => "OwnerIsNotSeller",
            Self::TenantNotOfCustomer { .. } => "TenantNotOfCustomer",
            Self::OwnerMissing => "SubscriptionOwnerMissing",
            Self::ResellerHasNoSharedServices(_) => "ResellerHasNoSharedServices",
            Self::SharedServicesInCustomerTenant(_) => "SharedServicesInCustomerTenant",
            Self::UnknownSubscription(_) => "SubscriptionNotFound",
            Self::NotTheSeller { .. } => "NotTheSeller",
            Self::ScopeTaken(_) => "PriceListScopeTaken",
            Self::ListDiffers(_) => "PriceListDiffers",
            Self::CurrencyChange(_) => "PriceListsInTwoCurrencies",
            Self::Derivation(refused) => refused.code(),
        }
    }

    /// The member of the request that is at fault.
    #[must_use]
    pub const fn target(&self) -> &'static str {
        match self {
            Self::AlreadyExists(_) | Self::IdWasUsed(_) => "id",
            Self::UnknownPartner { member, .. } | Self::TooMany { member, .. } => member,
            Self::NotAProvider(_) => "provider",
            Self::ProviderHasNoCustomers(_) => "partnerId",
            Self::NoTenant | Self::TenantTaken(_) => "tenantIds",
            Self::UnknownCustomer(_) | Self::CustomerMissing | Self::CustomerNotAllowed(_) => "customerId",
            Self::OwnerIsNotSeller { .. } | Self::OwnerMissing | Self::ResellerHasNoSharedServices(_) => {
                "ownerPartnerId"
            }
            Self::TenantNotOfCustomer { .. } | Self::SharedServicesInCustomerTenant(_) => "tenantId",
            Self::UnknownSubscription(_) => "buyer",
            Self::NotTheSeller { .. } => "seller",
            Self::ScopeTaken(_) | Self::ListDiffers(_) => "name",
            Self::CurrencyChange(_) => "effectiveFrom",
            Self::Derivation(refused) => refused.target(),
        }
    }
}

/// Nothing to enter when the same is there already, so that a request can be repeated.
fn once<K: Ord + Copy, T: PartialEq>(
    all: &Kept<K, T>,
    id: K,
    new: &T,
    what: &'static str,
) -> Result<bool, Refused> {
    match all.get(id) {
        Some(known) if known == new => Ok(false),
        Some(_) => Err(Refused::AlreadyExists(what)),
        None if all.former(id).is_some() => Err(Refused::IdWasUsed(what)),
        None => Ok(true),
    }
}

/// Refuses the one after the last that there is room for.
fn room(limit: Limit, there: usize, member: &'static str) -> Result<(), Refused> {
    let refused = |limit| Refused::TooMany { limit, member };
    limit.admits_one_more(there).map_err(refused)
}

impl Books {
    fn named_partner(&self, partner: PartnerId, member: &'static str) -> Result<&Partner, Refused> {
        self.partner(partner)
            .ok_or(Refused::UnknownPartner { partner, member })
    }

    /// Creates a partner. Creating the same one again enters nothing.
    ///
    /// # Errors
    /// [`Refused`] if its id is taken, its provider is not one, or there are too many.
    pub fn create_partner(&self, partner: Partner) -> Result<Option<Entry>, Refused> {
        if !once(&self.accounts.partners, partner.id, &partner, "partner")? {
            return Ok(None);
        }
        room(Limit::Partners, self.partners().count(), "id")?;
        if let PartnerKind::IndirectReseller { provider } = partner.kind {
            let known = self.named_partner(provider, "provider")?;
            if known.kind != PartnerKind::IndirectProvider {
                return Err(Refused::NotAProvider(provider));
            }
        }
        Ok(Some(Entry::PartnerCreated(partner)))
    }

    /// Creates a customer of a partner. Creating the same one again enters nothing.
    ///
    /// # Errors
    /// [`Refused`] if its id or one of its tenants is taken, or its partner does not sell to customers.
    pub fn create_customer(&self, customer: Customer) -> Result<Option<Entry>, Refused> {
        if !once(&self.accounts.customers, customer.id, &customer, "customer")? {
            return Ok(None);
        }
        let partner = self.named_partner(customer.partner, "partnerId")?;
        if partner.kind == PartnerKind::IndirectProvider {
            return Err(Refused::ProviderHasNoCustomers(partner.id));
        }
        let (Some(last), sold) = (customer.tenants.len().checked_sub(1), partner.id) else {
            return Err(Refused::NoTenant);
        };
        room(Limit::TenantsOfCustomer, last, "tenantIds")?;
        let others = self.customers().filter(|it| it.partner == sold);
        room(Limit::CustomersOfPartner, others.count(), "partnerId")?;
        for tenant in &customer.tenants {
            let taken =
                self.customer_of_tenant(*tenant).is_some() || self.directories.directory(*tenant).is_some();
            if taken {
                return Err(Refused::TenantTaken(*tenant));
            }
        }
        Ok(Some(Entry::CustomerCreated(customer)))
    }

    /// Creates a subscription. Creating the same one again enters nothing.
    ///
    /// # Errors
    /// [`Refused`] if its id is taken, or its owner, customer or tenant does not go with its kind.
    pub fn create_subscription(&self, subscription: Subscription) -> Result<Option<Entry>, Refused> {
        // One that was suspended since is still the one that was created.
        let known = self.subscription(subscription.id);
        let as_created = Subscription {
            state: known.map_or(subscription.state, |known| known.state),
            ..subscription
        };
        let subscription = as_created;
        if !once(
            &self.accounts.subscriptions,
            subscription.id,
            &subscription,
            "subscription",
        )? {
            return Ok(None);
        }
        let others = self.subscriptions().filter(|it| is_same_buyer(it, &subscription));
        let (others, member) = (others.count(), buyer_member(&subscription));
        room(Limit::SubscriptionsOfBuyer, others, member)?;
        let owner = match subscription.owner {
            Some(owner) => Some(self.named_partner(owner, "ownerPartnerId")?),
            None => None,
        };
        match (subscription.kind, subscription.customer) {
            (SubscriptionKind::Csp, None) => return Err(Refused::CustomerMissing),
            (SubscriptionKind::Csp, Some(customer)) => {
                self.check_csp(&subscription, customer)?;
            }
            (kind, Some(_)) => return Err(Refused::CustomerNotAllowed(kind)),
            (SubscriptionKind::PartnerSharedServices, None) => {
                let owner = owner.ok_or(Refused::OwnerMissing)?;
                if matches!(owner.kind, PartnerKind::IndirectReseller { .. }) {
                    return Err(Refused::ResellerHasNoSharedServices(owner.id));
                }
                if self.customer_of_tenant(subscription.tenant).is_some() {
                    return Err(Refused::SharedServicesInCustomerTenant(subscription.tenant));
                }
            }
            (_, None) => {}
        }
        Ok(Some(Entry::SubscriptionCreated(subscription)))
    }

    fn check_csp(&self, subscription: &Subscription, customer: CustomerId) -> Result<(), Refused> {
        let customer = self
            .customer(customer)
            .ok_or(Refused::UnknownCustomer(customer))?;
        if subscription.owner != Some(customer.partner) {
            return Err(Refused::OwnerIsNotSeller {
                customer: customer.id,
                seller: customer.partner,
            });
        }
        if !customer.tenants.contains(&subscription.tenant) {
            return Err(Refused::TenantNotOfCustomer {
                tenant: subscription.tenant,
                customer: customer.id,
            });
        }
        Ok(())
    }

    /// Publishes a version of a price list, which prices all hours from one on. Publishing what already holds from
    /// that hour enters nothing.
    ///
    /// # Errors
    /// [`Refused`] if the list was another one before, another list has its scope, or it cannot follow its base.
    pub fn publish_price_list(
        &self,
        list: PriceList,
        pricing: impl Into<Pricing>,
        from: Hour,
    ) -> Result<Option<Entry>, Refused> {
        let pricing = pricing.into();
        match list.scope {
            PriceListScope::Platform => {}
            PriceListScope::Seller(seller) => {
                self.named_partner(seller, "seller")?;
            }
            PriceListScope::Buyer(seller, buyer) => {
                self.named_partner(seller, "seller")?;
                let sold = self
                    .subscription(buyer)
                    .ok_or(Refused::UnknownSubscription(buyer))?;
                let chain = self.chain_of(sold);
                if !chain.iter().any(|link| link.seller == Seller::Partner(seller)) {
                    return Err(Refused::NotTheSeller { seller, buyer });
                }
            }
        }
        let same_scope = |other: &&super::PublishedPriceList| {
            other.list.scope == list.scope && other.list.name != list.name
        };
        if let Some(other) = self.price_lists().find(same_scope) {
            return Err(Refused::ScopeTaken(other.list.name.to_string()));
        }
        if let Some(known) = self.price_list(&list.name) {
            if known.list != list {
                return Err(Refused::ListDiffers(list.name.to_string()));
            }
            let last = known.versions.assertions().last();
            if last.is_some_and(|last| last.valid.start() == from && last.value == pricing) {
                return Ok(None);
            }
        }
        if let Some(change) = self.currency_change(&list, from) {
            return Err(Refused::CurrencyChange(Box::new(change)));
        }
        self.check_derivation(&list, &pricing, from)
            .map_err(|refused| Refused::Derivation(Box::new(refused)))?;
        Ok(Some(match pricing {
            Pricing::Own(prices) => Entry::PriceListPublished { list, prices, from },
            Pricing::Derived(derivation) => PriceEntry::Derived {
                list,
                derivation,
                from,
            }
            .into(),
        }))
    }
}

/// Whether two subscriptions are bought by the same: the customer, else the partner that uses it, else who is in its
/// directory.
fn is_same_buyer(one: &Subscription, other: &Subscription) -> bool {
    let buyer = |it: &Subscription| {
        let partner = it.owner.filter(|_| it.customer.is_none());
        let tenant = (it.customer.is_none() && it.owner.is_none()).then_some(it.tenant);
        (it.customer, partner, tenant)
    };
    buyer(one) == buyer(other)
}

/// The member of a request that says who buys.
const fn buyer_member(subscription: &Subscription) -> &'static str {
    match (subscription.customer, subscription.owner) {
        (Some(_), _) => "customerId",
        (None, Some(_)) => "ownerPartnerId",
        (None, None) => "tenantId",
    }
}
