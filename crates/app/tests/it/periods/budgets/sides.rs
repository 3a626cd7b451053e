//! A budget is its owner's: what one side sets, no other one reads, changes, removes, or is told of.

use app::Kind;
use app::access::Caller;
use app::accounts::Created;
use app::periods::BudgetWatch;
use domain::authorization::{PartnerRole, RoleDefinition, Scope};
use domain::books::Limit;
use domain::budget::{Budget, BudgetAsked, BudgetOf, BudgetOwner};
use domain::chain::{Buyer, Link, Seller};
use domain::money::Currency;
use domain::partner::{Partner, PartnerKind};

use super::{LITWARE, agent, budget, heard, listens, look, sale, set_by};
use crate::house::{CSP, CUSTOMER, House, PARTNER, operator};
use crate::people::{FAILED, refusal};
use crate::periods::{WHOLESALE, chains, october, retail};

const NOT_FOUND: (Kind, &str) = (Kind::NotFound, "BudgetNotFound");
const OWNER_REQUIRED: (Kind, &str) = (Kind::Invalid, "BudgetOwnerRequired");
const SELLERS: BudgetOwner = BudgetOwner::Partner(PARTNER);
const BUYERS: BudgetOwner = BudgetOwner::Subscription(CSP);

/// What somebody reads of budgets: names and owners.
async fn listed(house: &House, caller: &Caller) -> Vec<String> {
    let views = house.app().budgets(caller, None, 1_000).await.unwrap();
    views.iter().map(|it| it.record.key().to_string()).collect()
}

/// A role at the customer's subscription.
async fn at_csp(house: &House, name: &str, role: domain::ids::RoleDefinitionId) -> Caller {
    let caller = house.program(name).await;
    house.give(&caller, role, &Scope::Subscription(CSP)).await;
    caller
}

async fn create_litware(house: &House, kind: PartnerKind) {
    let litware = Partner {
        id: LITWARE,
        name: "Litware".to_owned(),
        kind,
    };
    house.app().create_partner(&operator(), litware).await.unwrap();
}

#[tokio::test]
async fn a_customer_would_change_or_remove_the_budget_by_which_its_seller_watches_it() {
    let house = october().await;
    let app = house.app();
    let seller = agent(&house, "seller", PARTNER).await;
    let buyer = at_csp(&house, "buyer", RoleDefinition::CONTRIBUTOR).await;
    let web = budget("web", sale(retail(CSP)), 10_000, &[100]);
    let theirs = Budget {
        amount: super::usd(777),
        ..web.clone()
    };
    // The same name on three sides, and no side learns that another one has it.
    set_by(&house, &seller, &web).await;
    assert_eq!(
        set_by(&house, &buyer, &theirs).await,
        Created::New,
        "it is another one"
    );
    set_by(&house, &operator(), &web).await;
    for (caller, owner, amount) in [(&seller, SELLERS, 10_000), (&buyer, BUYERS, 777)] {
        assert_eq!(listed(&house, caller).await, [format!("web/{owner}")]);
        let view = app.budget(caller, &web.name, None).await.unwrap();
        assert_eq!(
            (view.record.owner, view.record.budget.amount),
            (owner, super::usd(amount))
        );
    }
    for (caller, others) in [(&seller, BUYERS), (&buyer, SELLERS)] {
        for other in [others, BudgetOwner::Platform] {
            let read = app.budget(caller, &web.name, Some(other)).await;
            assert_eq!(refusal(read), NOT_FOUND, "{other}");
            let removed = app.remove_budget(caller, &web.name, Some(other)).await;
            assert_eq!(refusal(removed), NOT_FOUND, "{other}");
            let asked = BudgetAsked {
                owner: Some(other),
                ..web.clone().into()
            };
            assert_eq!(refusal(app.set_budget(caller, asked).await), FAILED, "{other}");
        }
    }
    app.remove_budget(&buyer, &web.name, None).await.unwrap();
    assert_eq!(
        refusal(app.remove_budget(&buyer, &web.name, None).await),
        NOT_FOUND
    );
    let left = [format!("web/{}", BudgetOwner::Platform), format!("web/{SELLERS}")];
    assert_eq!(listed(&house, &operator()).await, left);
    // An operator means the platform's, and removes others' by saying whose.
    app.remove_budget(&operator(), &web.name, None).await.unwrap();
    let unsaid = app.remove_budget(&operator(), &web.name, None).await;
    assert_eq!(refusal(unsaid), OWNER_REQUIRED);
    app.budget(&operator(), &web.name, None).await.unwrap();
    app.remove_budget(&operator(), &web.name, Some(SELLERS))
        .await
        .unwrap();
    assert_eq!(listed(&house, &seller).await, [""; 0]);
}

