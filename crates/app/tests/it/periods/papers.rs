//! Bills on paper: what they show sums to the bill, and an issued one is the same whenever it is printed.

use app::Kind;
use domain::chain::Seller;
use domain::ids::PartnerId;
use domain::money::Money;
use domain::profile::{Locale, Profile, Trader};
use paper::{Form, Kind as PaperKind, Paper};
use store::{Bills, DocumentKey};

use super::{WHOLESALE, month, october, retail};
use crate::house::{CSP, House, PARTNER, operator};

fn profile(name: &str, locale: Locale) -> Profile {
    Profile {
        legal_name: name.to_owned(),
        address: vec!["1 Way".to_owned(), "Town".to_owned()],
        tax_number: Some("TAX-1".to_owned()),
        locale,
    }
}

async fn printed(house: &House, paper: Paper) -> Vec<Vec<u8>> {
    let mut printed = Vec::new();
    for form in Form::ALL {
        printed.push(house.app().rendered(paper.clone(), form).await.unwrap());
    }
    printed
}

fn sum(amounts: impl IntoIterator<Item = Money>) -> i128 {
    amounts.into_iter().map(Money::minor_units).sum()
}

async fn sets(house: &House, of: Trader, profile: Profile) {
    house.app().set_profile(&operator(), of, profile).await.unwrap();
}

#[tokio::test]
async fn what_an_invoice_shows_of_days_and_resources_sums_to_what_it_charges() {
    let house = october().await;
    house
        .hears("2026-10-05T00:00:00Z", &[("2026-10-02T10:00:00Z", "100")])
        .await;
    house
        .hears("2026-10-06T00:00:00Z", &[("2026-10-05T23:00:00Z", "10.005")])
        .await;
    house.october_is_closed().await;
    for account in [WHOLESALE, retail(CSP)] {
        let invoice = house.invoice_of("2026-10", account).await.unwrap();
        let paper = house
            .app()
            .invoice_paper(&operator(), invoice.number)
            .await
            .unwrap();
        assert_eq!(paper.kind, PaperKind::Invoice);
        assert_eq!(paper.number, Some(invoice.number.to_string()));
        assert_eq!(
            (paper.subtotal, paper.tax, paper.total),
            (invoice.subtotal, invoice.tax, invoice.total)
        );
        let lines = paper.lines.iter().map(|it| it.amount);
        let corrections = paper.corrections.iter().map(|it| it.amount);
        assert_eq!(sum(lines.chain(corrections)), invoice.total.minor_units());
        assert_eq!(paper.days.len(), 31);
        assert_eq!(
            sum(paper.days.iter().copied()),
            invoice.total.minor_units(),
            "{account:?}"
        );
        let with_usage = paper
            .days
            .iter()
            .enumerate()
            .filter(|(_, amount)| amount.minor_units() != 0);
        let with_usage: Vec<usize> = with_usage.map(|(place, _)| place + 1).collect();
        assert_eq!(with_usage, [2, 5]);
        assert!(!paper.resources.is_empty());
        let resources = paper.resources.iter().map(|it| it.amount);
        assert_eq!(sum(resources), invoice.total.minor_units());
    }
}

