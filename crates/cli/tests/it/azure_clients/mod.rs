//! Azure's own clients, as they come from the registries, against the real server over TLS. `clients/README.md` says
//! what they are.

mod descriptions;
mod house;
mod installation;
mod issuer;

use std::time::Duration;

use house::House;
use installation::Clients;

const SDK_LIMIT: Duration = Duration::from_secs(180);
/// The command line takes a second or more for each of its hundred commands.
const AZ_LIMIT: Duration = Duration::from_secs(900);

#[test]
fn the_python_sdk_works_unmodified() {
    let Some(clients) = Clients::find("the_python_sdk_works_unmodified") else {
        return;
    };
    let house = House::open(&clients);
    house.drive(&mut clients.python("python/sdk.py"), SDK_LIMIT);
    house.assert_answers_are_as_described("the_python_sdk_works_unmodified");
}

#[test]
fn the_javascript_sdk_works_unmodified() {
    let Some(clients) = Clients::find("the_javascript_sdk_works_unmodified") else {
        return;
    };
    let house = House::open(&clients);
    house.drive(&mut clients.node("js/sdk.mjs", &house.ca()), SDK_LIMIT);
    house.assert_answers_are_as_described("the_javascript_sdk_works_unmodified");
}

#[test]
fn az_works_unmodified() {
    let Some(clients) = Clients::find("az_works_unmodified") else {
        return;
    };
    let house = House::open(&clients);
    house.drive(&mut clients.python("python/az.py"), AZ_LIMIT);
    house.assert_answers_are_as_described("az_works_unmodified");
}
