//! Bills on paper: what an invoice or a running statement shows, with names, addresses and charts.
//!
//! An invoice shows what the books said when its period was closed, and the usage that counted then: printed again it
//! is the same, byte for byte.

pub(super) mod charts;

use std::collections::BTreeSet;

use domain::books::{Books, ProfileVersion};
use domain::catalog::{Catalog, PriceSource};
use domain::chain::{Account, Buyer, Seller};
use domain::ids::{BillingMeterId, SubscriptionId};
use domain::invoice::{Invoice, InvoiceNumber};
use domain::profile::{Profile, Trader};
use domain::quantity::Rational;
use domain::reckoning::{LineKey, Made, ReckonedLine};
use domain::time::Period;
use paper::{Correction, Detail, Form, Item, Kind as PaperKind, Line, LineKind, Paper, Step, Subscription};
use store::DocumentKey;

use super::gathering::Inputs;
use super::names::account_names;
use super::reckoning::missing;
use super::running::Running;
use crate::access::{Caller, Right, View, agents_only, view_of};
use crate::bills::{reads_charges, stack_name};
use crate::{App, Error, Kind};
use charts::Charts;

impl App {
    /// An issued invoice as it is printed, for all who read it.
    ///
    /// # Errors
    /// `InvoiceNotFound`, `UsageOlderThanClose`, or as the store.
    pub async fn invoice_paper(&self, caller: &Caller, number: InvoiceNumber) -> Result<Paper, Error> {
        let invoice = self.invoice(caller, number).await?;
        let closed = self.read(|books| books.periods().closed(invoice.period).cloned());
        let closed = closed.ok_or_else(|| super::invoices::invoice_not_found(&number.to_string()))?;
        let inputs = self.inputs_of(&closed.closing).await?;
        let charts = self.charts(&inputs, &invoice).await?;
        // Of what is kept, as a replay compares it: a later version may write the same invoice in another form.
        let key = DocumentKey::invoice(invoice.period, invoice.account);
        let kept = self.bills.get(key).await?.ok_or_else(|| missing(key))?;
        let digest = blake3::hash(&kept);
        let kind = if invoice.is_credit_note() {
            PaperKind::CreditNote
        } else {
            PaperKind::Invoice
        };
        let mut paper = drawn(&invoice, kind, &inputs, charts);
        paper.dated = closed.recorded.at;
        paper.number = Some(number.to_string());
        paper.digest = Some(digest.to_hex().to_string());
        Ok(paper)
    }

    /// What the bill of an account for an open period comes to so far, as it is printed: marked as no invoice.
    ///
    /// # Errors
    /// As [`App::running`].
    pub async fn running_paper(
        &self,
        caller: &Caller,
        account: Account,
        period: Period,
    ) -> Result<Paper, Error> {
        // The figures and the charts of one moment.
        let (Running { invoice, .. }, inputs) = self.running_by(caller, account, period).await?;
        let charts = self.charts(&inputs, &invoice).await?;
        let mut paper = drawn(&invoice, PaperKind::RunningStatement, &inputs, charts);
        paper.dated = self.clock.now();
        Ok(paper)
    }

    /// Writes a bill in one of the forms that there are.
    ///
    /// # Errors
    /// `InternalError` if it cannot be written so.
    pub async fn rendered(&self, paper: Paper, form: Form) -> Result<Vec<u8>, Error> {
        let printed = self.compute(move |_| paper.rendered(form)).await?;
        printed.map_err(|error| Error {
            detail: Some(error.to_string()),
            ..Error::new(
                Kind::Internal,
                "InternalError",
                "The bill cannot be written in this form. Whoever operates the server finds in its log why; ask for \
                 another form.",
            )
        })
    }

    /// Sets what paper says of who sells or buys, on all that is issued from now on. An act of a partner's agents for
    /// the partner and for subscriptions that it sells; of the platform's operators for all.
    ///
    /// # Errors
    /// `AuthorizationFailed`, [`PeriodRefused`](domain::books::PeriodRefused), or as the store.
    pub async fn set_profile(&self, caller: &Caller, of: Trader, profile: Profile) -> Result<(), Error> {
        self.change(caller, |books| {
            let view = view_of(books, caller);
            if !sets(books, &view, of) {
                if !reads(books, &view, of) {
                    return Err(profile_not_found(of));
                }
                return Err(match caller {
                    Caller::Principal(principal) => agents_only(principal),
                    _ => profile_not_found(of),
                });
            }
            let entry = books.set_profile(of, profile.clone())?;
            Ok((entry.into_iter().collect(), ()))
        })
        .await
    }

