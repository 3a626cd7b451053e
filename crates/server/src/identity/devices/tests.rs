use super::out::{CODES_MAX, CODES_PER_NETWORK_MAX};
use super::*;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU64, Ordering};

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

fn begin(devices: &Devices, random: &Counting, number: u32) -> Result<Begun, Refusal> {
    begin_for(devices, random, CLIENT, network(number), 0)
}

fn begin_for(
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
    devices.begin(client, None, asked, network, at(second), random)
}

/// Devices whose codes are all out: one network has as many of them as it may, the others one each.
fn filled(random: &Counting) -> Devices {
    let devices = Devices::default();
    for number in 0..CODES_MAX {
        let other = u32::try_from(number.max(CODES_PER_NETWORK_MAX - 1)).unwrap();
        begin(&devices, random, other).unwrap();
    }
    devices
}

#[test]
fn a_program_waits_until_somebody_enters_its_code_and_gets_it_once() {
    let (devices, random) = (Devices::default(), Counting::default());
    let begun = begin(&devices, &random, 1).unwrap();
    let poll = |second| devices.poll(&begun.device_code, CLIENT, at(second));
    let error = |second| poll(second).unwrap_err().error;
    assert_eq!(error(0), "authorization_pending");
    assert_eq!(error(1), "slow_down");
    assert_eq!(error(7), "slow_down");
    assert_eq!(error(22), "authorization_pending");
    let other = ApplicationId::from_bytes([9; 16]);
    assert_eq!(
        devices.poll(&begun.device_code, other, at(60)).unwrap_err().error,
        "invalid_grant"
    );

    let typed = begun.user_code.to_lowercase().replace('-', " ");
    assert_eq!(devices.find("BBBB-BBBB", at(60)), None);
    let shown = Shown {
        client: CLIENT,
        directory: None,
        network: network(1),
        begun: at(0),
    };
    assert_eq!(devices.find(&typed, at(60)), Some(shown));
    assert!(devices.approve(&typed, USER, 7, at(60)));
    assert!(!devices.decline(&typed, at(61)));
    let approved = poll(62).unwrap();
    assert_eq!((approved.user, approved.since), (USER, 7));
    assert_eq!(error(70), "expired_token");
}

#[test]
fn a_declined_code_and_one_whose_time_is_over_are_told_apart() {
    let (devices, random) = (Devices::default(), Counting::default());
    let (one, other) = (
        begin(&devices, &random, 1).unwrap(),
        begin(&devices, &random, 1).unwrap(),
    );
    assert!(devices.decline(&one.user_code, at(10)));
    assert_eq!(
        devices.poll(&one.device_code, CLIENT, at(11)).unwrap_err().error,
        "authorization_declined"
    );
    assert!(devices.find(&other.user_code, at(899)).is_some());
    assert_eq!(devices.find(&other.user_code, at(900)), None);
    assert_eq!(
        devices
            .poll(&other.device_code, CLIENT, at(900))
            .unwrap_err()
            .error,
        "expired_token"
    );
}

#[test]
fn one_network_cannot_take_all_codes_but_a_proxy_on_this_machine_is_none() {
    let (devices, random) = (Devices::default(), Counting::default());
    for _ in 0..CODES_PER_NETWORK_MAX {
        begin(&devices, &random, 1).unwrap();
        begin_for(&devices, &random, CLIENT, Ipv4Addr::LOCALHOST.into(), 0).unwrap();
    }
    let refused = begin(&devices, &random, 1).err().unwrap();
    assert_eq!(refused.error, "temporarily_unavailable");
    assert!(begin(&devices, &random, 2).is_ok());
    assert!(begin_for(&devices, &random, CLIENT, Ipv4Addr::LOCALHOST.into(), 0).is_ok());
}

#[test]
fn when_all_codes_are_out_the_network_with_the_most_loses_one_and_nobody_else() {
    let random = Counting::default();
    let devices = filled(&random);
    let codes = |of: IpAddr| devices.out().count(of);
    let greedy = network(u32::try_from(CODES_PER_NETWORK_MAX - 1).unwrap());
    assert_eq!((codes(greedy), codes(network(1))), (CODES_PER_NETWORK_MAX, 0));
    assert!(begin(&devices, &random, 1).is_ok());
    assert_eq!((codes(greedy), codes(network(1))), (CODES_PER_NETWORK_MAX - 1, 1));
    // Whoever has the most makes room for itself.
    assert!(begin_for(&devices, &random, CLIENT, greedy, 1).is_ok());
    assert_eq!(codes(greedy), CODES_PER_NETWORK_MAX - 1);
}

