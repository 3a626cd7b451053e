use super::out::{CODES_MAX, CODES_PER_NETWORK_MAX};
use super::*;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU64, Ordering};

use store::StoreConfig;

#[derive(Default)]
struct Counting(AtomicU64);

impl Random for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        let drawn = self.0.fetch_add(1, Ordering::Relaxed);
        let digest = blake3::hash(&drawn.to_be_bytes());
        bytes.copy_from_slice(&digest.as_bytes()[..bytes.len()]);
    }
}

const CLIENT: ApplicationId = ApplicationId::from_bytes([1; 16]);
const USER: ObjectId = ObjectId::from_bytes([2; 16]);

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn network(number: u32) -> IpAddr {
    Ipv4Addr::from(0xc000_0200 + number).into()
}

/// Codes that are out, in a store of the test's own.
fn codes() -> Arc<dyn Codes> {
    let directory = tempfile::tempdir().unwrap();
    let config = StoreConfig::Sqlite {
        directory: directory.path().to_owned(),
    };
    store::open(&config).unwrap().codes
}

fn new() -> (Devices, Counting) {
    (Devices::new(&codes()), Counting::default())
}

async fn begin(devices: &Devices, random: &Counting, number: u32) -> Result<Begun, Refusal> {
    begin_for(devices, random, CLIENT, network(number), 0).await
}

async fn begin_for(
    devices: &Devices,
    random: &Counting,
    client: ApplicationId,
    network: IpAddr,
    second: i64,
) -> Result<Begun, Refusal> {
    let asked = Asked {
        audience: "a".to_owned(),
        scope: "a/.default".to_owned(),
        openid: true,
    };
    devices
        .begin(client, None, asked, network, at(second), random)
        .await
}

/// The code with a number.
fn code(number: usize) -> UserCode {
    u64::try_from(number).unwrap().to_be_bytes()
}

/// Codes that are all out: one network has as many of them as it may, the others one each.
fn filled() -> Out {
    let mut out = Out::default();
    for number in 0..CODES_MAX {
        let other = u32::try_from(number.max(CODES_PER_NETWORK_MAX - 1)).unwrap();
        assert_eq!(out.insert(code(number), network(other), at(0)), Ok(None));
    }
    out
}

#[tokio::test]
async fn a_program_waits_until_somebody_enters_its_code_and_gets_it_once() {
    let (devices, random) = new();
    let begun = begin(&devices, &random, 1).await.unwrap();
    let poll = async |second| {
        devices
            .poll(&begun.device_code, CLIENT, at(second), &random)
            .await
    };
    let error = async |second| poll(second).await.unwrap_err().error;
    assert_eq!(error(0).await, "authorization_pending");
    assert_eq!(error(1).await, "slow_down");
    assert_eq!(error(7).await, "slow_down");
    assert_eq!(error(22).await, "authorization_pending");
    let other = ApplicationId::from_bytes([9; 16]);
    assert_eq!(
        devices
            .poll(&begun.device_code, other, at(60), &random)
            .await
            .unwrap_err()
            .error,
        "invalid_grant"
    );

    let typed = begun.user_code.to_lowercase().replace('-', " ");
    assert_eq!(devices.find("BBBB-BBBB", at(60)).await.unwrap(), None);
    let shown = Shown {
        client: CLIENT,
        directory: None,
        network: network(1),
        begun: at(0),
    };
    assert_eq!(devices.find(&typed, at(60)).await.unwrap(), Some(shown));
    assert!(devices.approve(&typed, USER, 7, at(60), &random).await.unwrap());
    assert!(!devices.decline(&typed, at(61), &random).await.unwrap());
    let approved = poll(62).await.unwrap();
    assert_eq!((approved.user, approved.since), (USER, 7));
    assert_eq!(error(70).await, "expired_token");
}

#[tokio::test]
async fn a_declined_code_and_one_whose_time_is_over_are_told_apart() {
    let (devices, random) = new();
    let (one, other) = (
        begin(&devices, &random, 1).await.unwrap(),
        begin(&devices, &random, 1).await.unwrap(),
    );
    assert!(devices.decline(&one.user_code, at(10), &random).await.unwrap());
    assert_eq!(
        devices
            .poll(&one.device_code, CLIENT, at(11), &random)
            .await
            .unwrap_err()
            .error,
        "authorization_declined"
    );
    assert!(devices.find(&other.user_code, at(899)).await.unwrap().is_some());
    assert_eq!(devices.find(&other.user_code, at(900)).await.unwrap(), None);
    assert_eq!(
        devices
            .poll(&other.device_code, CLIENT, at(900), &random)
            .await
            .unwrap_err()
            .error,
        "expired_token"
    );
}

