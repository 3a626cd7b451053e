//! Sign-ins of people that last, and their ends.

use std::time::Duration;

use app::identity::{RefreshToken, SignInRefused, SignedIn};
use domain::identity::{DirectoryOwner, Session, User};
use domain::ids::ApplicationId;
use domain::time::Timestamp;

use crate::house::{House, operator};
use crate::people::PASSWORD;

const CLIENT: ApplicationId = ApplicationId::from_bytes([7; 16]);
const TWO_WEEKS: Duration = Duration::from_secs(14 * 24 * 60 * 60);

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + second).unwrap()
}

const fn token(session: &Session) -> RefreshToken {
    RefreshToken {
        session: session.id,
        user: session.user,
        client: session.client,
        number: session.number,
    }
}

struct Signed {
    house: House,
    anna: User,
    signed_in: SignedIn,
}

impl Signed {
    async fn start() -> Self {
        let house = House::built_at("2026-09-21T12:00:00Z").await;
        let directory = house
            .directory("fabrikam.example", DirectoryOwner::Platform)
            .await;
        let anna = house.user(&directory, "anna").await;
        let signed_in = house.signs_in("anna@fabrikam.example", PASSWORD).await.unwrap();
        Self {
            house,
            anna,
            signed_in,
        }
    }

    async fn begin(&self, second: i64) -> Session {
        let app = self.house.app();
        let begun = app
            .begin_session(&self.signed_in, CLIENT, at(second), TWO_WEEKS)
            .await;
        begun.unwrap()
    }

    async fn renew(&self, token: &RefreshToken, second: i64) -> Result<Session, SignInRefused> {
        let app = self.house.app();
        let renewed = app.renew_session(token, at(second), TWO_WEEKS).await;
        renewed.map(|(_, session)| session)
    }

    fn stands(&self, session: &Session) -> Result<(), SignInRefused> {
        let stands = self.house.app().session(session.user, session.id, CLIENT);
        stands.map(|_| ())
    }
}

#[tokio::test]
async fn a_refresh_token_that_was_copied_ends_what_the_thief_and_the_owner_hold() {
    let signed = Signed::start().await;
    let (first, other) = (signed.begin(0).await, signed.begin(0).await);
    let second = signed.renew(&token(&first), 3600).await.unwrap();
    // The answer was lost on its way.
    assert_eq!(signed.renew(&token(&first), 3630).await, Ok(second));
    let third = signed.renew(&token(&second), 7200).await.unwrap();
    assert_eq!(
        signed.renew(&token(&first), 7201).await,
        Err(SignInRefused::Copied)
    );
    assert_eq!(signed.renew(&token(&third), 7202).await, Err(SignInRefused::Over));
    assert_eq!(signed.stands(&first), Err(SignInRefused::Over));
    assert_eq!(signed.stands(&other), Ok(()), "another sign-in is another one");
}

#[tokio::test]
async fn a_restart_forgets_neither_that_somebody_signed_out_nor_that_a_token_was_used() {
    let mut signed = Signed::start().await;
    let (ended, used) = (signed.begin(0).await, signed.begin(0).await);
    let app = signed.house.app();
    assert_eq!(app.end_session(ended.user, ended.id).await, Ok(true));
    assert_eq!(app.end_session(ended.user, ended.id).await, Ok(false));
    drop(app);
    let next = signed.renew(&token(&used), 3600).await.unwrap();
    signed.house = signed.house.restarted().await;
    assert_eq!(signed.stands(&ended), Err(SignInRefused::Over));
    assert_eq!(signed.stands(&used), Ok(()));
    assert_eq!(
        signed.renew(&token(&used), 7200).await,
        Err(SignInRefused::Copied)
    );
    signed.house = signed.house.restarted().await;
    assert_eq!(signed.renew(&token(&next), 7201).await, Err(SignInRefused::Over));
}

#[tokio::test]
async fn a_changed_password_ends_every_session_and_another_client_gets_nothing_of_one() {
    let signed = Signed::start().await;
    let session = signed.begin(0).await;
    let other = RefreshToken {
        client: ApplicationId::from_bytes([8; 16]),
        ..token(&session)
    };
    assert_eq!(signed.renew(&other, 1).await, Err(SignInRefused::Over));
    assert_eq!(signed.stands(&session), Ok(()));
    let app = signed.house.app();
    app.set_password(&operator(), signed.anna.id, "another password".to_owned())
        .await
        .unwrap();
    assert_eq!(
        signed.renew(&token(&session), 1).await,
        Err(SignInRefused::Changed)
    );
    assert_eq!(signed.stands(&session), Err(SignInRefused::Changed));
}

#[tokio::test]
async fn whoever_signs_in_again_and_again_loses_the_oldest_sign_in_and_fills_no_table() {
    let signed = Signed::start().await;
    let mut sessions = Vec::new();
    for second in 0..65 {
        sessions.push(signed.begin(second).await);
    }
    assert_eq!(signed.stands(&sessions[0]), Err(SignInRefused::Over));
    for kept in &sessions[1..] {
        assert_eq!(signed.stands(kept), Ok(()));
    }
}
