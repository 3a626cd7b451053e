//! Bundles of a stack: read completely, gone on with where it was, and joined.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bridge::bundle::{BundleFile, Exporting, StackSide, Step};
use domain::time::Hour;

use crate::stack_stub::{CLOUD, Fault};
use crate::world::{World, activation_key};

const LIFE: &str = "0f000000-0000-4000-8000-000000000001";
const NEXT_LIFE: &str = "0f000000-0000-4000-8000-000000000002";

impl World {
    /// An activation key that says of which life of the registration it is.
    fn activate(&self, life: &str) {
        let key = activation_key(CLOUD, "one");
        let claims = key.split('.').nth(1).unwrap();
        let claims = String::from_utf8(URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
        let claims = claims.replace(
            "\"registrationId\":\"r\"",
            &format!("\"registrationId\":\"{life}\""),
        );
        let key = format!("e30.{}.one", URL_SAFE_NO_PAD.encode(claims));
        std::fs::write(self.path("key"), key).unwrap();
    }

    fn side(&self) -> StackSide {
        StackSide::open(&self.config, &self.environment).unwrap()
    }

    fn exporting(&self, to: i32, out: &str) -> Exporting {
        Exporting {
            from: None,
            to: Some(self.hour(to)),
            out: self.out(out),
            made_by: "tests".to_owned(),
            restart: false,
        }
    }

    fn out(&self, name: &str) -> PathBuf {
        self.path(name)
    }

    /// The hours that the stack was asked for, each once.
    fn hours_asked(&self) -> Vec<Hour> {
        let mut hours: Vec<Hour> = self
            .stack
            .state
            .lock()
            .unwrap()
            .asked
            .iter()
            .map(|(hour, _)| *hour)
            .collect();
        hours.dedup();
        hours
    }

    /// Waits until so many hours are over by the stack's clock.
    async fn hours_over(&self, hours: i32) {
        while Hour::containing(self.environment.clock.now()) <= self.hour(hours) {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }
}

fn unwatched(_: Step) {}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_that_was_broken_off_goes_on_with_the_hour_it_was_in_and_leaves_nothing_out() {
    let world = World::new().await;
    world.activate(LIFE);
    world.report_hours(6, 9);
    world.hours_over(7).await;
    world.stack.state.lock().unwrap().faults = [
        Fault::CutJson,
        Fault::LinkLost,
        Fault::DoubledLink,
        Fault::GatewayTimeout,
    ]
    .map(Some)
    .into();
    let mut side = world.side();
    let no_key = side
        .export(&world.exporting(6, "1.mbz"), &mut unwatched)
        .await
        .unwrap_err();
    assert_eq!(no_key.code, "NoBundleKey");
    drop(side);
    StackSide::make_key(&world.config, &world.environment, false).unwrap();

    let (mut side, read) = (world.side(), Arc::new(AtomicI32::new(0)));
    let in_use = StackSide::open(&world.config, &world.environment).unwrap_err();
    assert_eq!(in_use.code, "BundlesInUse");
    let (exporting, counted) = (world.exporting(6, "1.mbz"), Arc::clone(&read));
    let task = tokio::spawn(async move {
        side.export(&exporting, &mut |step| {
            counted.store(step.hours_read, Ordering::SeqCst);
            // Killed here: what comes after this never happens.
            assert!(step.hours_read < 3);
        })
        .await
    });
    assert!(task.await.unwrap_err().is_panic());
    assert_eq!(read.load(Ordering::SeqCst), 3);
    assert!(!world.out("1.mbz").exists());
    world.stack.state.lock().unwrap().asked.clear();

    let made = world
        .side()
        .export(&world.exporting(6, "1.mbz"), &mut unwatched)
        .await
        .unwrap();
    let asked: Vec<Hour> = (3..6).map(|hours| world.hour(hours)).collect();
    assert_eq!(
        world.hours_asked(),
        asked,
        "what was read completely is not read again"
    );
    assert_eq!((made.records, made.sequence, made.window.hours()), (54, 1, 6));
    let mut file = BundleFile::open(&world.out("1.mbz")).unwrap();
    let mut records = 0;
    for number in 1..=made.parts {
        let (part, content) = file.part(number).unwrap();
        assert_eq!(part.hour, world.hour(i32::try_from(number).unwrap() - 1));
        assert!(content.bytes.starts_with(b"{\"id\":\"i\""));
        records += u64::from(part.records);
    }
    assert_eq!(records, made.records);
    assert!(file.directory().unwrap().is_some());

    let there = world
        .side()
        .export(&world.exporting(7, "1.mbz"), &mut unwatched)
        .await
        .unwrap_err();
    assert_eq!(there.code, "FileExists");
    let second = world
        .side()
        .export(&world.exporting(7, "2.mbz"), &mut unwatched)
        .await
        .unwrap();
    assert_eq!((second.sequence, second.window.start()), (2, world.hour(6)));
    let file = BundleFile::open(&world.out("2.mbz")).unwrap();
    assert_eq!(file.manifest().previous, Some(made.digest));
    let future = world.exporting(100_000, "3.mbz");
    let future = world.side().export(&future, &mut unwatched).await.unwrap_err();
    assert_eq!(future.code, "NotOverYet");

    // Another life of the registration begins anew, with the same hours.
    world.activate(NEXT_LIFE);
    let anew = world
        .side()
        .export(&world.exporting(6, "anew.mbz"), &mut unwatched)
        .await
        .unwrap();
    assert_eq!(
        (anew.sequence, anew.window.start(), anew.records),
        (1, world.start, 54)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn another_stack_than_that_of_the_key_is_not_exported() {
    let world = World::new().await;
    world.activate(LIFE);
    let other = "/subscriptions/x/resourceGroups/g/providers/Microsoft.AzureStack/registrations/AzureStack-0c3f1bd2-9c7e-4d1a-8a55-0a4a6a1c2f10";
    world.stack.state.lock().unwrap().registration = Some(other.to_owned());
    StackSide::make_key(&world.config, &world.environment, false).unwrap();
    world.hours_over(2).await;
    let refused = world
        .side()
        .export(&world.exporting(1, "1.mbz"), &mut unwatched)
        .await
        .unwrap_err();
    assert_eq!(refused.code, "ForeignStack");
    assert!(!world.out("1.mbz").exists());
    assert!(world.side().bundles().is_empty());
}
