use super::*;

const ANNA: &str = "anna@contoso.example";

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn peer(last: u8) -> IpAddr {
    IpAddr::from([192, 0, 2, last])
}

/// One of many networks.
fn bot(number: u32) -> IpAddr {
    IpAddr::from((0x0a00_0000 + number).to_be_bytes())
}

fn fails(attempts: &mut Attempts, name: &str, peer: IpAddr, second: i64) -> Result<(), Wait> {
    attempts.begin(name, peer, at(second)).map(|_| ())
}

fn signs_in(attempts: &mut Attempts, name: &str, peer: IpAddr, second: i64) -> Result<(), Wait> {
    let attempt = attempts.begin(name, peer, at(second))?;
    attempts.succeeded(attempt, at(second));
    Ok(())
}

/// How many tries a network gets in so many seconds that tries all the time.
fn tries(attempts: &mut Attempts, peer: IpAddr, seconds: i64) -> usize {
    let made = (0..seconds).filter(|second| fails(attempts, ANNA, peer, *second).is_ok());
    made.count()
}

#[test]
fn each_failure_after_the_free_ones_waits_twice_as_long() {
    for (familiar, waits) in [
        (false, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]),
        (true, [1, 2, 4, 8, 16, 32, 60, 60, 60, 60, 60, 60]),
    ] {
        let mut attempts = Attempts::default();
        if familiar {
            signs_in(&mut attempts, ANNA, peer(1), 0).unwrap();
        }
        for _ in 0..5 {
            fails(&mut attempts, ANNA, peer(1), 0).unwrap();
        }
        attempts.strange.remove(&account(ANNA));
        let mut now = 0;
        for wait in waits {
            let slowed = fails(&mut attempts, "ANNA@contoso.example", peer(1), now);
            assert_eq!(slowed, Err(Wait(wait)), "familiar: {familiar}");
            now += i64::try_from(wait).unwrap();
            fails(&mut attempts, ANNA, peer(1), now).unwrap();
            // Here it is about the pair alone.
            attempts.strange.remove(&account(ANNA));
        }
        fails(&mut attempts, "otto@contoso.example", peer(1), now).unwrap();
    }
}

#[test]
fn a_stranger_does_not_lock_somebody_out_of_their_account_anywhere() {
    let mut attempts = Attempts::default();
    signs_in(&mut attempts, ANNA, peer(1), 0).unwrap();
    // For a day, one stranger tries all the time.
    for second in 0..86_400 {
        let _ = fails(&mut attempts, ANNA, peer(66), second);
        if second % 3600 == 0 {
            signs_in(&mut attempts, ANNA, peer(1), second).unwrap();
            let elsewhere = bot(u32::try_from(second).unwrap());
            signs_in(&mut attempts, ANNA, elsewhere, second).unwrap();
        }
    }
}

#[test]
fn many_networks_together_get_fifty_tries_in_an_hour_and_thirty_in_each_one_after() {
    let mut attempts = Attempts::default();
    signs_in(&mut attempts, ANNA, peer(1), 0).unwrap();
    let (mut first, mut second, mut longest) = (0, 0, 0);
    for now in 0..7200 {
        match fails(&mut attempts, ANNA, bot(u32::try_from(now).unwrap()), now) {
            Ok(()) if now < 3600 => first += 1,
            Ok(()) => second += 1,
            Err(Wait(seconds)) => longest = longest.max(seconds),
        }
    }
    assert_eq!((first, second, longest), (49, 30, 119));
    signs_in(&mut attempts, ANNA, peer(1), 7200).expect("where its user signed in before");
}

#[test]
fn a_hundred_networks_that_try_all_the_time_leave_tries_for_a_user_who_travels() {
    let mut attempts = Attempts::default();
    for second in (0..86_400).step_by(60) {
        for number in 0..100 {
            let _ = fails(&mut attempts, ANNA, bot(number), second);
        }
        if second > 4 * 3600 && second % 3600 == 0 {
            signs_in(&mut attempts, ANNA, bot(u32::try_from(second).unwrap()), second).unwrap();
        }
    }
}