#[test]
fn when_all_codes_of_a_proxy_here_are_out_nobody_behind_it_could_sign_in_until_they_are_over() {
    let (devices, random) = (Devices::default(), Counting::default());
    let here = Ipv4Addr::LOCALHOST.into();
    let begin = || begin_for(&devices, &random, CLIENT, here, 0);
    let oldest = begin().unwrap();
    for _ in 1..CODES_MAX {
        begin().unwrap();
    }
    let newest = begin().unwrap();
    assert!(devices.find(&newest.user_code, at(1)).is_some());
    assert!(devices.find(&oldest.user_code, at(1)).is_none());
    assert_eq!(devices.out().count(here), CODES_MAX);
    assert!(begin_for(&devices, &random, CLIENT, network(1), 0).is_ok());
    assert_eq!(devices.out().count(here), CODES_MAX - 1);
}

#[test]
fn one_ipv6_site_cannot_keep_all_codes_by_asking_from_each_of_its_networks() {
    let (devices, random) = (Devices::default(), Counting::default());
    for number in 0..CODES_MAX {
        let network = format!("2001:db8:1:{number:x}::").parse().unwrap();
        begin_for(&devices, &random, CLIENT, network, 0).unwrap();
    }
    for number in 0..100 {
        begin(&devices, &random, number).unwrap();
    }
}

#[test]
fn asking_for_codes_would_hold_up_everybody_who_signs_in_if_it_walked_all_that_are_out() {
    let random = Counting::default();
    let started = std::time::Instant::now();
    let devices = filled(&random);
    for number in 0..20_000 {
        let begun = begin(&devices, &random, 100_000 + number % 50).unwrap();
        assert!(devices.find(&begun.user_code, at(0)).is_some());
    }
    // It takes less than a second; to walk all of them each time takes minutes.
    assert!(started.elapsed() < Duration::from_secs(20));
}

#[test]
fn codes_that_are_over_make_room_and_leave_nothing_behind() {
    let (devices, random) = (Devices::default(), Counting::default());
    for number in 0..100 {
        begin_for(&devices, &random, CLIENT, network(number), i64::from(number)).unwrap();
    }
    begin_for(&devices, &random, CLIENT, network(0), 999 + 900).unwrap();
    let out = devices.out();
    let left: usize = (0..100).map(|number| out.count(network(number))).sum();
    assert_eq!(left, 1);
}

#[test]
fn a_wrong_code_is_counted_and_the_one_that_a_device_shows_is_not() {
    let (devices, random) = (Devices::default(), Counting::default());
    let begun = begin(&devices, &random, 1).unwrap();
    let enter = |code: &str| devices.enter(code, network(1), at(1));
    for _ in 0..100 {
        assert!(enter(&begun.user_code).unwrap().is_some());
    }
    for wrong in ["BBBB-BBBB", "", "BBBB-BBBB-B", "Bärbel"].iter().cycle().take(20) {
        assert_eq!(enter(wrong), Ok(None));
    }
    assert!(enter("BBBB-BBBB").is_err());
    assert!(
        enter(&begun.user_code).is_err(),
        "or else one could go on guessing"
    );
    assert!(
        devices
            .enter(&begun.user_code, network(2), at(1))
            .unwrap()
            .is_some()
    );
}

#[test]
fn a_code_is_spent_after_ten_sign_ins_that_failed() {
    let (devices, random) = (Devices::default(), Counting::default());
    let begun = begin(&devices, &random, 1).unwrap();
    for _ in 0..FAILED_SIGN_INS_MAX {
        assert!(devices.find(&begun.user_code, at(1)).is_some());
        devices.failed(&begun.user_code, at(1));
    }
    assert!(devices.find(&begun.user_code, at(1)).is_none());
    assert!(!devices.approve(&begun.user_code, USER, 7, at(1)));
    let polled = devices.poll(&begun.device_code, CLIENT, at(2));
    assert_eq!(polled.unwrap_err().error, "authorization_declined");
}
