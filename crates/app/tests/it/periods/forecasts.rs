//! What months come to at their end, and what they would with other prices.

use app::Kind;
use app::access::Caller;
use app::periods::{AccountForecast, BillPart, Change, WhatIf};
use domain::authorization::{PartnerRole, RoleDefinition, Scope};
use domain::books::PriceDraft;
use domain::catalog::{Price, PriceList, PriceListName, PriceListScope, Prices, Pricing};
use domain::chain::Account;
use domain::money::Currency;
use domain::terms::{Tax, Terms};

use super::{OTHER, WHOLESALE, month, october, retail};
use crate::house::{CSP, House, PARTNER, VCPU_BILLED, operator};
use crate::people::refusal;

/// On the eleventh of October, an hour a day and more was used on each of ten days: 240 in all.
async fn ten_days() -> House {
    let house = october().await;
    let usage = [("2026-10-02T11:00:00Z", "100"), ("2026-10-09T11:00:00Z", "140")];
    house.hears("2026-10-11T06:00:00Z", &usage).await;
    house.declares("2026-10-11T00:00:00Z").await;
    house
}

async fn forecasts(house: &House, caller: &Caller) -> Vec<AccountForecast> {
    let forecast = house.app().forecast(caller, month("2026-10")).await.unwrap();
    assert_eq!(forecast.left_out, 0);
    forecast.accounts
}

async fn forecast(house: &House, account: Account) -> (String, Option<String>) {
    let all = forecasts(house, &operator()).await;
    let it = all.into_iter().find(|it| it.account == account).unwrap();
    (it.so_far.to_string(), it.projected.map(|it| it.to_string()))
}

fn comes_to(so_far: &str, projected: &str) -> (String, Option<String>) {
    (so_far.to_owned(), Some(projected.to_owned()))
}

#[tokio::test]
async fn ten_days_at_one_an_hour_make_744_of_october_on_every_link_and_tax_is_no_sale() {
    let house = ten_days().await;
    assert_eq!(forecast(&house, WHOLESALE).await, comes_to("240.00", "744.00"));
    assert_eq!(forecast(&house, retail(CSP)).await, comes_to("360.00", "1116.00"));
    let tax = Some(Tax {
        percent: "25".parse().unwrap(),
        label: "VAT".to_owned(),
    });
    let terms = Terms {
        tax,
        ..Terms::default()
    };
    let seller = retail(CSP).seller;
    house
        .app()
        .set_terms(&operator(), seller, None, terms, month("2026-10"))
        .await
        .unwrap();
    let all = forecasts(&house, &operator()).await;
    let [retail, wholesale] = all.as_slice() else {
        panic!("{all:?}");
    };
    assert_eq!(wholesale.account, WHOLESALE, "those that come to most are first");
    let (so_far, projected) = (retail.so_far.to_string(), retail.projected.unwrap().to_string());
    assert_eq!((so_far.as_str(), projected.as_str()), ("360.00", "1116.00"));
    let parts: Vec<_> = retail
        .parts
        .iter()
        .map(|(part, it)| (*part, it.so_far.to_string(), it.projected.unwrap().to_string()))
        .collect();
    let expected = [
        (
            BillPart::Meter(VCPU_BILLED),
            "360.00".to_owned(),
            "1116.00".to_owned(),
        ),
        (BillPart::Tax, "90.00".to_owned(), "279.00".to_owned()),
    ];
    assert_eq!(parts, expected);
    let [stack] = retail.stacks.as_slice() else {
        panic!("{retail:?}");
    };
    assert_eq!(
        (stack.known.days(), stack.stack_name.as_deref()),
        (10, Some("AzureStack-North"))
    );
}

#[tokio::test]
async fn what_is_moved_on_the_twentieth_is_forecast_for_whoever_pays_from_then_on() {
    let house = ten_days().await;
    house
        .maps(Some(OTHER), "2026-10-20T00:00:00Z", "2026-11-01T00:00:00Z")
        .await;
    // 240 and 9 days of 24, at 1.50; then 12 days of 24.
    assert_eq!(forecast(&house, retail(CSP)).await, comes_to("360.00", "684.00"));
    assert_eq!(forecast(&house, retail(OTHER)).await, comes_to("0.00", "432.00"));
    assert_eq!(forecast(&house, WHOLESALE).await, comes_to("240.00", "744.00"));
}

