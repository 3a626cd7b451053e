use super::*;
use crate::books::tests::{DIRECT, PROVIDER, RESELLER, SUBSCRIPTION, enter, sold};
use crate::books::{Contradiction, Limit};
use crate::budget::{Tag, Thresholds};
use crate::chain::{Buyer, Link, Seller};
use crate::ids::{PartnerId, SubscriptionId};
use crate::money::Currency;

const TO_CUSTOMER: Link = Link {
    seller: Seller::Partner(DIRECT),
    buyer: Buyer::Subscription(SUBSCRIPTION),
};

fn usd(cents: i128) -> Money {
    Money::from_minor_units(cents, Currency::USD)
}

fn october() -> Period {
    "2026-10".parse().unwrap()
}

fn budget(name: &str, cents: i128, percentages: &[u16]) -> Budget {
    Budget {
        name: name.parse().unwrap(),
        of: BudgetOf::Sale(TO_CUSTOMER),
        tag: None,
        amount: usd(cents),
        thresholds: Thresholds::new(percentages).unwrap(),
        from: october(),
    }
}

fn key(owner: BudgetOwner, name: &str) -> BudgetKey {
    let name = name.parse().unwrap();
    BudgetKey { name, owner }
}

/// The budget of the tests that have one alone.
fn web() -> BudgetKey {
    key(BudgetOwner::Platform, "web")
}

fn set_for(books: &mut Books, owner: BudgetOwner, budget: &Budget) {
    let entry = books.set_budget(owner, budget).unwrap().unwrap();
    enter(books, &entry).unwrap();
}

fn set(books: &mut Books, budget: &Budget) {
    set_for(books, BudgetOwner::Platform, budget);
}

fn entered(owner: Option<BudgetOwner>, budget: Budget) -> Entry {
    BudgetEntry::Set { owner, budget }.into()
}

fn reaches(books: &mut Books, period: Period, cents: i128) -> Vec<u16> {
    let record = books.budgets().get(&web()).unwrap();
    let new = record.newly_reached(period, usd(cents));
    for threshold in &new {
        reached(books, period, *threshold, cents).unwrap();
    }
    new.into_iter().map(Threshold::percent).collect()
}

fn reached(
    books: &mut Books,
    period: Period,
    threshold: Threshold,
    cents: i128,
) -> Result<(), Contradiction> {
    let entry = BudgetEntry::Reached {
        owner: Some(BudgetOwner::Platform),
        budget: "web".parse().unwrap(),
        period,
        threshold,
        spent: usd(cents),
    };
    enter(books, &entry.into())
}

#[test]
fn a_threshold_would_be_told_again_with_every_look() {
    let mut books = sold();
    set(&mut books, &budget("web", 1_000, &[50, 100]));
    assert_eq!(reaches(&mut books, october(), 499), [0; 0]);
    assert_eq!(reaches(&mut books, october(), 700), [50]);
    assert_eq!(reaches(&mut books, october(), 700), [0; 0]);
    assert_eq!(reaches(&mut books, october(), 1_000), [100]);
    let record = books.budgets().get(&web()).unwrap();
    assert!(!record.is_pending(october()), "nothing is left to look for");
    let september = october().previous().unwrap();
    assert!(!record.is_pending(september), "it is not for that month");
    let shown: Vec<_> = record
        .reached(october())
        .map(|(it, at)| (it.percent(), at.spent))
        .collect();
    assert_eq!(shown, [(50, usd(700)), (100, usd(1_000))]);
    // The next month begins anew.
    assert_eq!(reaches(&mut books, october().next().unwrap(), 5_000), [50, 100]);
    let again = Thresholds::new(&[50]).unwrap().iter().next().unwrap();
    assert!(
        reached(&mut books, october(), again, 1).is_err(),
        "it is reached once"
    );
}

#[test]
fn another_amount_is_compared_only_for_thresholds_that_were_not_reached_yet() {
    let mut books = sold();
    set(&mut books, &budget("web", 1_000, &[50, 100]));
    assert_eq!(reaches(&mut books, october(), 600), [50]);
    set(&mut books, &budget("web", 2_000, &[50, 100]));
    assert_eq!(
        reaches(&mut books, october(), 1_500),
        [0; 0],
        "half of it was told already"
    );
    assert_eq!(reaches(&mut books, october(), 2_000), [100]);
    set(&mut books, &budget("web", 100_000, &[2, 50, 100]));
    assert_eq!(
        reaches(&mut books, october(), 2_000),
        [2],
        "a threshold that is new"
    );
    // One that was removed and is set again is another one.
    let removed = books.remove_budget(&web()).unwrap();
    enter(&mut books, &removed).unwrap();
    assert!(books.budgets().all().next().is_none());
    set(&mut books, &budget("web", 1_000, &[50, 100]));
    assert_eq!(reaches(&mut books, october(), 1_000), [50, 100]);
}

