//! Who may do what about periods, and who reads which invoice.

use app::Kind;
use app::access::Caller;
use app::periods::InvoiceFilter;
use domain::authorization::{PartnerRole, RoleDefinition, Scope};
use domain::ids::PartnerId;
use domain::partner::{Partner, PartnerKind};
use domain::terms::Terms;

use super::{OTHER, WHOLESALE, month, october, retail};
use crate::house::{CSP, CUSTOMER, House, PARTNER, STACK, operator};
use crate::people::{FAILED, refusal};

const LITWARE: PartnerId = PartnerId::from_bytes([0xb1; 16]);

/// Two subscriptions were charged in October, which is closed.
async fn two_buyers() -> House {
    let house = october().await;
    let usage = [("2026-10-10T11:00:00Z", "10"), ("2026-10-20T11:00:00Z", "4")];
    house.hears("2026-10-20T12:00:00Z", &usage).await;
    house
        .maps(Some(OTHER), "2026-10-15T00:00:00Z", "2026-11-01T00:00:00Z")
        .await;
    house.october_is_closed().await;
    house
}

async fn read(house: &House, caller: &Caller) -> Vec<domain::chain::Account> {
    let app = house.app();
    let all = app
        .invoices(caller, InvoiceFilter::default(), None, usize::MAX)
        .await
        .unwrap();
    all.iter().map(|invoice| invoice.account).collect()
}

#[tokio::test]
async fn an_invoice_is_read_by_who_sells_and_who_buys_and_is_not_there_for_anybody_else() {
    let house = two_buyers().await;
    let app = house.app();
    let litware = Partner {
        id: LITWARE,
        name: "Litware".to_owned(),
        kind: PartnerKind::DirectBill,
    };
    app.create_partner(&operator(), litware).await.unwrap();
    let all = vec![WHOLESALE, retail(CSP), retail(OTHER)];
    assert_eq!(read(&house, &operator()).await, all);
    let (seller, rival) = (house.program("seller").await, house.program("rival").await);
    house
        .give_partner_role(&seller, PartnerRole::AdminAgent(PARTNER))
        .await;
    house
        .give_partner_role(&rival, PartnerRole::AdminAgent(LITWARE))
        .await;
    let (customer, reader) = (house.program("customer").await, house.program("reader").await);
    house
        .give_partner_role(&customer, PartnerRole::CustomerUser(CUSTOMER))
        .await;
    house
        .give(&reader, RoleDefinition::READER, &Scope::Subscription(OTHER))
        .await;
    assert_eq!(read(&house, &seller).await, all);
    assert_eq!(read(&house, &rival).await, []);
    assert_eq!(read(&house, &reader).await, [retail(OTHER)]);
    assert_eq!(read(&house, &customer).await, all[1..]);
    for (who, reads) in [(&seller, &all[..]), (&rival, &[]), (&reader, &all[2..])] {
        for invoice in house.invoices(None).await {
            let one = app.invoice(who, invoice.number).await;
            let replay = app.replay(who, invoice.number).await;
            if reads.contains(&invoice.account) {
                assert_eq!(one.unwrap(), invoice);
                assert!(replay.unwrap().same);
            } else {
                assert_eq!(refusal(one), (Kind::NotFound, "InvoiceNotFound"));
                assert_eq!(refusal(replay), (Kind::NotFound, "InvoiceNotFound"));
            }
        }
        for account in &all {
            let running = app.running(who, *account, month("2026-11")).await;
            if reads.contains(account) {
                assert_eq!(running.unwrap().invoice.account, *account);
            } else {
                assert_eq!(refusal(running), (Kind::NotFound, "AccountNotFound"));
            }
        }
    }
}

#[tokio::test]
async fn invoices_are_found_by_what_they_are_about_page_by_page() {
    let house = two_buyers().await;
    let app = house.app();
    let about = |subscription| InvoiceFilter {
        subscription: Some(subscription),
        ..InvoiceFilter::default()
    };
    let accounts = async |filter, after, limit| {
        let found = app.invoices(&operator(), filter, after, limit).await.unwrap();
        found.iter().map(|it| it.account).collect::<Vec<_>>()
    };
    assert_eq!(accounts(about(OTHER), None, 9).await, [WHOLESALE, retail(OTHER)]);
    let buyer = InvoiceFilter {
        buyer: Some(retail(CSP).buyer),
        ..InvoiceFilter::default()
    };
    assert_eq!(accounts(buyer, None, 9).await, [retail(CSP)]);
    let seller = InvoiceFilter {
        seller: Some(WHOLESALE.seller),
        ..InvoiceFilter::default()
    };
    assert_eq!(accounts(seller, None, 9).await, [WHOLESALE]);
    let (mut after, mut paged) = (None, Vec::new());
    loop {
        let page = app
            .invoices(&operator(), InvoiceFilter::default(), after, 1)
            .await
            .unwrap();
        let Some(one) = page.first() else { break };
        after = Some(one.number);
        paged.push(one.account);
    }
    assert_eq!(paged, [WHOLESALE, retail(CSP), retail(OTHER)]);
}