#[tokio::test]
async fn one_network_cannot_take_all_codes_but_a_proxy_on_this_machine_is_none() {
    let (devices, random) = new();
    for _ in 0..CODES_PER_NETWORK_MAX {
        begin(&devices, &random, 1).await.unwrap();
        begin_for(&devices, &random, CLIENT, Ipv4Addr::LOCALHOST.into(), 0)
            .await
            .unwrap();
    }
    let refused = begin(&devices, &random, 1).await.err().unwrap();
    assert_eq!(refused.error, "temporarily_unavailable");
    assert!(begin(&devices, &random, 2).await.is_ok());
    assert!(
        begin_for(&devices, &random, CLIENT, Ipv4Addr::LOCALHOST.into(), 0)
            .await
            .is_ok()
    );
}

#[test]
fn when_all_codes_are_out_the_network_with_the_most_loses_one_and_nobody_else() {
    let mut out = filled();
    let greedy = network(u32::try_from(CODES_PER_NETWORK_MAX - 1).unwrap());
    assert_eq!(
        (out.count(greedy), out.count(network(1))),
        (CODES_PER_NETWORK_MAX, 0)
    );
    let mut new = (CODES_MAX..).map(code);
    let mut insert = |out: &mut Out, network| out.insert(new.next().unwrap(), network, at(1));
    assert_eq!(insert(&mut out, network(1)), Ok(Some(code(0))), "its oldest");
    assert_eq!(
        (out.count(greedy), out.count(network(1))),
        (CODES_PER_NETWORK_MAX - 1, 1)
    );
    // Whoever has the most makes room for itself.
    assert_eq!(insert(&mut out, greedy), Ok(Some(code(1))));
    assert_eq!(out.count(greedy), CODES_PER_NETWORK_MAX - 1);
}

#[test]
fn when_all_codes_of_a_proxy_here_are_out_nobody_behind_it_could_sign_in_until_they_are_over() {
    let (mut out, here) = (Out::default(), Ipv4Addr::LOCALHOST.into());
    for number in 0..CODES_MAX {
        assert_eq!(out.insert(code(number), here, at(0)), Ok(None));
    }
    assert_eq!(
        out.insert(code(CODES_MAX), here, at(0)),
        Ok(Some(code(0))),
        "the oldest"
    );
    assert_eq!(out.count(here), CODES_MAX);
    assert_eq!(
        out.insert(code(CODES_MAX + 1), network(1), at(0)),
        Ok(Some(code(1)))
    );
    assert_eq!(out.count(here), CODES_MAX - 1);
}

#[test]
fn one_ipv6_site_cannot_keep_all_codes_by_asking_from_each_of_its_networks() {
    let mut out = Out::default();
    for number in 0..CODES_MAX {
        let network = format!("2001:db8:1:{number:x}::").parse().unwrap();
        out.insert(code(number), network, at(0)).unwrap();
    }
    for number in 0..100 {
        let other = network(u32::try_from(number).unwrap());
        assert_eq!(
            out.insert(code(CODES_MAX + number), other, at(0)),
            Ok(Some(code(number)))
        );
    }
}

#[test]
fn asking_for_codes_would_hold_up_everybody_who_signs_in_if_it_walked_all_that_are_out() {
    let started = std::time::Instant::now();
    let mut out = filled();
    for number in 0..20_000 {
        let other = network(u32::try_from(100_000 + number % 50).unwrap());
        out.insert(code(CODES_MAX + number), other, at(0)).unwrap();
    }
    // It takes less than a second; to walk all of them each time takes minutes.
    assert!(started.elapsed() < Duration::from_secs(20));
}

#[tokio::test]
async fn a_code_that_had_to_make_room_is_good_for_nothing_any_more() {
    let (devices, random) = new();
    let oldest = begin(&devices, &random, 1).await.unwrap();
    for number in 1..CODES_MAX {
        let network = network(u32::try_from(number).unwrap());
        devices.out().insert(code(number), network, at(0)).unwrap();
    }
    assert!(devices.find(&oldest.user_code, at(1)).await.unwrap().is_some());
    begin(&devices, &random, 1).await.unwrap();
    assert!(devices.find(&oldest.user_code, at(1)).await.unwrap().is_none());
}

