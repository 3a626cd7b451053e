//! Stacks with certificates of their own, and accounts that are proved by one.

use std::sync::Arc;

use bridge::{LocalDisk, Proof};
use rcgen::{CertificateParams, KeyPair, PKCS_RSA_SHA256, RsaKeySize};

use crate::world::World;

/// A world with a stack whose certificate nobody else trusts.
async fn world() -> World {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let tls = (certificate.clone().into_bytes(), key.into_bytes());
    let world = World::with(Arc::new(LocalDisk), Some(tls)).await;
    std::fs::write(world.path("stack-ca.pem"), certificate).unwrap();
    world.report_hours(3, 5);
    world
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
