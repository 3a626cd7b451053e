//! Stacks with certificates of their own, and accounts that are proved by one.

use std::sync::Arc;

use bridge::{LocalDisk, Proof};
use rcgen::{CertificateParams, KeyPair, PKCS_RSA_SHA256, RsaKeySize};

use crate::world::World;

/// A certificate that nobody trusts who was not told to, and its key.
fn certificate() -> (String, (Vec<u8>, Vec<u8>)) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    (certificate.clone(), (certificate.into_bytes(), key.into_bytes()))
}

/// A world with a stack that has such a certificate.
async fn world() -> World {
    let (certificate, tls) = certificate();
    let world = World::with(Arc::new(LocalDisk), Some(tls)).await;
    std::fs::write(world.path("stack-ca.pem"), certificate).unwrap();
    world.report_hours(3, 5);
    world
}

/// From now on another stack answers. Gives what the right one was registered as.
fn make_foreign(world: &World) -> Option<String> {
    let foreign = "/x/registrations/AzureStack-e6135d07-4efa-439c-b899-24e03cbac5f9".to_owned();
    world.stack.state.lock().unwrap().registration.replace(foreign)
}

async fn until_trouble(world: &World, code: &str) {
    world
        .until(code, |world| world.troubles().contains(&code.to_owned()))
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stack_with_its_own_authority_is_read_by_an_account_with_a_certificate() {
    let mut world = world().await;
    let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
    let certificate = CertificateParams::new(Vec::new())
        .unwrap()
        .self_signed(&key)
        .unwrap();
    std::fs::write(world.path("account.pem"), certificate.pem()).unwrap();
    std::fs::write(world.path("account.key"), key.serialize_pem()).unwrap();
    let (ca, proof) = (
        world.path("stack-ca.pem"),
        Proof::Certificate {
            certificate: world.path("account.pem"),
            key: world.path("account.key"),
        },
    );
    let address = &mut world.config.stacks[0].address;
    (address.ca, address.account.proof) = (Some(ca), proof);
    world.start_bridge().await;
    world.until_reported(3).await;
    world.assert_kept();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stack_whose_certificate_is_not_trusted_is_told_nothing() {
    let mut world = world().await;
    world.start_bridge().await;
    world
        .until("it is not trusted", |world| {
            world.troubles() == ["StackNotTrusted"]
        })
        .await;
    assert_eq!(world.stack.state.lock().unwrap().tokens_given, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stack_whose_certificates_were_renewed_would_not_have_been_read_until_the_bridge_was_restarted() {
    let mut world = world().await;
    world.config.stacks[0].address.ca = Some(world.path("stack-ca.pem"));
    world.report_hours(40, 3);
    world.start_bridge().await;
    world.until_reported(3).await;
    let (renewed, tls) = certificate();
    world.stack.rotate(tls).await;
    until_trouble(&world, "StackNotTrusted").await;
    // The file is read again, and then it is found out again which stack answers.
    let own = make_foreign(&world);
    std::fs::write(world.path("stack-ca.pem"), renewed).unwrap();
    until_trouble(&world, "ForeignStack").await;
    world.stack.state.lock().unwrap().asked.clear();
    world
        .until("it was asked again which one it is", |world| {
            let status = world.status();
            status.stacks[0].troubles.iter().any(|it| it.failures > 2)
        })
        .await;
    assert_eq!(
        world.stack.state.lock().unwrap().asked,
        [],
        "the usage of another stack"
    );
    world.stack.state.lock().unwrap().registration = own;
    world.until_reported(40).await;
    world.assert_kept();
    world
        .until("trouble is over", |world| world.troubles().is_empty())
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stack_that_refuses_because_it_is_another_one_now_is_found_out_to_be() {
    let mut world = World::new().await;
    world.report_hours(6, 3);
    world.stack.state.lock().unwrap().refused = [world.hour(3)].into();
    world.start_bridge().await;
    until_trouble(&world, "StackRefused").await;
    let own = make_foreign(&world);
    until_trouble(&world, "ForeignStack").await;
    {
        let mut state = world.stack.state.lock().unwrap();
        state.refused.clear();
        state.registration = own;
    }
    world.until_reported(6).await;
    world.assert_kept();
}
