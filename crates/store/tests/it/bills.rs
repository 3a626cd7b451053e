//! The documents of periods that were closed.

use domain::books::{Entry, Operator};
use domain::chain::{Account, Buyer, Seller};
use domain::ids::{ObjectId, OperatorId, PartnerId, SubscriptionId};
use domain::money::Currency;
use domain::time::{Period, Timestamp};
use rusqlite::Connection;
use store::{
    BillFilter, BillKey, BillKind, Books, DOCUMENT_BYTES_MAX, Document, DocumentKey, ListedBill, PutError,
    Store, StoreConfig, StoreError,
};

use crate::fixtures::*;

const PLATFORM: Seller = Seller::Platform;

fn partner(number: u8) -> PartnerId {
    PartnerId::from_bytes([number; 16])
}

fn customer(number: u8) -> Buyer {
    Buyer::Subscription(SubscriptionId::from_bytes([number; 16]))
}

fn account(seller: Seller, buyer: Buyer, currency: &str) -> Account {
    Account {
        seller,
        buyer,
        currency: currency.parse().unwrap(),
    }
}

fn month(text: &str) -> Period {
    text.parse().unwrap()
}

fn document(key: DocumentKey, text: &str) -> Document {
    Document {
        key,
        bytes: text.as_bytes().to_vec(),
    }
}

/// Puts a document of each kind there.
pub(crate) async fn put_some(store: &Store) {
    let of = account(PLATFORM, customer(1), "EUR");
    let documents = vec![
        document(DocumentKey::invoice(month("2026-09"), of), "10.00"),
        document(DocumentKey::basis(month("2026-09"), of), "5 hours"),
        Document::catalog(b"meters".to_vec()),
    ];
    store.bills.put_all(documents).await.unwrap();
}

async fn text(store: &Store, key: DocumentKey) -> Option<String> {
    let bytes = store.bills.get(key).await.unwrap();
    bytes.map(|it| String::from_utf8(it).unwrap())
}

pub(crate) async fn documents_are_there_after_reopening_as_they_were_put(backend: &dyn Backend) {
    let of = account(PLATFORM, Buyer::Partner(partner(1)), "EUR");
    let (invoice, basis) = (
        DocumentKey::invoice(month("2026-10"), of),
        DocumentKey::basis(month("2026-10"), of),
    );
    let catalog = Document::catalog(b"meters".to_vec());
    let long = "a line of an invoice, ".repeat(100_000);
    {
        let store = backend.open();
        assert_eq!(text(&store, invoice).await, None);
        let documents = vec![document(invoice, &long), document(basis, ""), catalog.clone()];
        store.bills.put_all(documents.clone()).await.unwrap();
        // What was put there once may be put there again: whoever was cut off begins anew.
        store.bills.put_all(documents).await.unwrap();
        store.bills.put_all(Vec::new()).await.unwrap();
    }
    let store = backend.open();
    assert_eq!(text(&store, invoice).await, Some(long));
    assert_eq!(text(&store, basis).await, Some(String::new()));
    assert_eq!(text(&store, catalog.key).await, Some("meters".to_owned()));
    assert_eq!(
        text(&store, DocumentKey::invoice(month("2026-11"), of)).await,
        None
    );
    assert_eq!(text(&store, DocumentKey::Catalog([7; 32])).await, None);
}

pub(crate) async fn an_invoice_that_was_issued_would_be_written_over(backend: &dyn Backend) {
    let store = backend.open();
    let key = |currency| {
        DocumentKey::invoice(
            month("2026-10"),
            account(PLATFORM, Buyer::Partner(partner(1)), currency),
        )
    };
    store
        .bills
        .put_all(vec![document(key("EUR"), "10.00")])
        .await
        .unwrap();
    let other = vec![document(key("USD"), "7.00"), document(key("EUR"), "11.00")];
    let refused = store.bills.put_all(other).await;
    assert!(
        matches!(&refused, Err(PutError::Different(it)) if *it == key("EUR")),
        "{refused:?}"
    );
    assert_eq!(text(&store, key("EUR")).await.unwrap(), "10.00");
    // Two in one go, too.
    let twice = vec![document(key("SEK"), "1"), document(key("SEK"), "2")];
    let refused = store.bills.put_all(twice).await;
    assert!(matches!(refused, Err(PutError::Different(_))), "{refused:?}");
    assert_eq!(text(&store, key("SEK")).await.unwrap(), "1");
    let no_such_catalog = document(DocumentKey::Catalog([1; 32]), "meters");
    let refused = store.bills.put_all(vec![no_such_catalog]).await;
    assert!(matches!(refused, Err(PutError::Different(_))), "{refused:?}");
    assert_eq!(text(&store, DocumentKey::Catalog([1; 32])).await, None);
}

