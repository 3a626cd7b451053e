use super::*;
use crate::chain::Buyer;
use crate::ids::PartnerId;
use crate::laws::invoice_adds_up;
use crate::money::Currency;
use crate::reckoning::fixture::{ONE, VCPU, VM, basis, flat, period, reckoned, tax, usd, used};
use crate::reckoning::{Basis, Cause};

const INPUTS: Inputs = Inputs {
    catalog: [1; 32],
    marks: [2; 32],
};

fn number(sequence: u64) -> InvoiceNumber {
    InvoiceNumber {
        seller: Seller::Platform,
        sequence,
    }
}

fn usage_line() -> LineKey {
    LineKey::Usage {
        subscription: ONE,
        meter: VCPU,
        since: None,
    }
}

fn correction(month: &str, key: LineKey, billed: i128, now: i128) -> Correction {
    Correction {
        period: period(month),
        key,
        billed: usd(billed),
        now: usd(now),
        amount: usd(now - billed),
        cause: Cause::LateUsage,
    }
}

fn drawn_up(basis: &Basis, corrections: Vec<Correction>) -> Option<Invoice> {
    let invoice = Invoice::draw_up(number(1), reckoned(basis), corrections, INPUTS).unwrap();
    if let Some(invoice) = &invoice {
        assert_eq!(invoice_adds_up(invoice), Ok(()));
    }
    invoice
}

#[test]
fn nothing_to_say_makes_no_invoice_and_takes_no_number() {
    assert_eq!(drawn_up(&basis(flat("0.10"), Vec::new()), Vec::new()), None);
}

#[test]
fn an_invoice_sums_to_the_cent_what_it_shows() {
    let mut taxed = basis(flat("0.10"), vec![used("2026-10", VM, "100")]);
    taxed.terms.tax = tax("25");
    let corrections = vec![
        correction("2026-09", LineKey::Tax, 0, 51),
        correction("2026-09", usage_line(), 0, 203),
        correction("2026-08", usage_line(), 100, 0),
    ];
    let invoice = drawn_up(&taxed, corrections).unwrap();
    let months: Vec<(String, bool)> = invoice
        .corrections
        .iter()
        .map(|it| (it.period.to_string(), it.key == LineKey::Tax))
        .collect();
    assert_eq!(
        months,
        [
            ("2026-08".to_owned(), false),
            ("2026-09".to_owned(), false),
            ("2026-09".to_owned(), true)
        ]
    );
    let sums = [invoice.subtotal, invoice.tax, invoice.total];
    assert_eq!(sums.map(|sum| sum.to_string()), ["11.03", "3.01", "14.04"]);
    assert!(!invoice.is_credit_note());
    assert_eq!(invoice.price_lists.len(), 1);
    assert_eq!(invoice.inputs, INPUTS);
}

#[test]
fn a_seller_who_owes_more_than_is_owed_issues_a_credit_note() {
    let month = || basis(flat("0.10"), vec![used("2026-10", VM, "100")]);
    let nothing = || basis(flat("0.10"), Vec::new());
    for (what, basis, billed, expected) in [
        ("a correction alone", nothing(), 1, true),
        ("less than the month costs", month(), 999, false),
        ("as much as the month costs", month(), 1000, false),
        ("more than the month costs", month(), 1001, true),
    ] {
        let corrections = vec![correction("2026-09", usage_line(), billed, 0)];
        assert_eq!(
            drawn_up(&basis, corrections).unwrap().is_credit_note(),
            expected,
            "{what}"
        );
    }
}

#[test]
fn a_sum_that_was_changed_is_noticed() {
    let mut taxed = basis(flat("0.10"), vec![used("2026-10", VM, "100")]);
    taxed.terms.tax = tax("25");
    let corrections = vec![correction("2026-09", usage_line(), 0, 203)];
    let invoice = drawn_up(&taxed, corrections).unwrap();
    let changes: [fn(&mut Invoice); 6] = [
        |it| it.subtotal = usd(1),
        |it| it.tax = usd(1),
        |it| it.total = usd(1),
        |it| it.lines.values_mut().for_each(|line| line.amount = usd(1)),
        |it| it.corrections[0].amount = usd(1),
        |it| it.corrections.clear(),
    ];
    for (index, change) in changes.into_iter().enumerate() {
        let mut changed = invoice.clone();
        change(&mut changed);
        assert!(invoice_adds_up(&changed).is_err(), "change {index}");
    }
}