#[tokio::test]
async fn an_invoice_that_is_printed_years_later_is_the_same_whatever_was_set_and_came_since() {
    let house = october().await;
    let seller = Trader::Partner(PARTNER);
    sets(&house, seller, profile("Fabrikam GmbH", Locale::DeAt)).await;
    sets(
        &house,
        Trader::Subscription(CSP),
        profile("Contoso Ltd", Locale::Neutral),
    )
    .await;
    house
        .hears("2026-10-05T00:00:00Z", &[("2026-10-02T10:00:00Z", "1000")])
        .await;
    house.october_is_closed().await;
    let number = house.invoice_of("2026-10", retail(CSP)).await.unwrap().number;
    let paper = house.app().invoice_paper(&operator(), number).await.unwrap();
    assert_eq!(
        (&*paper.seller.name, &*paper.buyer.name),
        ("Fabrikam GmbH", "Contoso Ltd")
    );
    assert_eq!(paper.locale, Locale::DeAt);
    assert!(paper.html().contains("1.500,00"));
    let before = printed(&house, paper).await;

    sets(&house, seller, profile("Fabrikam Holding", Locale::EnUs)).await;
    house
        .hears("2026-11-20T00:00:00Z", &[("2026-10-02T11:00:00Z", "7")])
        .await;
    house.sells_for("2", "2026-10-01T00:00:00Z").await.unwrap();
    let later = house.app().invoice_paper(&operator(), number).await.unwrap();
    assert_eq!(printed(&house, later).await, before);

    house.november_is_closed().await;
    let next = house.invoice_of("2026-11", retail(CSP)).await.unwrap();
    let next = house.app().invoice_paper(&operator(), next.number).await.unwrap();
    assert_eq!(next.seller.name, "Fabrikam Holding");
    assert!(!next.corrections.is_empty());
    assert_eq!(next.corrections[0].period, month("2026-10"));
}

#[tokio::test]
async fn what_a_running_month_comes_to_is_printed_as_a_statement_without_a_number() {
    let house = october().await;
    house
        .hears("2026-10-05T00:00:00Z", &[("2026-10-02T10:00:00Z", "100")])
        .await;
    let (account, october) = (retail(CSP), month("2026-10"));
    let running = house.app().running(&operator(), account, october).await.unwrap();
    let paper = house
        .app()
        .running_paper(&operator(), account, october)
        .await
        .unwrap();
    assert_eq!((paper.kind, &paper.number), (PaperKind::RunningStatement, &None));
    assert_eq!(paper.total, running.invoice.total);
    assert_eq!(sum(paper.days.iter().copied()), paper.total.minor_units());
    assert!(paper.html().contains("This is not an invoice."));
    house.october_is_closed().await;
    let refused = house.app().running_paper(&operator(), account, october).await;
    assert_eq!(refused.unwrap_err().code, "PeriodClosed");
}

#[tokio::test]
async fn nobody_is_named_on_bills_who_does_not_exist_or_in_a_way_that_breaks_the_page() {
    let house = october().await;
    let app = house.app();
    let nobody = Trader::from(Seller::Partner(PartnerId::from_bytes([99; 16])));
    for (of, profile, expected) in [
        (
            nobody,
            profile("Contoso", Locale::EnUs),
            (Kind::NotFound, "TraderNotFound"),
        ),
        (
            Trader::Platform,
            profile("", Locale::EnUs),
            (Kind::Invalid, "InvalidProfile"),
        ),
    ] {
        let refused = app.set_profile(&operator(), of, profile).await.unwrap_err();
        assert_eq!((refused.kind, refused.code), expected);
    }
    let unset = app.profile(&operator(), Trader::Platform).unwrap_err();
    assert_eq!((unset.kind, unset.code), (Kind::NotFound, "ProfileNotFound"));
    sets(&house, Trader::Platform, profile("Platform Ltd", Locale::EnGb)).await;
    let set = app.profile(&operator(), Trader::Platform).unwrap();
    assert_eq!(set.profile, profile("Platform Ltd", Locale::EnGb));
}

#[tokio::test]
async fn the_digest_on_paper_is_not_the_one_that_an_audit_finds_of_an_invoice_in_another_form() {
    let house = october().await;
    house
        .hears("2026-10-05T00:00:00Z", &[("2026-10-02T10:00:00Z", "100")])
        .await;
    house.october_is_closed().await;
    let number = house.invoice_of("2026-10", WHOLESALE).await.unwrap().number;
    let key = DocumentKey::invoice(month("2026-10"), WHOLESALE);
    let mut kept = house.bills.get(key).await.unwrap().unwrap();
    // As a version wrote it that separated what this one writes without a blank.
    kept.push(b' ');
    house.bills.change(key, kept);
    let replay = house.app().replay(&operator(), number).await.unwrap();
    assert!(!replay.same, "it is another form");
    let paper = house.app().invoice_paper(&operator(), number).await.unwrap();
    let stored: String = replay.stored.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(paper.digest, Some(stored));
}