pub(crate) async fn a_document_that_nobody_could_read_again_would_be_kept(backend: &dyn Backend) {
    let store = backend.open();
    let key = DocumentKey::basis(month("2026-10"), account(PLATFORM, customer(1), "EUR"));
    let too_large = Document {
        key,
        bytes: vec![b'x'; DOCUMENT_BYTES_MAX + 1],
    };
    let largest = Document {
        key,
        bytes: vec![b'x'; DOCUMENT_BYTES_MAX],
    };
    let refused = store.bills.put_all(vec![too_large]).await;
    assert!(
        matches!(refused, Err(PutError::TooLarge { key: it, bytes }) if it == key && bytes == DOCUMENT_BYTES_MAX + 1),
        "{refused:?}"
    );
    assert_eq!(store.bills.get(key).await.unwrap(), None);
    store.bills.put_all(vec![largest]).await.unwrap();
    let kept = store.bills.get(key).await.unwrap();
    assert_eq!(kept.map(|it| it.len()), Some(DOCUMENT_BYTES_MAX));
}

/// All bills of a filter, page by page.
async fn listed(store: &Store, filter: BillFilter, limit: usize) -> Vec<ListedBill> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = store.bills.list(filter, after, limit).await.unwrap();
        assert!(page.len() <= limit, "{page:?}");
        let Some(last) = page.last() else { return all };
        after = Some(last.key);
        all.extend(page);
    }
}

pub(crate) async fn bills_are_listed_by_period_seller_and_buyer_page_by_page(backend: &dyn Backend) {
    let store = backend.open();
    let sellers = [PLATFORM, Seller::Partner(partner(1)), Seller::Partner(partner(2))];
    let buyers = [
        Buyer::Partner(partner(1)),
        Buyer::Partner(partner(9)),
        customer(1),
    ];
    let mut keys = Vec::new();
    for period in ["1970-01", "2026-10", "2026-11", "9999-12"].map(month) {
        for seller in sellers {
            for buyer in buyers {
                for currency in ["EUR", "USD"] {
                    let account = account(seller, buyer, currency);
                    for kind in [BillKind::Invoice, BillKind::Basis] {
                        keys.push(BillKey {
                            kind,
                            period,
                            account,
                        });
                    }
                }
            }
        }
    }
    let none = Account {
        currency: Currency::NONE,
        ..keys[0].account
    };
    keys.push(BillKey {
        account: none,
        ..keys[0]
    });
    let documents = keys
        .iter()
        .map(|key| document(DocumentKey::Bill(*key), &key.to_string()));
    // In whatever order they are put there.
    store.bills.put_all(documents.rev().collect()).await.unwrap();
    keys.sort_unstable();
    let given = |which: usize, bit: usize| which >> bit & 1 == 1;
    for which in 0..16 {
        let kind = if given(which, 3) {
            BillKind::Basis
        } else {
            BillKind::Invoice
        };
        let filter = BillFilter {
            period: given(which, 0).then(|| month("2026-10")),
            seller: given(which, 1).then_some(sellers[1]),
            buyer: given(which, 2).then_some(buyers[2]),
            ..BillFilter::all(kind)
        };
        let fits = |key: &&BillKey| {
            key.kind == kind
                && filter.period.is_none_or(|it| it == key.period)
                && filter.seller.is_none_or(|it| it == key.account.seller)
                && filter.buyer.is_none_or(|it| it == key.account.buyer)
        };
        let expected: Vec<ListedBill> = keys
            .iter()
            .filter(fits)
            .map(|key| ListedBill {
                key: *key,
                digest: *blake3::hash(key.to_string().as_bytes()).as_bytes(),
                bytes: key.to_string().len() as u64,
            })
            .collect();
        assert!(!expected.is_empty());
        for limit in [1, 5, 1000] {
            assert_eq!(listed(&store, filter, limit).await, expected, "{filter:?}");
        }
    }
}

