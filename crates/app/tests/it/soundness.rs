//! Books and usage that do not belong together.

use domain::registration::BillingModel;

use crate::house::{House, STACK};

#[tokio::test]
async fn usage_whose_books_were_lost_is_not_said_to_be_well() {
    let house = House::built_at("2026-10-10T12:00:00Z").await;
    let usage = [("2026-10-10T10:00:00Z", "3")];
    house.deliver("2026-10-10T12:00:00Z", &usage).await.unwrap();
    let app = house.app();
    assert_eq!(app.stacks_unknown_to_the_books().await.unwrap(), [STACK]);
    let check = app.check_laws("2026-10".parse().unwrap()).await.unwrap();
    let [violation] = &check.violations[..] else {
        panic!("{:?}", check.violations)
    };
    assert!(violation.contains(&STACK.to_string()), "{violation}");

    house.register(BillingModel::PayAsYouUse).await;
    assert_eq!(app.stacks_unknown_to_the_books().await.unwrap(), []);
    let check = app.check_laws("2026-10".parse().unwrap()).await.unwrap();
    assert_eq!(check.violations, Vec::<String>::new());
}
