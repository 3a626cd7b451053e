//! What lasts of sign-ins.

use domain::identity::Session;
use domain::ids::{ApplicationId, ObjectId, OperatorId, SessionId};
use domain::time::Timestamp;
use store::Store;

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

const USER: ObjectId = ObjectId::from_bytes([2; 16]);
const OTHER: ObjectId = ObjectId::from_bytes([7; 16]);

async fn all(store: &Store) -> Vec<Session> {
    store.sessions.page(None, 1000).await.unwrap()
}

async fn begin(store: &Store, session: Session) {
    store.sessions.begin(session).await.unwrap();
}

pub(crate) async fn a_used_refresh_token_and_a_sign_out_are_not_forgotten_by_a_restart(
    backend: &dyn Backend,
) {
    let store = backend.open();
    for id in 1..=3 {
        begin(&store, session(id, 1)).await;
    }
    let next = Session {
        renewed: at(5000),
        ends: at(9500),
        ..session(1, 2)
    };
    assert_eq!(store.sessions.go_on(next).await.unwrap(), Some(next));
    let ended = [2, 9].map(|id| SessionId::from_bytes([id; 16]));
    assert_eq!(store.sessions.end(ended.to_vec()).await.unwrap(), 1);
    drop(store);
    let store = backend.open();
    assert_eq!(all(&store).await, [next, session(3, 1)]);
}

pub(crate) async fn who_comes_late_neither_turns_a_session_back_nor_wakes_it_up(backend: &dyn Backend) {
    let store = backend.open();
    let go_on = async |number| store.sessions.go_on(session(1, number)).await.unwrap();
    begin(&store, session(1, 1)).await;
    assert_eq!(go_on(3).await, Some(session(1, 3)));
    assert_eq!(go_on(2).await, Some(session(1, 3)), "what it is by now");
    let with_another_end = Session {
        ends: at(1),
        ..session(1, 3)
    };
    let who_was_first = store.sessions.go_on(with_another_end).await.unwrap();
    assert_eq!(
        who_was_first,
        Some(session(1, 3)),
        "of two who use one token one does"
    );
    assert_eq!(all(&store).await, [session(1, 3)]);
    store.sessions.end(vec![session(1, 3).id]).await.unwrap();
    assert_eq!(go_on(4).await, None);
    assert_eq!(all(&store).await, []);
}

pub(crate) async fn sessions_are_found_by_whose_they_are_and_page_by_page(backend: &dyn Backend) {
    let store = backend.open();
    let of_other = Session {
        user: OTHER,
        ..session(2, 1)
    };
    for it in [session(3, 1), of_other, session(1, 1)] {
        begin(&store, it).await;
    }
    let find = async |user, id| {
        let id = SessionId::from_bytes([id; 16]);
        store.sessions.find(user, id).await.unwrap()
    };
    assert_eq!(find(USER, 1).await, Some(session(1, 1)));
    assert_eq!(find(OTHER, 2).await, Some(of_other));
    assert_eq!(find(OTHER, 1).await, None, "it is somebody else's");
    assert_eq!(find(USER, 9).await, None);
    let of_user = store.sessions.of_user(USER).await.unwrap();
    assert_eq!(of_user, [session(1, 1), session(3, 1)]);
    let nobody = ObjectId::from_bytes([9; 16]);
    assert_eq!(store.sessions.of_user(nobody).await.unwrap(), []);
    let mut after = None;
    for expected in [session(1, 1), of_other, session(3, 1)] {
        let page = store.sessions.page(after, 1).await.unwrap();
        assert_eq!(page, [expected]);
        after = Some(expected.id);
    }
    assert_eq!(store.sessions.page(after, 1).await.unwrap(), []);
}

pub(crate) async fn who_sweeps_ends_nothing_that_went_on_in_the_meantime(backend: &dyn Backend) {
    let store = backend.open();
    for id in 1..=3 {
        begin(&store, session(id, 1)).await;
    }
    let seen = all(&store).await;
    store.sessions.go_on(session(2, 2)).await.unwrap();
    store.sessions.end_unchanged(seen.clone()).await.unwrap();
    assert_eq!(all(&store).await, [session(2, 2)]);
    store.sessions.end_unchanged(seen).await.unwrap();
    assert_eq!(all(&store).await, [session(2, 2)]);
}

pub(crate) async fn a_token_that_is_shown_many_times_at_once_is_used_once(backend: &dyn Backend) {
    let store = backend.open();
    begin(&store, session(1, 1)).await;
    let tasks: Vec<_> = (0..8)
        .map(|second| {
            let store = store.clone();
            let next = Session {
                renewed: at(second),
                ..session(1, 2)
            };
            tokio::spawn(async move { store.sessions.go_on(next).await.unwrap().unwrap() })
        })
        .collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.unwrap());
    }
    let kept = all(&store).await;
    assert!(answers.iter().all(|it| [*it] == *kept), "{answers:?}");
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
