//! Sign-ins of people that last, and their ends.

use std::time::Duration;

use app::identity::{RefreshToken, SignInRefused, SignedIn};
use domain::identity::{DirectoryOwner, Session, User};
use domain::ids::ApplicationId;
use domain::time::Timestamp;
use store::Sessions as _;

use crate::house::{House, operator};
use crate::people::PASSWORD;

/// Azure CLI, which every directory knows.
const CLIENT: ApplicationId = ApplicationId::from_bytes([
    0x04, 0xb0, 0x77, 0x95, 0x8d, 0xdb, 0x46, 0x1a, 0xbb, 0xee, 0x02, 0xf9, 0xe1, 0xbf, 0x7b, 0x46,
]);
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

    async fn stands(&self, session: &Session) -> Result<(), SignInRefused> {
        let app = self.house.app();
        let stands = app.session(session.user, session.id, session.client).await;
        stands.map(|_| ())
    }

    async fn kept(&self) -> Vec<Session> {
        self.house.sessions.page(None, 1000).await.unwrap()
    }

    /// Somebody signs in to an application of the directory: in a session of their own.
    async fn begin_with(&self, client: ApplicationId) -> Result<Session, SignInRefused> {
        let (app, peer) = (self.house.app(), [192, 0, 2, 1].into());
        let signed_in = app
            .sign_in_user(None, "anna@fabrikam.example", PASSWORD, Some(client), peer)
            .await?;
        let begun = app.begin_session(&signed_in, client, at(0), TWO_WEEKS).await;
        Ok(begun.unwrap())
    }

    async fn application(&self, name: &str) -> ApplicationId {
        self.house.application(self.anna.directory, name).await.id
    }

    async fn enable(&self, application: ApplicationId, enabled: bool) {
        let app = self.house.app();
        app.set_application_enabled(&operator(), application, enabled)
            .await
            .unwrap();
    }

    async fn restarted(self) -> Self {
        Self {
            house: self.house.restarted().await,
            ..self
        }
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
    assert_eq!(signed.stands(&first).await, Err(SignInRefused::Over));
    assert_eq!(
        signed.stands(&other).await,
        Ok(()),
        "another sign-in is another one"
    );
}

#[tokio::test]
async fn a_restart_forgets_neither_that_somebody_signed_out_nor_that_a_token_was_used() {
    let mut signed = Signed::start().await;
    let (ended, used) = (signed.begin(0).await, signed.begin(0).await);
    let app = signed.house.app();
    assert_eq!(app.end_session(ended.id).await, Ok(true));
    assert_eq!(app.end_session(ended.id).await, Ok(false));
    drop(app);
    let next = signed.renew(&token(&used), 3600).await.unwrap();
    signed.house = signed.house.restarted().await;
    assert_eq!(signed.stands(&ended).await, Err(SignInRefused::Over));
    assert_eq!(signed.stands(&used).await, Ok(()));
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
    assert_eq!(signed.stands(&session).await, Ok(()));
    let app = signed.house.app();
    app.set_password(&operator(), signed.anna.id, "another password".to_owned())
        .await
        .unwrap();
    assert_eq!(signed.renew(&token(&session), 1).await, Err(SignInRefused::Over));
    assert_eq!(signed.stands(&session).await, Err(SignInRefused::Over));
}

#[tokio::test]
async fn people_keep_nothing_that_they_were_given_by_way_of_an_application_that_was_disabled_or_deleted() {
    let signed = Signed::start().await;
    let (disabled, deleted) = (
        signed.application("Export").await,
        signed.application("Report").await,
    );
    let by_az = signed.begin(0).await;
    let one = signed.begin_with(disabled).await.unwrap();
    let other = signed.begin_with(deleted).await.unwrap();
    assert_eq!(
        (signed.stands(&one).await, signed.stands(&other).await),
        (Ok(()), Ok(()))
    );

    signed.enable(disabled, false).await;
    assert_eq!(signed.stands(&one).await, Err(SignInRefused::Over));
    assert_eq!(signed.renew(&token(&one), 1).await, Err(SignInRefused::Over));
    let again = signed.begin_with(disabled).await;
    assert_eq!(again, Err(SignInRefused::ClientGone));
    signed.enable(disabled, true).await;
    assert_eq!(
        signed.stands(&one).await,
        Err(SignInRefused::Over),
        "nothing is revived"
    );
    let anew = signed.begin_with(disabled).await.unwrap();

    let app = signed.house.app();
    app.delete_application(&operator(), deleted).await.unwrap();
    assert_eq!(signed.stands(&other).await, Err(SignInRefused::Over));
    assert_eq!(signed.begin_with(deleted).await, Err(SignInRefused::ClientGone));
    assert_eq!(
        signed.kept().await,
        [by_az, anew],
        "what goes by other ways goes on"
    );
}

#[tokio::test]
async fn a_sign_in_that_is_void_is_void_after_a_restart_too_however_little_could_be_kept_of_that() {
    let signed = Signed::start().await;
    let client = signed.application("Export").await;
    let session = signed.begin_with(client).await.unwrap();
    signed.house.sessions.fails(true);
    signed.enable(client, false).await;
    assert_eq!(signed.kept().await, [session], "it could not be forgotten");
    let signed = signed.restarted().await;
    assert_eq!(signed.stands(&session).await, Err(SignInRefused::ClientGone));
    signed.enable(client, true).await;
    assert!(signed.stands(&session).await.is_err());
    assert_eq!(signed.kept().await, []);
}