#[test]
fn one_network_gets_few_of_the_tries_and_leaves_the_others() {
    let mut attempts = Attempts::default();
    assert_eq!(tries(&mut attempts, peer(66), 3600), 17);
    let mut familiar = Attempts::default();
    signs_in(&mut familiar, ANNA, peer(1), 0).unwrap();
    assert!(tries(&mut familiar, peer(1), 3600) <= 70);
}

#[test]
fn a_network_is_familiar_for_thirty_days_and_the_last_eight_are() {
    let mut attempts = Attempts::default();
    let is_familiar = |attempts: &mut Attempts, last: u8, second: i64| {
        let attempt = attempts.begin(ANNA, peer(last), at(second)).unwrap();
        attempts.not_made(attempt);
        attempt.familiar
    };
    for last in 1..=9 {
        signs_in(&mut attempts, ANNA, peer(last), i64::from(last)).unwrap();
    }
    assert!(!is_familiar(&mut attempts, 1, 10), "the ninth last");
    assert!(is_familiar(&mut attempts, 2, 10));
    let month = 30 * 24 * 60 * 60;
    assert!(is_familiar(&mut attempts, 9, month + 8));
    assert!(!is_familiar(&mut attempts, 9, month + 9));
}

#[test]
fn a_success_and_an_hour_make_up_for_failures() {
    let mut attempts = Attempts::default();
    for _ in 0..5 {
        fails(&mut attempts, ANNA, peer(1), 0).unwrap();
    }
    assert!(fails(&mut attempts, ANNA, peer(1), 0).is_err());
    signs_in(&mut attempts, ANNA, peer(1), 1).unwrap();
    for _ in 0..5 {
        fails(&mut attempts, ANNA, peer(1), 1).unwrap();
    }
    assert!(fails(&mut attempts, ANNA, peer(1), 1).is_err());
    for _ in 0..4 {
        fails(&mut attempts, ANNA, peer(1), 3601).unwrap();
    }
    fails(&mut attempts, ANNA, peer(1), 3601).expect_err("as it is known that it failed before");
}

#[test]
fn one_network_that_tries_many_names_is_slowed_and_others_go_on() {
    let mut attempts = Attempts::default();
    let (one, same, other) = ("2001:db8::1", "2001:db8::2", "2001:db8:0:1::1");
    signs_in(&mut attempts, ANNA, one.parse().unwrap(), 0).unwrap();
    for number in 0..50 {
        fails(&mut attempts, &format!("user{number}"), one.parse().unwrap(), 0).unwrap();
    }
    let slowed = fails(&mut attempts, "another", same.parse().unwrap(), 0);
    assert_eq!(slowed, Err(Wait(1)));
    fails(&mut attempts, "another", other.parse().unwrap(), 0).unwrap();
    signs_in(&mut attempts, ANNA, same.parse().unwrap(), 0).expect("who signed in there before");
}

#[test]
fn good_sign_ins_of_many_behind_one_address_slow_nobody() {
    let mut attempts = Attempts::default();
    for number in 0..200 {
        signs_in(&mut attempts, &format!("user{number}"), peer(1), 0).unwrap();
    }
}

#[test]
fn a_table_filled_with_names_nobody_has_does_not_free_the_counter_of_a_victim() {
    let mut attempts = Attempts::default();
    signs_in(&mut attempts, "otto", peer(2), 0).unwrap();
    for _ in 0..5 {
        fails(&mut attempts, ANNA, peer(1), 0).unwrap();
    }
    let tried = u32::try_from(REMEMBERED_MAX).unwrap() + 50;
    for number in 0..tried {
        let name = format!("user{number}");
        fails(&mut attempts, &name, bot(number), 1 + i64::from(number / 1000)).unwrap();
    }
    let tables = [
        attempts.pairs.len(),
        attempts.networks.len(),
        attempts.strange.len(),
    ];
    assert_eq!(tables, [REMEMBERED_MAX; 3]);
    let now = at(12);
    assert_eq!(
        attempts.pairs.get(&(account(ANNA), peer(1)), now).unwrap().times,
        5
    );
    let left = attempts.strange.get(&account(ANNA), now).unwrap();
    assert_eq!(left.free_again, at(600));
    assert!(attempts.begin("otto", peer(2), now).unwrap().familiar);
}