#[test]
fn what_was_billed_for_a_month_is_its_invoice_and_every_correction_since() {
    let october = drawn_up(&basis(flat("0.10"), vec![used("2026-10", VM, "100")]), Vec::new()).unwrap();
    let (key, _) = october.lines.first_key_value().unwrap();
    let nothing = basis(flat("0.10"), Vec::new());
    let later = |billed, now| {
        let mut invoice = drawn_up(&nothing, vec![correction("2026-10", *key, billed, now)]).unwrap();
        invoice.period = period("2026-11");
        invoice
    };
    let invoices = [october.clone(), later(1000, 1200), later(1200, 900)];
    let in_all = billed(period("2026-10"), &invoices).unwrap();
    assert_eq!(in_all.into_iter().collect::<Vec<_>>(), [(*key, usd(900))]);
    assert!(billed(period("2026-11"), &invoices).unwrap().is_empty());
}

#[test]
fn invoices_are_ordered_by_buyer_and_currency_and_numbers_tell_sellers_apart() {
    let partner = |id| PartnerId::from_bytes([id; 16]);
    let account = |buyer, currency: &str| Account {
        seller: Seller::Platform,
        buyer,
        currency: currency.parse().unwrap(),
    };
    let in_order = [
        account(Buyer::Partner(partner(1)), "EUR"),
        account(Buyer::Partner(partner(1)), "USD"),
        account(Buyer::Partner(partner(2)), "EUR"),
        account(Buyer::Subscription(ONE), "EUR"),
    ];
    assert!(in_order.is_sorted());
    assert_eq!(number(42).to_string(), "MB-000042");
    let of_partner = InvoiceNumber {
        seller: Seller::Partner(partner(0xab)),
        sequence: 1_234_567,
    };
    assert_eq!(of_partner.to_string(), "A31967055D94-1234567");
    let chosen = |first: u32, last: u32| {
        let id = format!("{first:08}-0000-4000-8000-{last:012}");
        let seller = Seller::Partner(id.parse().unwrap());
        InvoiceNumber { seller, sequence: 1 }.to_string()
    };
    let numbers: BTreeSet<String> = (0..100)
        .flat_map(|first| (0..100).map(move |last| (first, last)))
        .map(|(first, last)| chosen(first, last))
        .collect();
    assert_eq!(
        numbers.len(),
        100 * 100,
        "two partners never give the same number"
    );
    assert_ne!(Currency::USD, in_order[0].currency);
}

#[test]
fn numbers_of_a_seller_go_on_without_a_gap_in_the_order_of_buyers() {
    let partner = PartnerId::from_bytes([0xab; 16]);
    let sold = |seller, buyer: u8, is_used: bool| {
        let usage = is_used.then(|| used("2026-10", VM, "100"));
        let mut basis = basis(flat("0.10"), usage.into_iter().collect());
        basis.account.seller = seller;
        basis.account.buyer = Buyer::Partner(PartnerId::from_bytes([buyer; 16]));
        (reckoned(&basis), Vec::new())
    };
    let accounts = vec![
        sold(Seller::Partner(partner), 2, true),
        sold(Seller::Platform, 4, true),
        sold(Seller::Platform, 3, false),
        sold(Seller::Partner(partner), 1, true),
        sold(Seller::Platform, 1, true),
    ];
    let last = |seller| if seller == Seller::Platform { 41 } else { 0 };
    let invoices = issue(accounts.clone(), last, INPUTS).unwrap();
    let numbered: Vec<(String, u8)> = invoices
        .iter()
        .map(|invoice| match invoice.account.buyer {
            Buyer::Partner(buyer) => (invoice.number.to_string(), buyer.as_bytes()[0]),
            Buyer::Subscription(_) => panic!("sold to a partner"),
        })
        .collect();
    let expected = [
        ("MB-000042", 1),
        ("MB-000043", 4),
        ("A31967055D94-000001", 1),
        ("A31967055D94-000002", 2),
    ];
    assert_eq!(
        numbered,
        expected.map(|(number, buyer)| (number.to_owned(), buyer))
    );
    let last_of_each = [(Seller::Platform, 43), (Seller::Partner(partner), 2)];
    assert_eq!(last_numbers(&invoices), last_of_each.into());
    let backwards = accounts.into_iter().rev().collect();
    assert_eq!(
        issue(backwards, last, INPUTS).unwrap(),
        invoices,
        "the order of telling changes nothing"
    );
}
