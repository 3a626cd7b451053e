//! Usage that is carried in files: where the first bundle of a registration begins.

use std::num::NonZeroU32;

use app::bundles::{AnnouncedBundle, CheckedBundle};
use app::usage::Delivery;
use app::{App, Error};
use domain::bundle::{Bundle, Digest, Place};
use domain::ids::RegistrationId;
use domain::registration::BillingModel;
use domain::time::{Hour, HourInterval};

use crate::house::{House, STACK, delivery, operator};

const KEY: [u8; 32] = [5; 32];

fn hour(text: &str) -> Hour {
    text.parse().unwrap()
}

async fn first_bundle(app: &App, registration: RegistrationId, start: Hour) -> Result<CheckedBundle, Error> {
    let announced = AnnouncedBundle {
        stack: STACK,
        registration,
        key: KEY,
        bundle: Bundle {
            sequence: NonZeroU32::MIN,
            digest: Digest::from_bytes([7; 32]),
            previous: None,
            window: HourInterval::new(start, start.plus(24)).unwrap(),
        },
        leaves_out_earlier: false,
        directory: None,
        records: 0,
        deliveries: vec![[9; 32]],
    };
    app.check_bundle(&announced).await
}

#[tokio::test]
async fn a_stack_that_was_connected_goes_on_by_bundle_where_it_ended_and_not_from_its_registration_on() {
    let house = House::built_at("2026-10-01T00:00:00Z").await;
    let registered = house.register(BillingModel::PayAsYouUse).await.registration.id;
    let app = house.app();
    app.register_bundle_key(&operator(), STACK, KEY).await.unwrap();
    house.it_is("2026-10-20T00:00:00Z");
    let through = hour("2026-10-07T03:00:00Z");
    let declaration = Delivery {
        reported_through: Some(through),
        ..delivery(STACK, hour("2026-10-07T00:00:00Z"), &[])
    };
    app.deliver_usage(declaration).await.unwrap();
    for start in [through, through.plus(-30)] {
        let checked = first_bundle(&app, registered, start).await.unwrap();
        assert_eq!(checked.place, Place::Next);
    }
    let refused = first_bundle(&app, registered, through.plus(1)).await.unwrap_err();
    assert_eq!(refused.code, "BundleNotJoined");
    let advice = format!("--from {through}");
    assert!(refused.message.contains(&advice), "{}", refused.message);
}