#[tokio::test]
async fn two_days_are_no_forecast_and_neither_is_a_stack_that_never_said_what_is_complete() {
    let house = october().await;
    house
        .hears("2026-10-20T06:00:00Z", &[("2026-10-01T11:00:00Z", "24")])
        .await;
    let guess = ("36.00".to_owned(), None);
    assert_eq!(forecast(&house, retail(CSP)).await, guess);
    house.declares("2026-10-03T00:00:00Z").await;
    assert_eq!(forecast(&house, retail(CSP)).await, guess);
    let all = forecasts(&house, &operator()).await;
    for it in &all {
        assert!(
            it.parts.iter().all(|(_, part)| part.projected.is_none()),
            "{it:?}"
        );
        let [stack] = it.stacks.as_slice() else {
            panic!("{it:?}");
        };
        assert_eq!((stack.known.days(), stack.known.is_enough()), (2, false));
    }
    house.declares("2026-10-04T00:00:00Z").await;
    assert_eq!(forecast(&house, retail(CSP)).await, comes_to("36.00", "372.00"));
}

#[tokio::test]
async fn a_complete_month_is_forecast_as_what_its_invoices_say() {
    let house = ten_days().await;
    house.it_is("2026-11-01T02:00:00Z");
    house.declares("2026-11-01T00:00:00Z").await;
    let all = forecasts(&house, &operator()).await;
    house.closes("2026-10").await;
    assert_eq!(all.len(), 2);
    for it in all {
        let invoice = house.invoice_of("2026-10", it.account).await.unwrap();
        assert_eq!((it.so_far, it.projected), (invoice.total, Some(invoice.total)));
    }
    let closed = house.app().forecast(&operator(), month("2026-10")).await;
    assert_eq!(refusal(closed), (Kind::Conflict, "PeriodClosed"));
    let later = house.app().forecast(&operator(), month("2026-12")).await;
    assert_eq!(refusal(later), (Kind::Invalid, "PeriodNotBegun"));
}

#[tokio::test]
async fn a_forecast_is_read_by_who_sells_and_who_buys() {
    let house = ten_days().await;
    let (seller, reader, nobody) = (
        house.program("seller").await,
        house.program("reader").await,
        house.program("nobody").await,
    );
    house
        .give_partner_role(&seller, PartnerRole::AdminAgent(PARTNER))
        .await;
    house
        .give(&reader, RoleDefinition::READER, &Scope::Subscription(CSP))
        .await;
    let both = [retail(CSP), WHOLESALE];
    for (who, reads) in [(&seller, &both[..]), (&reader, &both[..1]), (&nobody, &[])] {
        let all = forecasts(&house, who).await;
        let accounts: Vec<Account> = all.iter().map(|it| it.account).collect();
        assert_eq!(accounts, reads);
    }
}

fn fabrikam() -> PriceListName {
    "fabrikam".parse().unwrap()
}

/// The partner drafts another price from an hour on.
async fn drafts(house: &House, price: &str, from: &str) {
    let prices: Prices = [(VCPU_BILLED, Price::flat(price.parse().unwrap()))].into();
    let draft = PriceDraft {
        list: PriceList {
            name: fabrikam(),
            scope: PriceListScope::Seller(PARTNER),
            currency: Currency::USD,
        },
        pricing: Pricing::from(prices),
        from: from.parse().unwrap(),
    };
    house.app().draft_prices(&operator(), draft).await.unwrap();
}

async fn what_if(house: &House) -> WhatIf {
    let app = house.app();
    app.what_if(&operator(), &fabrikam(), month("2026-10"))
        .await
        .unwrap()
}

fn texts(change: &Change) -> [String; 3] {
    let difference = change.difference().unwrap();
    [change.before, change.after, difference].map(|amount| amount.to_string())
}