    /// What paper says of who sells or buys: for whoever is it, and for whoever sells to them.
    ///
    /// # Errors
    /// `ProfileNotFound` if nobody set it, or the caller does not read it.
    pub fn profile(&self, caller: &Caller, of: Trader) -> Result<ProfileVersion, Error> {
        self.authorize(caller, Right::SignedIn)?;
        self.read(|books| {
            let is_read = reads(books, &view_of(books, caller), of);
            let profile = books.periods().profile(of).filter(|_| is_read);
            profile.cloned().ok_or_else(|| profile_not_found(of))
        })
    }
}

fn profile_not_found(of: Trader) -> Error {
    let message = format!(
        "There is no profile of {of} for you to read. PUT one for yourself or for a subscription that you sell; until then \
         invoices show the name alone."
    );
    Error::not_found("ProfileNotFound", message)
}

/// Whether whoever has this view says what paper says of somebody: who it is, and for a customer who sells to it.
fn sets(books: &Books, view: &View, of: Trader) -> bool {
    let acts_for = |partner| view.acts_for(partner);
    view.everything
        || match of {
            Trader::Platform => false,
            Trader::Partner(partner) => acts_for(partner),
            Trader::Subscription(id) => {
                let seller = books.subscription_ever(id).and_then(Books::seller_of);
                seller.is_some_and(acts_for)
            }
        }
}

fn reads(books: &Books, view: &View, of: Trader) -> bool {
    sets(books, view, of) || matches!(of, Trader::Subscription(id) if reads_charges(books, view, id))
}

/// An invoice with everything that is shown beside it; without number, digest and date.
fn drawn(invoice: &Invoice, kind: PaperKind, inputs: &Inputs, charts: Charts) -> Paper {
    let (books, catalog) = (&*inputs.books, &*inputs.catalog);
    let Account {
        seller,
        buyer,
        currency,
    } = invoice.account;
    let names = account_names(books, seller, Some(buyer));
    let profile = |of: Trader| books.periods().profile(of).map(|it| it.profile.clone());
    let of_seller = profile(seller.into());
    let locale = of_seller
        .as_ref()
        .map(|profile| profile.locale)
        .unwrap_or_default();
    let seller_name = names.seller.clone().unwrap_or_else(|| match seller {
        Seller::Platform => "Meterbridge platform".to_owned(),
        Seller::Partner(id) => format!("Partner {id}"),
    });
    let (buyer_name, buyer_id) = match buyer {
        Buyer::Partner(id) => (names.buyer.clone(), format!("Partner {id}")),
        Buyer::Subscription(id) => {
            let customer = names.customer.as_ref().map(|customer| customer.name.clone());
            (
                customer.or_else(|| names.buyer.clone()),
                format!("Subscription {id}"),
            )
        }
    };
    let seller_id = match seller {
        Seller::Platform => Vec::new(),
        Seller::Partner(id) => vec![format!("Partner {id}")],
    };
    let subscriptions: BTreeSet<SubscriptionId> = invoice
        .amounts()
        .filter_map(|(_, key, _)| key.subscription())
        .collect();
    let subscription = |id: SubscriptionId| Subscription {
        id,
        name: books
            .subscription_ever(id)
            .map_or_else(|| id.to_string(), |it| it.name.clone()),
    };
    let show = Show { books, catalog };
    Paper {
        kind,
        number: None,
        locale,
        seller: trader(of_seller, seller_name, seller_id),
        buyer: trader(
            profile(buyer.into()),
            buyer_name.unwrap_or_else(|| buyer_id.clone()),
            vec![buyer_id.clone()],
        ),
        period: invoice.period,
        dated: invoice.period.interval().end().start(),
        currency,
        subscriptions: subscriptions.into_iter().map(subscription).collect(),
        lines: in_order(invoice, catalog)
            .map(|(key, line)| show.line(*key, line))
            .collect(),
        corrections: invoice.corrections.iter().map(|it| show.correction(it)).collect(),
        subtotal: invoice.subtotal,
        tax: invoice.tax,
        total: invoice.total,
        days: charts.days,
        resources: charts.resources,
        digest: None,
    }
}

/// What paper says of somebody: the profile, or else a name and an id.
fn trader(profile: Option<Profile>, name: String, id: Vec<String>) -> paper::Trader {
    match profile {
        Some(profile) => paper::Trader {
            name: profile.legal_name,
            address: profile.address,
            tax_number: profile.tax_number,
        },
        None => paper::Trader {
            name,
            address: id,
            tax_number: None,
        },
    }
}

