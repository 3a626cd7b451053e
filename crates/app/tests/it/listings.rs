//! Listings of a stack's directory that come late, in files: who pays depends on when they were made.

use app::access::Caller;
use app::directory::{Carried, DirectoryTaken};
use app::{Error, Kind};
use domain::attribution::LocalSubscription;
use domain::bundle::Digest;
use domain::ids::{RegistrationId, TenantId};
use domain::registration::BillingModel;

use crate::house::{CSP, House, LOCAL, SHARED, STACK, TENANT, address, operator, token};
use crate::moves::{SECOND, add_second, moved};

const NOBODYS: TenantId = TenantId::from_bytes([0x99; 16]);
const DIGEST: Digest = Digest::from_bytes([7; 32]);
const KEY: [u8; 32] = [5; 32];

/// When a listing comes, when it was made if it was carried, and whose it says that the local subscription is.
type Comes<'a> = (&'a str, Option<&'a str>, TenantId);

struct Side {
    house: House,
    registration: RegistrationId,
}

impl Side {
    /// A stack whose registration has one tenant added, with an hour's usage on each of three days.
    async fn new() -> Self {
        let side = Self::without_key().await;
        let app = side.house.app();
        app.register_bundle_key(&operator(), STACK, KEY).await.unwrap();
        side
    }

    /// The same, where no bundle is to be expected.
    async fn without_key() -> Self {
        let house = House::built_at("2026-10-01T00:00:00Z").await;
        let (app, group) = (house.app(), address().resource_group);
        app.put_resource_group(&operator(), SHARED, &group, "local", [].into())
            .await
            .unwrap();
        let put = house
            .put_registration(Some(token(BillingModel::PayAsYouUse)))
            .await;
        app.approve_multi_tenancy(&operator(), STACK).await.unwrap();
        house.add_tenant(CSP, None).await.unwrap();
        house.it_is("2026-10-20T00:00:00Z");
        let usage = [
            ("2026-10-02T09:00:00Z", "1"),
            ("2026-10-02T10:00:00Z", "10"),
            ("2026-10-05T12:00:00Z", "100"),
            ("2026-10-09T00:00:00Z", "1000"),
        ];
        house.deliver("2026-10-20T00:00:00Z", &usage).await.unwrap();
        Self {
            registration: put.unwrap().registration.id,
            house,
        }
    }

    async fn listed(&self, (now, made_at, tenant): Comes<'_>) -> Result<DirectoryTaken, Error> {
        self.house.it_is(now);
        let said = LocalSubscription {
            tenant,
            name: "web".to_owned(),
            owner: String::new(),
            state: "Enabled".to_owned(),
        };
        let stack = Caller::Stack {
            cloud_id: STACK,
            registration: self.registration,
        };
        let carried = made_at.map(|made_at| Carried {
            made_at: made_at.parse().unwrap(),
            digest: DIGEST,
        });
        let app = self.house.app();
        app.take_directory(&stack, STACK, &[(LOCAL, said)], carried).await
    }
}