#[test]
fn what_a_budget_is_of_never_changes_and_setting_it_again_enters_nothing() {
    let mut books = sold();
    let web = budget("web", 1_000, &[50]);
    set(&mut books, &web);
    assert_eq!(books.set_budget(BudgetOwner::Platform, &web), Ok(None));
    let tag = Some(Tag {
        name: "env".to_owned(),
        value: "prod".to_owned(),
    });
    let euro = Money::from_minor_units(1_000, "EUR".parse().unwrap());
    for other in [
        Budget { tag, ..web.clone() },
        Budget {
            amount: euro,
            ..web.clone()
        },
        Budget {
            of: BudgetOf::Subscription(SUBSCRIPTION),
            ..web.clone()
        },
    ] {
        let name = web.name.clone();
        assert_eq!(
            books.set_budget(BudgetOwner::Platform, &other),
            Err(BudgetRefused::OfSomethingElse(name)),
            "{other:?}"
        );
        assert!(enter(&mut books, &entered(Some(BudgetOwner::Platform), other)).is_err());
    }
}

#[test]
fn budgets_of_what_is_not_there_are_refused() {
    let mut books = sold();
    let nobody = Link {
        buyer: Buyer::Partner(PartnerId::from_bytes([0x66; 16])),
        ..TO_CUSTOMER
    };
    let nothing = BudgetOf::Subscription(SubscriptionId::from_bytes([0x66; 16]));
    for of in [BudgetOf::Sale(nobody), nothing] {
        let refused = books
            .set_budget(
                BudgetOwner::Platform,
                &Budget {
                    of,
                    ..budget("web", 1, &[1])
                },
            )
            .unwrap_err();
        assert_eq!(refused.code(), "NoSuchSale", "{of:?}");
    }
    let zero = books
        .set_budget(BudgetOwner::Platform, &budget("web", 0, &[1]))
        .unwrap_err();
    assert_eq!(zero.code(), "InvalidBudget");
    let unknown = books.remove_budget(&web()).unwrap_err();
    assert_eq!(unknown.code(), "BudgetNotFound");
    let removed = BudgetEntry::Removed {
        owner: Some(BudgetOwner::Platform),
        budget: "web".parse().unwrap(),
    };
    assert!(enter(&mut books, &removed.into()).is_err());
    for number in 0..Limit::BudgetsOfOne.max() {
        set(&mut books, &budget(&format!("b{number}"), 1, &[1]));
    }
    let one_more = books
        .set_budget(BudgetOwner::Platform, &budget("web", 1, &[1]))
        .unwrap_err();
    assert_eq!(one_more.code(), "TooManyBudgets");
    let other = Budget {
        of: BudgetOf::Subscription(SUBSCRIPTION),
        ..budget("web", 1, &[1])
    };
    assert!(
        books.set_budget(BudgetOwner::Platform, &other).unwrap().is_some(),
        "each has its own number"
    );
}

#[test]
fn budgets_of_one_side_would_take_the_names_and_the_places_of_another() {
    let mut books = sold();
    let sides = [
        BudgetOwner::Platform,
        BudgetOwner::Partner(DIRECT),
        BudgetOwner::Subscription(SUBSCRIPTION),
    ];
    for (cents, owner) in (1..).zip(sides) {
        set_for(&mut books, owner, &budget("web", cents, &[50]));
    }
    let amounts = |books: &Books, name: &str| {
        let name = name.parse().unwrap();
        let named = books.budgets().named(&name);
        let shown = named.map(|it| (it.owner, it.budget.amount.minor_units()));
        shown.collect::<Vec<_>>()
    };
    let each = [(sides[0], 1), (sides[1], 2), (sides[2], 3)];
    assert_eq!(amounts(&books, "web"), each);
    // What one of them is removed, or reaches, is not the others'.
    let half = Thresholds::new(&[50]).unwrap().iter().next().unwrap();
    let theirs = BudgetEntry::Reached {
        owner: Some(sides[1]),
        budget: "web".parse().unwrap(),
        period: october(),
        threshold: half,
        spent: usd(1),
    };
    enter(&mut books, &theirs.into()).unwrap();
    for (owner, pending) in sides.into_iter().zip([true, false, true]) {
        let record = books.budgets().get(&key(owner, "web")).unwrap();
        assert_eq!(record.is_pending(october()), pending, "{owner}");
    }
    let removed = books.remove_budget(&key(sides[1], "web")).unwrap();
    enter(&mut books, &removed).unwrap();
    assert_eq!(amounts(&books, "web"), [each[0], each[2]]);
    assert!(books.remove_budget(&key(sides[1], "web")).is_err());
    // As many as one side may have, and the others may have as many still.
    for number in 0..Limit::BudgetsOfOne.max() {
        set_for(&mut books, sides[1], &budget(&format!("b{number}"), 1, &[1]));
    }
    let one_more = budget("one-more", 1, &[1]);
    let refused = books.set_budget(sides[1], &one_more).unwrap_err();
    assert_eq!(refused, BudgetRefused::TooMany(LimitReached(Limit::BudgetsOfOne)));
    set_for(&mut books, sides[0], &one_more);
    set_for(&mut books, sides[2], &one_more);
}