#[tokio::test]
async fn periods_are_the_platforms_and_terms_their_sellers() {
    let house = two_buyers().await;
    let (app, november) = (house.app(), month("2026-11"));
    let (seller, nobody) = (house.program("seller").await, house.program("nobody").await);
    house
        .give_partner_role(&seller, PartnerRole::AdminAgent(PARTNER))
        .await;
    for who in [&seller, &nobody] {
        assert_eq!(refusal(app.period(who, november).await), FAILED);
        assert_eq!(refusal(app.periods(who)), FAILED);
        assert_eq!(refusal(app.close_period(who, november, true).await), FAILED);
        assert_eq!(refusal(app.waive(who, november, STACK, "no").await), FAILED);
        assert_eq!(refusal(app.replay_period(who, november).await), FAILED);
        let cores = app
            .state_cores(who, STACK, Some(1), domain::time::HourInterval::ALWAYS)
            .await;
        assert_eq!(refusal(cores), FAILED);
        let theirs = app
            .set_terms(who, WHOLESALE.seller, None, Terms::default(), november)
            .await;
        assert_eq!(refusal(theirs), FAILED, "the platform agrees for itself");
    }
    let account = retail(CSP);
    let set = async |who| {
        let terms = Terms {
            credit: Some(domain::money::Money::from_minor_units(1, account.currency)),
            ..Terms::default()
        };
        app.set_terms(who, account.seller, Some(account.buyer), terms, november)
            .await
    };
    assert_eq!(refusal(set(&nobody).await), FAILED);
    set(&seller).await.unwrap();
    assert_eq!(app.terms(&seller).len(), 1);
    assert_eq!(app.terms(&nobody), []);
    let backwards = app
        .set_terms(
            &operator(),
            account.seller,
            Some(WHOLESALE.buyer),
            Terms::default(),
            november,
        )
        .await;
    assert_eq!(refusal(backwards), (Kind::Invalid, "NoSuchSale"));
}

#[tokio::test]
async fn how_a_number_is_written_tells_nobody_whether_there_is_such_an_invoice() {
    let house = two_buyers().await;
    let app = house.app();
    let nobody = house.program("nobody").await;
    let hidden = app.invoice_number("mb-000001").unwrap();
    let hidden = app.invoice(&nobody, hidden).await.unwrap_err();
    let unknown = app.invoice_number("mb-000099").unwrap_err();
    assert_eq!(
        hidden.message.replace("000001", ""),
        unknown.message.replace("000099", "")
    );
}

#[tokio::test]
async fn a_bill_names_who_is_on_it_for_whoever_may_know() {
    let house = two_buyers().await;
    let (app, reader) = (house.app(), house.program("reader").await);
    house
        .give(&reader, RoleDefinition::READER, &Scope::Subscription(CSP))
        .await;
    let retail = house.invoice_of("2026-10", retail(CSP)).await.unwrap();
    let wholesale = house.invoice_of("2026-10", WHOLESALE).await.unwrap();
    let names = app.bill_names(&operator(), &retail);
    let parties = (
        names.account.seller,
        names.account.buyer,
        names.account.customer.map(|it| it.id),
    );
    let partner = app.partner(&operator(), PARTNER).unwrap().name;
    let bought = app.subscription(CSP).unwrap().name;
    assert_eq!(
        parties,
        (Some(partner.clone()), Some(bought.clone()), Some(CUSTOMER))
    );
    assert_eq!(names.subscriptions, [(CSP, bought)].into());
    assert_eq!(names.users.stacks.len(), 1);
    assert_eq!(names.users.tenants.len(), 1);
    let to_reader = app.bill_names(&reader, &retail);
    assert_eq!(
        to_reader.users.tenants.len(),
        0,
        "the customer is not the reader's to know"
    );
    assert_eq!(to_reader.subscriptions, names.subscriptions);
    let names = app.bill_names(&operator(), &wholesale);
    assert_eq!((names.account.seller, names.account.buyer), (None, Some(partner)));
    assert_eq!(names.subscriptions.len(), 2);
}
