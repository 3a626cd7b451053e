use super::*;
use crate::books::tests::{DIRECT, SUBSCRIPTION, enter, sold};
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

fn set(books: &mut Books, budget: &Budget) {
    let entry = books.set_budget(budget).unwrap().unwrap();
    enter(books, &entry).unwrap();
}

fn reaches(books: &mut Books, period: Period, cents: i128) -> Vec<u16> {
    let record = books.budgets().get(&"web".parse().unwrap()).unwrap();
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
    let record = books.budgets().get(&"web".parse().unwrap()).unwrap();
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
    let removed = books.remove_budget(&"web".parse().unwrap()).unwrap();
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
    assert_eq!(books.set_budget(&web), Ok(None));
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
            books.set_budget(&other),
            Err(BudgetRefused::OfSomethingElse(name)),
            "{other:?}"
        );
        assert!(enter(&mut books, &BudgetEntry::Set(other).into()).is_err());
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
            .set_budget(&Budget {
                of,
                ..budget("web", 1, &[1])
            })
            .unwrap_err();
        assert_eq!(refused.code(), "NoSuchSale", "{of:?}");
    }
    let zero = books.set_budget(&budget("web", 0, &[1])).unwrap_err();
    assert_eq!(zero.code(), "InvalidBudget");
    let unknown = books.remove_budget(&"web".parse().unwrap()).unwrap_err();
    assert_eq!(unknown.code(), "BudgetNotFound");
    let removed = BudgetEntry::Removed {
        budget: "web".parse().unwrap(),
    };
    assert!(enter(&mut books, &removed.into()).is_err());
    for number in 0..Limit::BudgetsOfOne.max() {
        set(&mut books, &budget(&format!("b{number}"), 1, &[1]));
    }
    let one_more = books.set_budget(&budget("web", 1, &[1])).unwrap_err();
    assert_eq!(one_more.code(), "TooManyBudgets");
    let other = Budget {
        of: BudgetOf::Subscription(SUBSCRIPTION),
        ..budget("web", 1, &[1])
    };
    assert!(
        books.set_budget(&other).unwrap().is_some(),
        "each has its own number"
    );
}
