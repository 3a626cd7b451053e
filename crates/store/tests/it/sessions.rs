//! What lasts of sign-ins.

use domain::identity::Session;
use domain::ids::{ApplicationId, ObjectId, OperatorId, SessionId};
use domain::time::Timestamp;

use crate::fixtures::Backend;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn session(id: u8, number: u64) -> Session {
    Session {
        id: SessionId::from_bytes([id; 16]),
        user: ObjectId::from_bytes([2; 16]),
        client: ApplicationId::from_bytes([3; 16]),
        since: 4,
        begun: at(0),
        number,
        renewed: at(1000),
        ends: at(9000),
    }
}

pub(crate) async fn a_used_refresh_token_and_a_sign_out_are_not_forgotten_by_a_restart(
    backend: &dyn Backend,
) {
    let store = backend.open();
    for id in 1..=3 {
        store.sessions.begin(session(id, 1)).await.unwrap();
    }
    let next = Session {
        renewed: at(5000),
        ends: at(9500),
        ..session(1, 2)
    };
    store.sessions.go_on(next).await.unwrap();
    let ended = [2, 9].map(|id| SessionId::from_bytes([id; 16]));
    store.sessions.end(ended.to_vec()).await.unwrap();
    drop(store);
    let store = backend.open();
    assert_eq!(store.sessions.all().await.unwrap(), [next, session(3, 1)]);
}

pub(crate) async fn who_comes_late_neither_turns_a_session_back_nor_wakes_it_up(backend: &dyn Backend) {
    let store = backend.open();
    store.sessions.begin(session(1, 1)).await.unwrap();
    store.sessions.go_on(session(1, 3)).await.unwrap();
    store.sessions.go_on(session(1, 2)).await.unwrap();
    assert_eq!(store.sessions.all().await.unwrap(), [session(1, 3)]);
    store.sessions.end(vec![session(1, 3).id]).await.unwrap();
    store.sessions.go_on(session(1, 4)).await.unwrap();
    assert_eq!(store.sessions.all().await.unwrap(), []);
}

pub(crate) async fn the_last_use_of_an_operators_credential_is_known_after_reopening(backend: &dyn Backend) {
    let store = backend.open();
    let [one, other] = [1, 2].map(|id| OperatorId::from_bytes([id; 16]));
    for (operator, second) in [(one, 10), (one, 30), (one, 20), (other, 5)] {
        store.sessions.operator_seen(operator, at(second)).await.unwrap();
    }
    drop(store);
    let store = backend.open();
    let seen = store.sessions.operators_seen().await.unwrap();
    assert_eq!(seen, [(one, at(30)), (other, at(5))]);
}