#[tokio::test]
async fn a_renewal_that_could_not_be_kept_costs_nobody_their_sign_in() {
    let signed = Signed::start().await;
    let session = signed.begin(0).await;
    signed.house.sessions.fails(true);
    let refused = signed.renew(&token(&session), 3600).await;
    assert!(matches!(refused, Err(SignInRefused::Failed(_))), "{refused:?}");
    signed.house.sessions.fails(false);
    // Far later than a used token may be shown again.
    let next = signed.renew(&token(&session), 7200).await.unwrap();
    assert_eq!(next.number, 2);
    signed.renew(&token(&next), 10_800).await.unwrap();
}

#[tokio::test]
async fn a_memory_that_is_away_is_not_taken_for_one_in_which_nobody_is_signed_in() {
    let signed = Signed::start().await;
    let session = signed.begin(0).await;
    signed.house.sessions.is_away(true);
    for refused in [
        signed.stands(&session).await,
        signed.renew(&token(&session), 3600).await.map(|_| ()),
    ] {
        assert!(matches!(refused, Err(SignInRefused::Failed(_))), "{refused:?}");
    }
    signed.house.app().forget_ended_sessions(at(3600)).await;
    signed.house.sessions.is_away(false);
    assert_eq!(signed.stands(&session).await, Ok(()));
    signed.renew(&token(&session), 3600).await.unwrap();
}

#[tokio::test]
async fn a_sign_out_that_could_not_be_kept_is_made_good_by_the_next_and_not_undone_by_a_restart() {
    let signed = Signed::start().await;
    let session = signed.begin(0).await;
    let end = async |signed: &Signed| signed.house.app().end_session(session.id).await;
    signed.house.sessions.fails(true);
    end(&signed).await.unwrap_err();
    assert_eq!(
        signed.stands(&session).await,
        Err(SignInRefused::Over),
        "at once, in any case"
    );
    end(&signed).await.unwrap_err();
    signed.house.sessions.fails(false);
    end(&signed).await.unwrap();
    let signed = signed.restarted().await;
    assert_eq!(signed.stands(&session).await, Err(SignInRefused::Over));
}

#[tokio::test]
async fn a_thief_who_was_found_out_while_nothing_could_be_kept_is_not_let_in_again_by_a_restart() {
    let signed = Signed::start().await;
    let stolen = signed.begin(0).await;
    let next = signed.renew(&token(&stolen), 3600).await.unwrap();
    signed.house.sessions.fails(true);
    assert_eq!(
        signed.renew(&token(&stolen), 7200).await,
        Err(SignInRefused::Copied)
    );
    assert_eq!(signed.renew(&token(&next), 7201).await, Err(SignInRefused::Over));
    assert_eq!(signed.kept().await, [next]);
    signed.house.sessions.fails(false);
    signed.house.app().forget_ended_sessions(at(7300)).await;
    assert_eq!(signed.kept().await, []);
    let signed = signed.restarted().await;
    assert_eq!(signed.renew(&token(&next), 7400).await, Err(SignInRefused::Over));
}

#[tokio::test]
async fn a_memory_that_is_slow_wakes_no_sign_in_up_that_others_pushed_out() {
    let signed = Signed::start().await;
    let release = signed.house.sessions.hold_the_next();
    let app = signed.house.app();
    let slow = app.begin_session(&signed.signed_in, CLIENT, at(0), TWO_WEEKS);
    let others = async {
        // As many as a user may have, while the first one is being kept.
        for second in 1..=64 {
            signed.begin(second).await;
        }
        release.send(()).unwrap();
    };
    let (begun, ()) = tokio::join!(slow, others);
    assert_eq!(signed.stands(&begun.unwrap()).await, Ok(()));
    assert_eq!(
        signed.kept().await.len(),
        64,
        "what is known and what is kept is one"
    );
}

#[tokio::test]
async fn what_nobody_comes_back_to_is_not_kept_for_ever() {
    let signed = Signed::start().await;
    let app = signed.house.app();
    let old = signed.begin(0).await;
    let recent = signed.begin(24 * 60 * 60).await;
    app.forget_ended_sessions(old.ends - Duration::from_secs(1)).await;
    assert_eq!(signed.kept().await, [old, recent]);
    app.forget_ended_sessions(old.ends).await;
    assert_eq!(signed.kept().await, [recent], "its time is over");
    app.set_password(&operator(), signed.anna.id, "another password".to_owned())
        .await
        .unwrap();
    assert_eq!(signed.kept().await, [], "the password was changed");
    let again = signed
        .house
        .signs_in("anna@fabrikam.example", "another password")
        .await
        .unwrap();
    app.begin_session(&again, CLIENT, at(0), TWO_WEEKS).await.unwrap();
    assert_eq!(signed.kept().await.len(), 1);
    app.delete_user(&operator(), signed.anna.id).await.unwrap();
    assert_eq!(signed.kept().await, [], "nobody is there any more");
}

#[tokio::test]
async fn whoever_signs_in_again_and_again_loses_the_oldest_sign_in_and_fills_no_table() {
    let signed = Signed::start().await;
    let mut sessions = Vec::new();
    for second in 0..65 {
        sessions.push(signed.begin(second).await);
    }
    assert_eq!(signed.stands(&sessions[0]).await, Err(SignInRefused::Over));
    for kept in &sessions[1..] {
        assert_eq!(signed.stands(kept).await, Ok(()));
    }
}