/// The lines as people look for them: by subscription, and in it by category and name of the meter.
fn in_order<'a>(
    invoice: &'a Invoice,
    catalog: &Catalog,
) -> impl Iterator<Item = (&'a LineKey, &'a ReckonedLine)> {
    let mut lines: Vec<(&LineKey, &ReckonedLine)> = invoice.lines.iter().collect();
    lines.sort_by_cached_key(|(key, _)| {
        let (place, since) = match key {
            LineKey::Usage { meter, since, .. } => {
                let meter = catalog.billing_meter(*meter);
                (meter.map(|it| (it.category.clone(), it.name.clone())), *since)
            }
            _ => (None, None),
        };
        // Those of the whole account are the last of all; of a subscription, fees are.
        let is_usage = matches!(key, LineKey::Usage { .. });
        (
            key.subscription().is_none(),
            key.subscription(),
            !is_usage,
            place,
            since,
            **key,
        )
    });
    lines.into_iter()
}

/// What lines are called.
struct Show<'a> {
    books: &'a Books,
    catalog: &'a Catalog,
}

impl Show<'_> {
    fn item(&self, key: LineKey, detail: Detail) -> Item {
        let (kind, name, of) = match key {
            LineKey::Usage { meter, .. } => {
                (LineKind::Usage, self.meter_name(meter), Some(meter.to_string()))
            }
            LineKey::CapacityFee { stack, .. } => {
                let name = stack_name(self.books, stack).unwrap_or_else(|| stack.to_string());
                (
                    LineKind::CapacityFee,
                    format!("Capacity fee of {name}"),
                    Some(stack.to_string()),
                )
            }
            LineKey::MinimumCommitment => {
                let name = "Minimum commitment".to_owned();
                (LineKind::MinimumCommitment, name, None)
            }
            LineKey::Credit => (LineKind::Credit, "Credit".to_owned(), None),
            LineKey::Tax => (LineKind::Tax, "Tax".to_owned(), None),
        };
        Item {
            kind,
            subscription: key.subscription(),
            name,
            detail,
            of,
        }
    }

    fn meter_name(&self, meter: BillingMeterId) -> String {
        let known = self.catalog.billing_meter(meter);
        known.map_or_else(|| format!("Meter {meter}"), |meter| meter.name.clone())
    }

    fn category(&self, key: LineKey) -> Detail {
        let LineKey::Usage { meter, since, .. } = key else {
            return Detail::Nothing;
        };
        let known = self.catalog.billing_meter(meter);
        let category = known.map(|meter| meter.category.clone()).unwrap_or_default();
        Detail::Text(match since {
            None => format!("{category}, for development"),
            Some(since) if since == since.period().interval().start() => category,
            Some(since) => format!("{category}, price since {since}"),
        })
    }

    fn line(&self, key: LineKey, line: &ReckonedLine) -> Line {
        let mut shown = Line {
            item: self.item(key, Detail::Nothing),
            quantity: None,
            unit: String::new(),
            included: None,
            steps: Vec::new(),
            amount: line.amount,
        };
        match &line.made {
            Made::Usage(made) => {
                shown.item.detail = self.category(key);
                if let Detail::Text(text) = &mut shown.item.detail
                    && made.price_source() == Some(PriceSource::Sample)
                {
                    text.push_str(", a sample price, made up for trying out");
                }
                shown.quantity = Some(made.quantity.clone());
                let meter = self.catalog.billing_meter(made.meter);
                shown.unit = meter.map(|meter| meter.unit.clone()).unwrap_or_default();
                let nothing = Rational::from_integer(0.into());
                shown.included = Some(made.rated.included.clone()).filter(|it| *it != nothing);
                let step = |tier: &domain::rating::TierCharge| Step {
                    quantity: tier.quantity.clone(),
                    unit_price: tier.unit_price.to_rational(),
                };
                shown.steps = made.rated.tiers.iter().map(step).collect();
            }
            Made::CapacityFee(charge) => {
                shown.item.detail = Detail::Cores {
                    days: charge.days.iter().map(|(cores, days)| (*cores, *days)).collect(),
                    fee: charge.fee.per_core_and_year.to_rational(),
                    days_of_year: charge.days_of_year,
                };
            }
            Made::MinimumCommitment { commitment, reached } => {
                shown.item.detail = Detail::Committed {
                    commitment: *commitment,
                    reached: *reached,
                };
            }
            Made::Credit { granted } => shown.item.detail = Detail::Granted(*granted),
            Made::Tax { tax, on } => {
                shown.item.name.clone_from(&tax.label);
                shown.item.detail = Detail::Taxed {
                    percent: tax.percent.to_rational(),
                    on: *on,
                };
            }
        }
        shown
    }

    fn correction(&self, correction: &domain::reckoning::Correction) -> Correction {
        Correction {
            period: correction.period,
            item: self.item(correction.key, self.category(correction.key)),
            billed: correction.billed,
            now: correction.now,
            amount: correction.amount,
            cause: correction.cause,
        }
    }
}