/// What both subscriptions owe after these.
async fn owed_after(listings: &[Comes<'_>]) -> (String, String) {
    let side = Side::new().await;
    for listing in listings {
        side.listed(*listing).await.unwrap();
    }
    (side.house.owes(SHARED).await, side.house.owes(CSP).await)
}

#[tokio::test]
async fn who_pays_does_not_depend_on_when_a_bundle_is_imported() {
    let first = |now| (now, Some("2026-10-01T12:00:00Z"), NOBODYS);
    let second = |now| (now, Some("2026-10-02T10:20:30Z"), TENANT);
    let at_once = [first("2026-10-01T13:00:00Z"), second("2026-10-02T11:00:00Z")];
    let owed = owed_after(&at_once).await;
    assert_eq!(owed, ("1.00".to_owned(), "1110.00".to_owned()));
    let late = [first("2026-10-01T13:00:00Z"), second("2026-10-19T11:00:00Z")];
    assert_eq!(owed_after(&late).await, owed, "imported weeks later");
    let swapped = [second("2026-10-19T11:00:00Z"), first("2026-10-19T12:00:00Z")];
    assert_eq!(owed_after(&swapped).await, owed, "and in another order");
}

#[tokio::test]
async fn a_listing_that_was_carried_does_not_take_back_what_the_stack_has_said_since() {
    let before = ("2026-10-01T13:00:00Z", Some("2026-10-01T12:00:00Z"), NOBODYS);
    let carried = |now| (now, Some("2026-10-02T10:20:30Z"), TENANT);
    let since = ("2026-10-06T00:00:00Z", None, NOBODYS);
    let in_order = [before, carried("2026-10-03T00:00:00Z"), since];
    let owed = owed_after(&in_order).await;
    assert_eq!(owed, ("1001.00".to_owned(), "110.00".to_owned()));

    // Where bundles are to be expected, it is kept what the stack says also where that is nothing new.
    let side = Side::new().await;
    for listing in [before, since, carried("2026-10-19T00:00:00Z")] {
        side.listed(listing).await.unwrap();
    }
    assert_eq!((side.house.owes(SHARED).await, side.house.owes(CSP).await), owed);
}

/// What all three subscriptions owe after a bundle that is imported before the registration is moved, or after that.
async fn owed_after_move(bundle: Comes<'_>, is_before: bool) -> [String; 3] {
    let side = Side::new().await;
    let house = &side.house;
    add_second(house).await;
    if is_before {
        side.listed(bundle).await.unwrap();
    }
    house.it_is("2026-10-16T14:37:00Z");
    moved(house, SECOND).await.unwrap();
    if !is_before {
        side.listed(bundle).await.unwrap();
    }
    house.it_is("2026-10-20T00:00:00Z");
    [
        house.owes(SHARED).await,
        house.owes(SECOND).await,
        house.owes(CSP).await,
    ]
}

/// Whether the bundle made at a moment is imported before the registration is moved, or after that.
async fn the_customer_pays_either_way(made_at: &str, before_the_move: &str, after_it: &str) {
    let bundle = |imported_at| (imported_at, Some(made_at), TENANT);
    let before = owed_after_move(bundle(before_the_move), true).await;
    let after = owed_after_move(bundle(after_it), false).await;
    let expected = ["0.00", "0.00", "1111.00"];
    assert_eq!(
        [before, after],
        [expected, expected],
        "imported before the move, and after"
    );
}

#[tokio::test]
async fn a_tenants_customer_does_not_get_out_of_paying_since_the_registration_was_moved_while_a_bundle_travelled()
 {
    the_customer_pays_either_way(
        "2026-10-15T00:00:00Z",
        "2026-10-15T08:00:00Z",
        "2026-10-20T00:00:00Z",
    )
    .await;
}

#[tokio::test]
async fn who_pays_would_depend_on_when_a_bundle_is_imported_that_was_made_in_the_hour_of_a_move() {
    // Twenty minutes before the registration is moved, which holds for all of that hour.
    the_customer_pays_either_way(
        "2026-10-16T14:17:00Z",
        "2026-10-16T14:30:00Z",
        "2026-10-16T15:00:00Z",
    )
    .await;
}

#[tokio::test]
async fn nobody_pays_by_a_listing_that_came_late_where_it_is_not_kept_what_the_stack_said_since() {
    let side = Side::without_key().await;
    let carried = ("2026-10-19T00:00:00Z", Some("2026-10-02T10:20:30Z"), TENANT);
    let refused = side.listed(carried).await.unwrap_err();
    assert_eq!(
        (refused.kind, refused.code),
        (Kind::Conflict, "BundleKeyNotRegistered"),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_customer_would_have_paid_for_the_next_one_until_the_server_was_back() {
    let side = Side::without_key().await;
    // The bridge says when it reads, and the server is away from the 5th on, when somebody else gets the subscription.
    let told = [
        ("2026-10-02T09:00:10Z", Some("2026-10-02T09:00:00Z"), TENANT),
        ("2026-10-20T00:00:00Z", Some("2026-10-05T10:30:00Z"), NOBODYS),
    ];
    for listing in told {
        side.listed(listing).await.unwrap();
    }
    let house = &side.house;
    let owed = [house.owes(SHARED).await, house.owes(CSP).await];
    assert_eq!(
        owed,
        ["1100.00", "11.00"],
        "the customer pays for what was before the 5th"
    );
    for (_, made_at, tenant) in told {
        let again = side.listed((told[1].0, made_at, tenant)).await.unwrap();
        assert_eq!((again.added, again.changed), (0, 0));
    }
    assert_eq!([house.owes(SHARED).await, house.owes(CSP).await], owed);
}

#[tokio::test]
async fn a_listing_that_cannot_have_been_made_then_is_refused() {
    let side = Side::new().await;
    let now = "2026-10-20T00:00:00Z";
    for (made_at, kind, code) in [
        ("2026-10-20T05:00:00Z", Kind::Invalid, "ListingInFuture"),
        (
            "2026-09-30T23:59:59Z",
            Kind::Conflict,
            "ListingBeforeRegistration",
        ),
    ] {
        let refused = side.listed((now, Some(made_at), TENANT)).await.unwrap_err();
        assert_eq!((refused.kind, refused.code), (kind, code), "{refused:?}");
    }
    side.listed((now, Some("2026-10-01T00:00:00Z"), TENANT))
        .await
        .unwrap();
}