pub(crate) async fn of_servers_that_close_one_month_at_once_one_would_issue_other_invoices(
    backend: &dyn Backend,
) {
    let store = backend.open();
    let key = DocumentKey::invoice(month("2026-10"), account(PLATFORM, customer(1), "EUR"));
    let putting: Vec<_> = (0..8)
        .map(|number| {
            let store = store.clone();
            tokio::spawn(async move {
                let put = store
                    .bills
                    .put_all(vec![document(key, &number.to_string())])
                    .await;
                (number, put)
            })
        })
        .collect();
    let mut put = Vec::new();
    for it in putting {
        match it.await.unwrap() {
            (number, Ok(())) => put.push(number.to_string()),
            (_, Err(error)) => assert!(matches!(error, PutError::Different(_)), "{error}"),
        }
    }
    assert_eq!(put, [text(&store, key).await.unwrap()]);
}

fn operator(number: u16) -> Entry {
    let [one, other] = number.to_be_bytes();
    let bytes = |at: usize| if at == 0 { one } else { other };
    Entry::OperatorAdmitted(Operator {
        id: OperatorId::from_bytes(std::array::from_fn(bytes)),
        name: format!("operator {number}"),
        credential_digest: std::array::from_fn(bytes),
    })
}

pub(crate) async fn what_is_entered_after_a_month_was_closed_would_change_what_it_was_closed_with(
    backend: &dyn Backend,
) {
    let store = backend.open();
    let books = Books::load(store.journal.clone()).await.unwrap();
    let operators = |state: &domain::books::Books| state.operators().count();
    let mut then = vec![(0, 0)];
    // The first ones are more than are read at one time.
    for numbers in [0..1100, 1100..1101, 1101..1103] {
        let entries: Vec<Entry> = numbers.map(operator).collect();
        let by = ObjectId::from_bytes([9; 16]);
        let entered = books.change(Timestamp::UNIX_EPOCH, by, |_| {
            Ok::<_, std::convert::Infallible>((entries.clone(), ()))
        });
        entered.await.unwrap();
        then.push(books.read(|state| (state.entries(), operators(state))));
    }
    // In the middle of what was entered at once, too.
    then.push((1102, 1102));
    for (position, known) in then {
        let state = Books::at(&*store.journal, position).await.unwrap();
        assert_eq!((state.entries(), operators(&state)), (position, known));
    }
    let beyond = Books::at(&*store.journal, 1104).await.map(|it| it.entries());
    assert!(matches!(beyond, Err(StoreError::Corrupt { .. })), "{beyond:?}");
    assert_eq!(
        books.read(operators),
        1103,
        "the books themselves stay as they are"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invoice_that_somebody_changed_would_be_shown_as_the_one_that_was_issued() {
    let directory = tempfile::tempdir().unwrap();
    let store = store::open(&StoreConfig::in_folder(directory.path().to_owned())).unwrap();
    let key = |number| DocumentKey::invoice(month("2026-10"), account(PLATFORM, customer(number), "EUR"));
    let documents = (1..=2).map(|number| document(key(number), &format!("{number}0.00")));
    store.bills.put_all(documents.collect()).await.unwrap();
    let connection = Connection::open(directory.path().join("books.db")).unwrap();
    // Each says what the other one says, and both fit their digests.
    let swapped = "CREATE TEMP TABLE before AS SELECT * FROM bill;
        UPDATE bill SET (size, digest, bound, body) =
        (SELECT size, digest, bound, body FROM before WHERE before.buyer <> bill.buyer)";
    connection.execute_batch(swapped).unwrap();
    assert_eq!(connection.changes(), 2);
    for number in 1..=2 {
        let found = store.bills.get(key(number)).await;
        assert!(matches!(found, Err(StoreError::Corrupt { .. })), "{found:?}");
    }
}
