//! Budgets of tags: reckoned together and each as if it were alone, and none keeps another one back.

use app::Kind;
use app::accounts::Created;
use app::periods::BudgetWatch;
use domain::budget::{Budget, BudgetOf, Tag};

use super::{budget, heard, hears_tagged, listens, look, names, sale, set, spent};
use crate::house::{CSP, operator};
use crate::periods::{OTHER, WHOLESALE, october, retail};

fn tagged(name: &str, of: BudgetOf, value: &str) -> Budget {
    Budget {
        tag: Some(Tag {
            name: "env".to_owned(),
            value: value.to_owned(),
        }),
        ..budget(name, of, 100, &[100])
    }
}

#[tokio::test]
async fn a_budget_that_cannot_be_reckoned_would_keep_back_all_others() {
    let house = october().await;
    listens(&house, "ops", None).await;
    let prod = r#"{"env":"prod"}"#;
    hears_tagged(
        &house,
        "2026-10-20T12:00:00Z",
        &[("a", prod, "2026-10-10T10:00:00Z", "2")],
    )
    .await;
    house.usage.lose_tags(true);
    // It is set, and says why it is not known what was spent of it.
    let asked = tagged("a-tag", sale(retail(CSP)), "prod");
    let (created, view) = house
        .app()
        .set_budget(&operator(), asked.clone().into())
        .await
        .unwrap();
    assert_eq!(created, Created::New);
    assert_eq!(view.record.budget, asked);
    assert_eq!(view.spent.unwrap_err().kind, Kind::Unavailable);
    set(&house, &budget("retail", sale(retail(CSP)), 100, &[100])).await;
    set(&house, &budget("wholesale", sale(WHOLESALE), 100, &[100])).await;
    let listed = house.app().budgets(&operator(), None, 10).await.unwrap();
    let known: Vec<bool> = listed.iter().map(|it| it.spent.is_ok()).collect();
    assert_eq!(known, [false, true, true]);
    let mut watch = BudgetWatch::default();
    assert_eq!(look(&house, &mut watch).await, 2);
    assert_eq!(names(&house), ["retail", "wholesale"]);
    // It is looked at again although nothing came meanwhile.
    house.usage.lose_tags(false);
    assert_eq!(look(&house, &mut watch).await, 1);
    assert_eq!(names(&house), ["a-tag", "retail", "wholesale"]);
}

#[tokio::test]
async fn a_tag_that_comes_and_goes_would_keep_what_others_cost_from_being_told() {
    let house = october().await;
    listens(&house, "ops", None).await;
    let (odd, even) = (
        r#"{"env":"odd","steady":"yes"}"#,
        r#"{"env":"even","steady":"yes"}"#,
    );
    let usage: Vec<(&str, &str, String, &str)> = (0..8)
        .map(|hour| {
            let tags = if hour % 2 == 0 { even } else { odd };
            ("a", tags, format!("2026-10-10T0{hour}:00:00Z"), "1")
        })
        .collect();
    let usage: Vec<(&str, &str, &str, &str)> = usage
        .iter()
        .map(|(machine, tags, start, quantity)| (*machine, *tags, start.as_str(), *quantity))
        .collect();
    hears_tagged(&house, "2026-10-20T12:00:00Z", &usage).await;
    let steady = Budget {
        tag: Some(Tag {
            name: "steady".to_owned(),
            value: "yes".to_owned(),
        }),
        ..budget("steady", sale(retail(CSP)), 100, &[100])
    };
    set(&house, &steady).await;
    set(&house, &tagged("odd", sale(retail(CSP)), "odd")).await;
    assert_eq!(spent(&house, "odd").await, "6.00");
    let app = house.app().with_budget_pieces(4);
    let odd = app
        .budget(&operator(), &"odd".parse().unwrap(), None)
        .await
        .unwrap();
    let scattered = odd.spent.unwrap_err();
    assert_eq!(
        (scattered.kind, scattered.code),
        (Kind::Conflict, "BudgetTagScattered")
    );
    assert!(scattered.message.contains("env=odd"), "{}", scattered.message);
    let mut watch = BudgetWatch::default();
    assert_eq!(app.look_after_budgets(&mut watch, || true).await, Ok(1));
    assert_eq!(heard(&house, "ops"), ["steady 2026-10 100: 12.00"]);
}

#[tokio::test]
async fn an_account_is_looked_through_once_for_all_tags_of_its_budgets_and_each_is_what_it_is_alone() {
    let house = october().await;
    let usage = [
        (
            "a",
            r#"{"env":"prod","team":"red"}"#,
            "2026-10-10T10:00:00Z",
            "1.111",
        ),
        ("a", r#"{"team":"red"}"#, "2026-10-10T11:00:00Z", "2.345"),
        ("b", r#"{"env":"prod"}"#, "2026-10-10T12:00:00Z", "0.777"),
        (
            "c",
            r#"{"env":"test","team":"blue"}"#,
            "2026-10-11T10:00:00Z",
            "4.004",
        ),
        ("c", "", "2026-10-11T12:00:00Z", "5"),
    ];
    hears_tagged(&house, "2026-10-20T12:00:00Z", &usage).await;
    let mut alone = Vec::new();
    for (name, value) in [
        ("env", "prod"),
        ("env", "test"),
        ("team", "red"),
        ("team", "blue"),
    ] {
        let named = format!("{name}-{value}");
        let tag = Some(Tag {
            name: name.to_owned(),
            value: value.to_owned(),
        });
        let of = sale(retail(CSP));
        set(
            &house,
            &Budget {
                tag,
                ..budget(&named, of, 100, &[100])
            },
        )
        .await;
        alone.push(spent(&house, &named).await);
    }
    // The same tag of the same account once more.
    set(&house, &tagged("once-more", sale(retail(CSP)), "prod")).await;
    set(&house, &tagged("other", sale(retail(OTHER)), "prod")).await;
    house.usage.take_tags_asked();
    let listed = house.app().budgets(&operator(), None, 10).await.unwrap();
    let asked: Vec<usize> = house.usage.take_tags_asked().iter().map(Vec::len).collect();
    assert_eq!(asked, [4, 1], "once for each account");
    let together: Vec<String> = listed
        .iter()
        .map(|it| it.spent.clone().unwrap().to_string())
        .collect();
    let [prod, test, red, blue] = [0, 1, 2, 3].map(|place: usize| alone[place].as_str());
    assert_eq!(together, [prod, test, prod, "0.00", blue, red]);
    assert_eq!(alone, ["2.83", "6.01", "5.19", "6.01"]);
}