#[tokio::test]
async fn one_side_would_use_up_the_budgets_of_the_other() {
    let house = october().await;
    let seller = agent(&house, "seller", PARTNER).await;
    let buyer = at_csp(&house, "buyer", RoleDefinition::OWNER).await;
    let of = BudgetOf::Subscription(CSP);
    let one = |number: usize| budget(&format!("b{number}"), of, 100, &[100]);
    for number in 0..Limit::BudgetsOfOne.max() {
        set_by(&house, &buyer, &one(number)).await;
    }
    let one_more = one(Limit::BudgetsOfOne.max());
    let refused = house.app().set_budget(&buyer, one_more.clone().into()).await;
    assert_eq!(refusal(refused), (Kind::Conflict, "TooManyBudgets"));
    set_by(&house, &seller, &one_more).await;
    set_by(&house, &operator(), &one_more).await;
}

#[tokio::test]
async fn a_budget_is_set_by_who_trades_or_writes_there_and_is_not_there_for_anybody_else() {
    let house = october().await;
    let app = house.app();
    create_litware(&house, PartnerKind::DirectBill).await;
    let (seller, rival) = (
        agent(&house, "seller", PARTNER).await,
        agent(&house, "rival", LITWARE).await,
    );
    let customer = house.program("customer").await;
    house
        .give_partner_role(&customer, PartnerRole::CustomerUser(CUSTOMER))
        .await;
    let reader = at_csp(&house, "reader", RoleDefinition::READER).await;
    let contributor = at_csp(&house, "contributor", RoleDefinition::CONTRIBUTOR).await;
    let of_csp = budget("csp", BudgetOf::Subscription(CSP), 100, &[100]);
    let of_sale = budget("sale", sale(retail(CSP)), 100, &[100]);
    let bought = budget("bought", sale(WHOLESALE), 100, &[100]);
    set_by(&house, &seller, &bought).await;
    for budget in [&of_csp, &of_sale] {
        let name = &budget.name;
        set_by(&house, &contributor, budget).await;
        for caller in [&reader, &customer] {
            let refused = app.set_budget(caller, budget.clone().into()).await;
            assert_eq!(refusal(refused), FAILED, "{name}");
            assert_eq!(
                refusal(app.remove_budget(caller, name, None).await),
                FAILED,
                "{name}"
            );
            app.budget(caller, name, None).await.unwrap();
        }
    }
    for (caller, name) in [
        (&rival, "csp"),
        (&rival, "sale"),
        (&rival, "bought"),
        (&reader, "bought"),
        (&seller, "csp"),
    ] {
        let name = name.parse().unwrap();
        assert_eq!(
            refusal(app.budget(caller, &name, None).await),
            NOT_FOUND,
            "{name}"
        );
        let removed = app.remove_budget(caller, &name, None).await;
        assert_eq!(refusal(removed), NOT_FOUND, "{name}");
    }
    for (caller, budget, code) in [
        (&rival, &of_csp, "SubscriptionNotFound"),
        (&rival, &of_sale, "AccountNotFound"),
        (&rival, &bought, "AccountNotFound"),
        (&contributor, &bought, "AccountNotFound"),
    ] {
        let refused = refusal(app.set_budget(caller, budget.clone().into()).await);
        assert_eq!(refused, (Kind::NotFound, code), "{}", budget.name);
    }
    let (bought, csp, of_sale) = (
        format!("bought/{SELLERS}"),
        format!("csp/{BUYERS}"),
        format!("sale/{BUYERS}"),
    );
    for (caller, expected) in [
        (&operator(), &[&*bought, &*csp, &*of_sale][..]),
        (&seller, &[&*bought]),
        (&reader, &[&*csp, &*of_sale]),
        (&contributor, &[&*csp, &*of_sale]),
        (&customer, &[&*csp, &*of_sale]),
        (&rival, &[]),
    ] {
        assert_eq!(listed(&house, caller).await, expected);
    }
}