#[test]
fn one_owner_has_so_many_budgets_and_no_more_whatever_they_are_of() {
    let mut books = sold();
    let id = |number: usize| {
        let mut bytes = [0x70; 16];
        bytes[..8].copy_from_slice(&number.to_be_bytes());
        SubscriptionId::from_bytes(bytes)
    };
    for number in 0..Limit::BudgetsOfOwner.max() {
        let of = BudgetOf::Subscription(id(number));
        let budget = Budget {
            of,
            ..budget(&format!("b{number}"), 1, &[1])
        };
        enter(&mut books, &entered(Some(BudgetOwner::Platform), budget)).unwrap();
    }
    let web = budget("web", 1, &[1]);
    let refused = books.set_budget(BudgetOwner::Platform, &web).unwrap_err();
    assert_eq!(
        refused,
        BudgetRefused::TooMany(LimitReached(Limit::BudgetsOfOwner))
    );
    assert_eq!(refused.code(), "TooManyBudgets");
    set_for(&mut books, BudgetOwner::Partner(DIRECT), &web);
}

#[test]
fn who_neither_sells_nor_buys_has_no_budget_of_it() {
    let books = sold();
    let resale = BudgetOf::Sale(Link {
        seller: Seller::Partner(PROVIDER),
        buyer: Buyer::Partner(RESELLER),
    });
    for (owner, of, allowed) in [
        (BudgetOwner::Platform, resale, true),
        (BudgetOwner::Partner(PROVIDER), resale, true),
        (BudgetOwner::Partner(RESELLER), resale, true),
        (BudgetOwner::Partner(DIRECT), resale, false),
        (BudgetOwner::Subscription(SUBSCRIPTION), resale, false),
        (
            BudgetOwner::Partner(DIRECT),
            BudgetOf::Subscription(SUBSCRIPTION),
            true,
        ),
        (
            BudgetOwner::Partner(PROVIDER),
            BudgetOf::Subscription(SUBSCRIPTION),
            false,
        ),
        (
            BudgetOwner::Subscription(SUBSCRIPTION),
            BudgetOf::Sale(TO_CUSTOMER),
            true,
        ),
        (
            BudgetOwner::Subscription(SubscriptionId::from_bytes([0x66; 16])),
            BudgetOf::Sale(TO_CUSTOMER),
            false,
        ),
    ] {
        let set = books.set_budget(
            owner,
            &Budget {
                of,
                ..budget("web", 1, &[1])
            },
        );
        match set {
            Ok(entry) => assert!(entry.is_some() && allowed, "{owner} {of:?}"),
            Err(refused) => assert_eq!((refused.code(), allowed), ("NoSuchSale", false), "{owner} {of:?}"),
        }
    }
}

#[test]
fn a_budget_from_before_there_were_owners_is_the_buyers() {
    let mut books = sold();
    let resale = BudgetOf::Sale(Link {
        seller: Seller::Partner(PROVIDER),
        buyer: Buyer::Partner(RESELLER),
    });
    for (name, of) in [
        ("sale", BudgetOf::Sale(TO_CUSTOMER)),
        ("subscription", BudgetOf::Subscription(SUBSCRIPTION)),
        ("resale", resale),
    ] {
        enter(
            &mut books,
            &entered(
                None,
                Budget {
                    of,
                    ..budget(name, 1_000, &[50])
                },
            ),
        )
        .unwrap();
    }
    let owners: Vec<String> = books
        .budgets()
        .all()
        .map(|it| format!("{} {}", it.budget.name, it.owner))
        .collect();
    let expected = [
        format!("resale partner:{RESELLER}"),
        format!("sale subscription:{SUBSCRIPTION}"),
        format!("subscription subscription:{SUBSCRIPTION}"),
    ];
    assert_eq!(owners, expected);
    // What else was entered then is about the one of that name.
    enter(&mut books, &entered(None, budget("sale", 2_000, &[50]))).unwrap();
    let half = Thresholds::new(&[50]).unwrap().iter().next().unwrap();
    let old = BudgetEntry::Reached {
        owner: None,
        budget: "sale".parse().unwrap(),
        period: october(),
        threshold: half,
        spent: usd(1_000),
    };
    enter(&mut books, &old.into()).unwrap();
    let sale = key(BudgetOwner::Subscription(SUBSCRIPTION), "sale");
    let record = books.budgets().get(&sale).unwrap();
    assert_eq!(record.budget.amount, usd(2_000));
    assert!(!record.is_pending(october()));
    let removed = |name: &str| BudgetEntry::Removed {
        owner: None,
        budget: name.parse().unwrap(),
    };
    enter(&mut books, &removed("sale").into()).unwrap();
    assert!(books.budgets().get(&sale).is_none());
    assert!(enter(&mut books, &removed("sale").into()).is_err());
}
