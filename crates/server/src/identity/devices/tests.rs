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

/// Devices whose codes are all out but so many: one network has as many of them as it may, the others one each.
fn filled(clients: &[ApplicationId], left: usize) -> Devices {
    let (devices, mut all) = (Devices::new(), Expiring::new(DEVICE_CODES_MAX));
    for number in 0..(DEVICE_CODES_MAX - left) {
        let other = u32::try_from(number.max(DEVICE_CODES_PER_NETWORK_MAX)).unwrap();
        let waiting = Waiting {
            user_code: format!("{number}"),
            client: clients[number % clients.len()],
            directory: None,
            asked: Asked {
                audience: String::new(),
                scope: String::new(),
                openid: false,
            },
            network: network(other),
            begun: at(0),
            polled: None,
            interval_seconds: POLL_INTERVAL_SECONDS,
            failed: 0,
            decision: None,
        };
        let key = digest(&number.to_string());
        all.insert(key, waiting, at(0), DEVICE_CODE_LIFETIME).unwrap();
    }
    *devices.0.lock().unwrap() = all;
    devices
}

#[test]
fn a_program_waits_until_somebody_enters_its_code_and_gets_it_once() {
    let (devices, random) = (Devices::new(), Counting::default());
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
    let (devices, random) = (Devices::new(), Counting::default());
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
    let (devices, random) = (Devices::new(), Counting::default());
    for _ in 0..DEVICE_CODES_PER_NETWORK_MAX {
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
    let (one, other) = (
        ApplicationId::from_bytes([1; 16]),
        ApplicationId::from_bytes([2; 16]),
    );
    let (devices, random) = (filled(&[one, other], 0), Counting::default());
    let codes = |devices: &Devices, of: IpAddr| {
        let all = devices.0.lock().unwrap();
        all.entries(at(1)).filter(|(_, it)| it.network == of).count()
    };
    let greedy = network(u32::try_from(DEVICE_CODES_PER_NETWORK_MAX).unwrap());
    let before = codes(&devices, greedy);
    assert!(begin_for(&devices, &random, one, network(1), 1).is_ok());
    assert_eq!(
        (codes(&devices, greedy), codes(&devices, network(1))),
        (before - 1, 1)
    );
    assert!(begin_for(&devices, &random, one, greedy, 1).is_err());
}

#[test]
fn the_codes_of_one_program_leave_some_for_the_others() {
    let (one, other) = (
        ApplicationId::from_bytes([1; 16]),
        ApplicationId::from_bytes([2; 16]),
    );
    let (devices, random) = (filled(&[one], DEVICE_CODES_MAX / 2), Counting::default());
    let greedy = network(u32::try_from(DEVICE_CODES_PER_NETWORK_MAX).unwrap());
    assert!(begin_for(&devices, &random, other, network(1), 1).is_ok());
    assert!(
        begin_for(&devices, &random, one, network(2), 1).is_ok(),
        "in the place of a greedy network's"
    );
    assert!(begin_for(&devices, &random, one, greedy, 1).is_err());
}

#[test]
fn a_code_is_spent_after_ten_sign_ins_that_failed() {
    let (devices, random) = (Devices::new(), Counting::default());
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