#[tokio::test]
async fn who_is_on_several_sides_is_not_guessed_to_mean_one_of_them() {
    let house = october().await;
    let app = house.app();
    let both = agent(&house, "both", PARTNER).await;
    house
        .give(&both, RoleDefinition::OWNER, &Scope::Subscription(CSP))
        .await;
    let web = budget("web", sale(retail(CSP)), 100, &[100]);
    let unsaid = app.set_budget(&both, web.clone().into()).await.unwrap_err();
    assert_eq!((unsaid.kind, unsaid.code), OWNER_REQUIRED);
    assert_eq!(unsaid.target, Some("owner"));
    for side in [SELLERS, BUYERS] {
        assert!(unsaid.message.contains(&side.to_string()), "{}", unsaid.message);
        let asked = BudgetAsked {
            owner: Some(side),
            ..web.clone().into()
        };
        app.set_budget(&both, asked).await.unwrap();
        if side == SELLERS {
            app.budget(&both, &web.name, None)
                .await
                .expect("it is the only one of this name");
        }
    }
    let unsaid = app.budget(&both, &web.name, None).await;
    assert_eq!(refusal(unsaid), OWNER_REQUIRED);
    let unsaid = app.remove_budget(&both, &web.name, None).await;
    assert_eq!(refusal(unsaid), OWNER_REQUIRED);
    app.remove_budget(&both, &web.name, Some(SELLERS)).await.unwrap();
    assert_eq!(listed(&house, &both).await, [format!("web/{BUYERS}")]);
    // What the partner buys itself has one side alone.
    set_by(&house, &both, &budget("bought", sale(WHOLESALE), 100, &[100])).await;
}

#[tokio::test]
async fn a_provider_would_not_hear_of_its_own_budget_and_its_reseller_would() {
    let house = chains::resold().await;
    chains::sells(&house, chains::PROVIDER, "1.25", Currency::USD).await;
    let resale = BudgetOf::Sale(Link {
        seller: Seller::Partner(chains::PROVIDER),
        buyer: Buyer::Partner(chains::RESELLER),
    });
    let watching = agent(&house, "provider", chains::PROVIDER).await;
    let watched = agent(&house, "reseller", chains::RESELLER).await;
    for (name, partner) in [
        ("operators", None),
        ("providers", Some(chains::PROVIDER)),
        ("resellers", Some(chains::RESELLER)),
        ("others", Some(PARTNER)),
    ] {
        listens(&house, name, partner).await;
    }
    set_by(&house, &watching, &budget("resale", resale, 1_000, &[100])).await;
    assert_eq!(listed(&house, &watched).await, [""; 0]);
    house
        .hears("2026-10-20T12:00:00Z", &[("2026-10-20T11:00:00Z", "10")])
        .await;
    let mut watch = BudgetWatch::default();
    assert_eq!(look(&house, &mut watch).await, 1);
    let expected = ["resale 2026-10 100: 12.50"];
    assert_eq!(heard(&house, "providers"), expected);
    assert_eq!(heard(&house, "operators"), expected);
    for other in ["resellers", "others"] {
        assert_eq!(heard(&house, other), [""; 0], "{other}");
    }
    // What the reseller sets of the same sale is told to the reseller, and not to who sells to it.
    set_by(&house, &watched, &budget("bought", resale, 1_200, &[100])).await;
    assert_eq!(look(&house, &mut watch).await, 1);
    assert_eq!(heard(&house, "resellers"), ["bought 2026-10 100: 12.50"]);
    assert_eq!(heard(&house, "providers"), expected);
}

#[tokio::test]
async fn what_a_subscription_sets_is_told_to_whom_it_buys_from() {
    let house = october().await;
    create_litware(&house, PartnerKind::DirectBill).await;
    let buyer = at_csp(&house, "buyer", RoleDefinition::OWNER).await;
    listens(&house, "sellers", Some(PARTNER)).await;
    listens(&house, "rivals", Some(LITWARE)).await;
    set_by(
        &house,
        &buyer,
        &budget("csp", BudgetOf::Subscription(CSP), 100, &[100]),
    )
    .await;
    set_by(
        &house,
        &operator(),
        &budget("ours", BudgetOf::Subscription(CSP), 100, &[100]),
    )
    .await;
    house
        .hears("2026-10-20T12:00:00Z", &[("2026-10-20T11:00:00Z", "2")])
        .await;
    assert_eq!(look(&house, &mut BudgetWatch::default()).await, 2);
    assert_eq!(heard(&house, "sellers"), ["csp 2026-10 100: 3.00"]);
    assert_eq!(heard(&house, "rivals"), [""; 0]);
}