#[tokio::test]
async fn a_code_that_one_server_gave_out_is_entered_at_another_and_used_up_once_at_a_third() {
    let (codes, random) = (codes(), Counting::default());
    let [first, second, third] = [(); 3].map(|()| Devices::new(&codes));
    let begun = begin(&first, &random, 1).await.unwrap();
    let shown = second.enter(&begun.user_code, network(2), at(1)).await.unwrap();
    assert_eq!(shown.unwrap().unwrap().network, network(1));
    let not_yet = third.poll(&begun.device_code, CLIENT, at(1), &random).await;
    assert_eq!(not_yet.unwrap_err().error, "authorization_pending");
    assert!(
        second
            .approve(&begun.user_code, USER, 7, at(2), &random)
            .await
            .unwrap()
    );
    let (here, there) = tokio::join!(
        first.poll(&begun.device_code, CLIENT, at(7), &random),
        third.poll(&begun.device_code, CLIENT, at(7), &random)
    );
    assert!(here.is_ok() != there.is_ok(), "{here:?} {there:?}");
}

#[tokio::test]
async fn who_saw_the_letters_of_a_code_gets_nothing_for_them() {
    let (devices, random) = new();
    let begun = begin(&devices, &random, 1).await.unwrap();
    let letters = letters(&begun.user_code).unwrap();
    devices
        .approve(&begun.user_code, USER, 7, at(1), &random)
        .await
        .unwrap();
    for forged in [
        BASE64.encode(letters),
        device_code(&letters, &random),
        String::new(),
        begun.user_code,
    ] {
        let polled = devices.poll(&forged, CLIENT, at(2), &random).await;
        assert_eq!(polled.unwrap_err().error, "expired_token", "{forged}");
    }
    assert!(
        devices
            .poll(&begun.device_code, CLIENT, at(2), &random)
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn codes_that_are_over_make_room_and_leave_nothing_behind() {
    let (devices, random) = new();
    for number in 0..100 {
        begin_for(&devices, &random, CLIENT, network(number), i64::from(number))
            .await
            .unwrap();
    }
    begin_for(&devices, &random, CLIENT, network(0), 999 + 900)
        .await
        .unwrap();
    let out = devices.out();
    let left: usize = (0..100).map(|number| out.count(network(number))).sum();
    assert_eq!(left, 1);
}

#[tokio::test]
async fn a_wrong_code_is_counted_and_the_one_that_a_device_shows_is_not() {
    let (devices, random) = new();
    let begun = begin(&devices, &random, 1).await.unwrap();
    let enter = async |code: &str, number| devices.enter(code, network(number), at(1)).await.unwrap();
    for _ in 0..100 {
        assert!(enter(&begun.user_code, 1).await.unwrap().is_some());
    }
    for wrong in ["BBBB-BBBB", "", "BBBB-BBBB-B", "Bärbel"].iter().cycle().take(20) {
        assert_eq!(enter(wrong, 1).await, Ok(None));
    }
    assert!(enter("BBBB-BBBB", 1).await.is_err());
    assert!(
        enter(&begun.user_code, 1).await.is_err(),
        "or else one could go on guessing"
    );
    assert!(enter(&begun.user_code, 2).await.unwrap().is_some());
}

#[tokio::test]
async fn a_code_is_spent_after_ten_sign_ins_that_failed() {
    let (devices, random) = new();
    let begun = begin(&devices, &random, 1).await.unwrap();
    for _ in 0..FAILED_SIGN_INS_MAX {
        assert!(devices.find(&begun.user_code, at(1)).await.unwrap().is_some());
        devices.failed(&begun.user_code, at(1), &random).await.unwrap();
    }
    assert!(devices.find(&begun.user_code, at(1)).await.unwrap().is_none());
    assert!(
        !devices
            .approve(&begun.user_code, USER, 7, at(1), &random)
            .await
            .unwrap()
    );
    let polled = devices.poll(&begun.device_code, CLIENT, at(2), &random).await;
    assert_eq!(polled.unwrap_err().error, "authorization_declined");
}