#[tokio::test]
async fn a_draft_of_next_month_says_what_this_month_would_have_cost_and_touches_nothing() {
    let house = ten_days().await;
    // The eighth is past a version that the draft is in place of, too.
    house.sells_for("1.75", "2026-10-08T00:00:00Z").await.unwrap();
    drafts(&house, "2", "2026-12-01T00:00:00Z").await;
    let compared = what_if(&house).await;
    assert!(compared.is_moved && !compared.is_over);
    assert_eq!(compared.supposed_from.to_string(), "2026-10-01T00:00:00Z");
    let [changed] = compared.accounts.as_slice() else {
        panic!("{compared:?}");
    };
    // 100 at 1.50 and 140 at 1.75; all at 2.00.
    let of_customer = ["395.00", "480.00", "85.00"];
    assert_eq!(changed.account, retail(CSP));
    assert_eq!(texts(&changed.total), of_customer);
    let [(part, change)] = changed.parts.as_slice() else {
        panic!("{changed:?}");
    };
    assert_eq!(
        (*part, texts(change)),
        (BillPart::Meter(VCPU_BILLED), of_customer.map(str::to_owned))
    );
    assert_eq!((compared.unchanged, compared.left_out), (1, 0));
    let by_seller: Vec<_> = compared.by_seller.values().map(texts).collect();
    assert_eq!(by_seller, [["240.00", "240.00", "0.00"], of_customer]);
    let totals: Vec<_> = compared.totals.values().map(texts).collect();
    assert_eq!(totals, [["635.00", "720.00", "85.00"]]);
    let running = house
        .app()
        .running(&operator(), retail(CSP), month("2026-10"))
        .await;
    assert_eq!(running.unwrap().invoice.total.to_string(), "395.00");
    assert!(house.app().price_draft(&operator(), &fabrikam()).is_ok());
}

#[tokio::test]
async fn a_draft_of_the_middle_of_a_month_prices_from_there_on_in_an_invoiced_month_as_well() {
    let house = ten_days().await;
    drafts(&house, "2", "2026-10-05T00:00:00Z").await;
    house.october_is_closed().await;
    let invoices = house.invoices(Some("2026-10")).await;
    let compared = what_if(&house).await;
    assert!(!compared.is_moved && compared.is_over);
    // 100 at 1.50 before it, 140 at 2.00.
    assert_eq!(texts(&compared.accounts[0].total), ["360.00", "430.00", "70.00"]);
    assert_eq!(house.invoices(Some("2026-10")).await, invoices);
}

#[tokio::test]
async fn a_higher_price_would_look_a_quarter_better_by_the_tax_that_nobody_keeps() {
    let house = ten_days().await;
    drafts(&house, "2", "2026-12-01T00:00:00Z").await;
    let tax = Some(Tax {
        percent: "25".parse().unwrap(),
        label: "VAT".to_owned(),
    });
    let terms = Terms {
        tax,
        ..Terms::default()
    };
    let (app, seller) = (house.app(), retail(CSP).seller);
    app.set_terms(&operator(), seller, None, terms, month("2026-10"))
        .await
        .unwrap();
    let compared = what_if(&house).await;
    let [changed] = compared.accounts.as_slice() else {
        panic!("{compared:?}");
    };
    let before_tax = ["360.00", "480.00", "120.00"];
    assert_eq!(texts(&changed.total), before_tax);
    let parts: Vec<_> = changed
        .parts
        .iter()
        .map(|(part, it)| (*part, texts(it)))
        .collect();
    let tax = ["90.00", "120.00", "30.00"].map(str::to_owned);
    assert_eq!(
        parts,
        [
            (BillPart::Meter(VCPU_BILLED), before_tax.map(str::to_owned)),
            (BillPart::Tax, tax)
        ]
    );
    let by_seller: Vec<_> = compared.by_seller.values().map(texts).collect();
    assert_eq!(by_seller[1], before_tax);
    let totals: Vec<_> = compared.totals.values().map(texts).collect();
    assert_eq!(totals, [["600.00", "720.00", "120.00"]]);
}

#[tokio::test]
async fn what_a_draft_would_change_is_asked_by_whoever_drafted_it() {
    let house = ten_days().await;
    drafts(&house, "2", "2026-12-01T00:00:00Z").await;
    let (seller, reader) = (house.program("seller").await, house.program("reader").await);
    house
        .give_partner_role(&seller, PartnerRole::AdminAgent(PARTNER))
        .await;
    house
        .give(&reader, RoleDefinition::READER, &Scope::Subscription(CSP))
        .await;
    let app = house.app();
    let seen = app.what_if(&seller, &fabrikam(), month("2026-10")).await.unwrap();
    assert_eq!(texts(&seen.accounts[0].total), ["360.00", "480.00", "120.00"]);
    let unseen = app.what_if(&reader, &fabrikam(), month("2026-10")).await;
    assert_eq!(refusal(unseen), (Kind::NotFound, "PriceListDraftNotFound"));
    let later = app.what_if(&seller, &fabrikam(), month("2026-11")).await;
    assert_eq!(refusal(later), (Kind::Invalid, "PeriodNotBegun"));
}
