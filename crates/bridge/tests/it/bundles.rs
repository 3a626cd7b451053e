//! Bundles of a stack: read completely, gone on with where it was, and joined.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI32, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bridge::bundle::{BundleFile, Exporting, StackSide, Step};
use bridge::{Appender, Clock, Disk, Environment, LocalDisk, Trouble};
use domain::time::{Hour, Timestamp};
use wire::stack_admin::SubscriptionList;

use crate::stack_stub::{CLOUD, Fault, local_subscription};
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
            after: None,
            again: None,
            leave_out_earlier: false,
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
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

fn unwatched(_: Step) {}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_could_have_seen_which_bundles_have_arrived_while_the_next_one_is_made() {
    let world = World::new().await;
    world.activate(LIFE);
    world.report_hours(3, 3);
    world.hours_over(4).await;
    StackSide::make_key(&world.config, &world.environment, false).unwrap();
    let mut side = world.side();
    side.export(&world.exporting(3, "1.mbz"), &mut unwatched)
        .await
        .unwrap();
    let listed = || StackSide::list(&world.config, &world.environment).unwrap();
    assert_eq!(listed(), side.bundles(), "somebody is at them");
    drop(side);
    assert_eq!(listed().len(), 1);
    // Nor does a bridge run for such a stack.
    let status = bridge::read_status(&world.config.spool_directory).unwrap_err();
    assert!(status.advice.contains("meterbridge bridge bundles"), "{status}");
}

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

/// The hours of the parts of a bundle, each once, and its records.
fn held(path: &Path) -> (Vec<Hour>, usize) {
    let mut file = BundleFile::open(path).unwrap();
    let (mut hours, mut records) = (Vec::new(), 0);
    for number in 1..=file.manifest().parts.len() {
        let (part, content) = file.part(number).unwrap();
        hours.push(part.hour);
        records += content.bytes.iter().filter(|byte| **byte == b'\n').count();
    }
    hours.dedup();
    (hours, records)
}

#[tokio::test(flavor = "multi_thread")]
async fn usage_that_came_late_for_hours_of_an_earlier_bundle_is_in_the_next_one_and_not_lost() {
    let world = World::new().await;
    world.activate(LIFE);
    world.report_hours(10, 2);
    world.hours_over(11).await;
    StackSide::make_key(&world.config, &world.environment, false).unwrap();
    let mut side = world.side();
    let first = side
        .export(&world.exporting(6, "1.mbz"), &mut unwatched)
        .await
        .unwrap();
    assert_eq!((first.read_again_from, first.records), (None, 12));
    world.report_late(5, 77);
    world.report_late(1, 78);
    let second = side
        .export(&world.exporting(8, "2.mbz"), &mut unwatched)
        .await
        .unwrap();
    let hours = |from: i32, to: i32| (from..to).map(|it| world.hour(it)).collect::<Vec<_>>();
    assert_eq!(second.window.start(), world.hour(6), "the windows join");
    assert_eq!(
        second.read_again_from,
        Some(world.hour(3)),
        "as many as the bridge looks back at"
    );
    assert_eq!(held(&world.out("2.mbz")), (hours(3, 8), 11));
    assert_eq!(second.records, 11);

    let asking = |again| Exporting {
        again: Some(world.hour(again)),
        ..world.exporting(9, "3.mbz")
    };
    for beside in [8, 9, -20_000] {
        let refused = side.export(&asking(beside), &mut unwatched).await.unwrap_err();
        assert_eq!(refused.code, "InvalidWindow", "{beside}");
    }
    let third = side.export(&asking(1), &mut unwatched).await.unwrap();
    assert_eq!(third.read_again_from, Some(world.hour(1)));
    assert_eq!(held(&world.out("3.mbz")), (hours(1, 9), 18));
    let left_out = Exporting {
        leave_out_earlier: true,
        ..world.exporting(10, "4.mbz")
    };
    let refused = side.export(&left_out, &mut unwatched).await.unwrap_err();
    assert_eq!(refused.code, "NothingLeftOut");
}

/// Exports until so many hours were read, and is killed then.
async fn broken_off(world: &World, exporting: &Exporting, hours: i32) {
    let (mut side, exporting) = (world.side(), exporting.clone());
    let task = tokio::spawn(async move {
        side.export(&exporting, &mut |step| assert!(step.hours_read < hours))
            .await
    });
    assert!(task.await.unwrap_err().is_panic());
}

/// The file of this name, however deep it is in a folder.
fn found(folder: &Path, name: &str) -> Option<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut paths = entries.map(|it| it.unwrap().path());
    paths.find_map(|path| match path.is_dir() {
        true => found(&path, name),
        false => path.ends_with(name).then_some(path),
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_that_was_damaged_before_the_export_went_on_would_have_made_a_bundle_that_nobody_can_take() {
    let world = World::new().await;
    world.activate(LIFE);
    world.report_hours(6, 9);
    world.hours_over(7).await;
    StackSide::make_key(&world.config, &world.environment, false).unwrap();
    let exporting = world.exporting(6, "1.mbz");
    broken_off(&world, &exporting, 3).await;
    let part = format!("{}-1.zst", world.hour(1).epoch_hours());
    let part = found(&world.config.spool_directory, &part).unwrap();
    let mut content = std::fs::read(&part).unwrap();
    let middle = content.len() / 2;
    content[middle] ^= 1;
    std::fs::write(&part, content).unwrap();
    world.stack.state.lock().unwrap().asked.clear();
    let made = world.side().export(&exporting, &mut unwatched).await.unwrap();
    let asked: Vec<Hour> = [1, 3, 4, 5].map(|hours| world.hour(hours)).into();
    assert_eq!(
        world.hours_asked(),
        asked,
        "the damaged hour and those not read yet"
    );
    let mut file = BundleFile::open(&world.out("1.mbz")).unwrap();
    for number in 1..=made.parts {
        file.part(number).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_broken_off_export_had_read_would_have_been_carried_for_hours_that_were_to_be_read_again() {
    let world = World::new().await;
    world.activate(LIFE);
    world.report_hours(10, 2);
    // So late that what was read of any hour passes for what will not change any more.
    world.hours_over(30).await;
    StackSide::make_key(&world.config, &world.environment, false).unwrap();
    world
        .side()
        .export(&world.exporting(6, "1.mbz"), &mut unwatched)
        .await
        .unwrap();
    let again = Exporting {
        again: Some(world.hour(3)),
        ..world.exporting(8, "2.mbz")
    };
    // Another command reads those hours, and is broken off.
    broken_off(&world, &world.exporting(8, "2.mbz"), 5).await;
    world.report_late(4, 77);
    // And then the same one.
    broken_off(&world, &again, 4).await;
    world.report_late(5, 78);
    // What it read of the hours that are new is good.
    world.stack.state.lock().unwrap().asked.clear();
    let made = world.side().export(&again, &mut unwatched).await.unwrap();
    let asked: Vec<Hour> = [3, 4, 5, 7].map(|hours| world.hour(hours)).into();
    assert_eq!(world.hours_asked(), asked);
    assert_eq!(made.records, 5 * 2 + 2, "both that came late");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_export_to_another_hour_had_read_is_not_taken_for_what_this_one_reads() {
    let world = World::new().await;
    world.activate(LIFE);
    world.report_hours(10, 2);
    world.hours_over(30).await;
    StackSide::make_key(&world.config, &world.environment, false).unwrap();
    broken_off(&world, &world.exporting(6, "1.mbz"), 3).await;
    world.report_late(1, 77);
    let made = world
        .side()
        .export(&world.exporting(5, "1.mbz"), &mut unwatched)
        .await
        .unwrap();
    assert_eq!(made.records, 5 * 2 + 1);
}

/// A disk of a process that is killed when it has kept, or is about to keep, what is remembered of bundles for the n-th
/// time from now.
#[derive(Default)]
struct Dying {
    before: AtomicU32,
    after: AtomicU32,
}

impl Dying {
    fn comes_to(countdown: &AtomicU32) {
        if countdown.load(Ordering::SeqCst) > 0 {
            assert!(countdown.fetch_sub(1, Ordering::SeqCst) > 1, "killed");
        }
    }
}

impl Disk for Dying {
    fn make_directory(&self, path: &Path) -> io::Result<()> {
        LocalDisk.make_directory(path)
    }

    fn names(&self, directory: &Path) -> io::Result<Vec<String>> {
        LocalDisk.names(directory)
    }

    fn length(&self, path: &Path) -> io::Result<Option<u64>> {
        LocalDisk.length(path)
    }

    fn read(&self, path: &Path, from: u64, length: usize) -> io::Result<Vec<u8>> {
        LocalDisk.read(path, from, length)
    }

    fn append_to(&self, path: &Path) -> io::Result<Box<dyn Appender>> {
        LocalDisk.append_to(path)
    }

    fn truncate(&self, path: &Path, length: u64) -> io::Result<()> {
        LocalDisk.truncate(path, length)
    }

    fn replace(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        let is_memory = path.ends_with("bundles.json");
        if is_memory {
            Self::comes_to(&self.before);
        }
        LocalDisk.replace(path, content)?;
        if is_memory {
            Self::comes_to(&self.after);
        }
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        LocalDisk.remove(path)
    }
}

async fn killed_in_export(world: &World, to: i32, out: &str) {
    let (mut side, exporting) = (world.side(), world.exporting(to, out));
    let task = tokio::spawn(async move { side.export(&exporting, &mut unwatched).await });
    assert!(task.await.unwrap_err().is_panic());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_before_the_file_has_its_name_leaves_no_hours_behind_in_a_bundle_that_nobody_has() {
    let dying = Arc::new(Dying::default());
    let world = World::with(Arc::clone(&dying) as Arc<dyn Disk>, None).await;
    world.activate(LIFE);
    world.report_hours(4, 1);
    world.hours_over(5).await;
    StackSide::make_key(&world.config, &world.environment, false).unwrap();

    // Remembered, and killed before anybody could see the file.
    dying.after.store(1, Ordering::SeqCst);
    killed_in_export(&world, 2, "1.mbz").await;
    assert!(!world.out("1.mbz").exists());
    assert_eq!(world.side().bundles()[0].state, "givenUp");
    assert!(!world.out("1.mbz.unfinished").exists(), "what was left is gone");
    let again = world
        .side()
        .export(&world.exporting(2, "1.mbz"), &mut unwatched)
        .await
        .unwrap();
    assert_eq!((again.sequence, again.window.start()), (1, world.start));

    // The file has its name, and was killed before that was remembered: it may be on its way.
    dying.before.store(2, Ordering::SeqCst);
    killed_in_export(&world, 3, "2.mbz").await;
    assert!(world.out("2.mbz").exists());
    let states: Vec<_> = world.side().bundles().iter().map(|it| it.state).collect();
    assert_eq!(states, ["givenUp", "outstanding", "outstanding"]);
    let next = world
        .side()
        .export(&world.exporting(4, "3.mbz"), &mut unwatched)
        .await
        .unwrap();
    assert_eq!((next.sequence, next.window.start()), (3, world.hour(3)));
}

struct Standing(Timestamp);

impl Clock for Standing {
    fn now(&self) -> Timestamp {
        self.0
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_exports_too_early_would_look_for_what_is_wrong_with_the_window() {
    let world = World::new().await;
    world.activate(LIFE);
    world.hours_over(4).await;
    StackSide::make_key(&world.config, &world.environment, false).unwrap();
    let half_past = world.hour(3).start() + Duration::from_secs(30 * 60);
    let environment = Environment {
        clock: Arc::new(Standing(half_past)),
        ..world.environment.clone()
    };
    let mut side = StackSide::open(&world.config, &environment).unwrap();
    let asking = |out| Exporting {
        to: None,
        ..world.exporting(3, out)
    };
    let made = side.export(&asking("1.mbz"), &mut unwatched).await.unwrap();
    assert_eq!(made.window.end(), world.hour(3));
    let refused = side.export(&asking("2.mbz"), &mut unwatched).await.unwrap_err();
    assert_eq!(refused.code, "NoNewHour");
    let (when, margin) = (world.hour(4).to_string(), "15 minutes more");
    assert!(
        refused.advice.contains(&when) && refused.advice.contains(margin),
        "{refused}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_that_waits_for_its_stack_would_look_as_if_it_hung() {
    let world = World::new().await;
    world.activate(LIFE);
    world.report_hours(2, 3);
    world.hours_over(3).await;
    StackSide::make_key(&world.config, &world.environment, false).unwrap();
    let told = Arc::new(Mutex::new(Vec::new()));
    let watcher = Arc::clone(&told);
    let mut side = world.side().watched_by(Arc::new(move |trouble: &Trouble| {
        watcher.lock().unwrap().push(trouble.code.clone().into_owned());
    }));
    world.stack.state.lock().unwrap().faults =
        [Fault::GatewayTimeout, Fault::GatewayTimeout].map(Some).into();
    side.export(&world.exporting(2, "1.mbz"), &mut unwatched)
        .await
        .unwrap();
    assert_eq!(
        *told.lock().unwrap(),
        ["StackBusy"],
        "once for as long as it is the same"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_came_while_a_bundle_was_made_stays_and_the_bundle_is_taken_back() {
    let world = World::new().await;
    world.activate(LIFE);
    world.hours_over(4).await;
    StackSide::make_key(&world.config, &world.environment, false).unwrap();
    let mut side = world.side();
    for (attempt, theirs) in ["theirs", ""].into_iter().enumerate() {
        let name = format!("{attempt}.mbz");
        let out = world.out(&name);
        let (exporting, mut in_between) = (world.exporting(2, &name), |_| {
            std::fs::write(&out, theirs).unwrap();
        });
        let refused = side.export(&exporting, &mut in_between).await.unwrap_err();
        assert_eq!(refused.code, "FileExists");
        assert_eq!(
            std::fs::read(&out).unwrap(),
            theirs.as_bytes(),
            "even an empty one"
        );
        assert_eq!(side.bundles()[attempt].state, "givenUp");
    }
    let made = side
        .export(&world.exporting(2, "other.mbz"), &mut unwatched)
        .await
        .unwrap();
    assert_eq!((made.sequence, made.window.start()), (1, world.start));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_on_a_stick_that_was_taken_out_is_not_made_a_second_time() {
    let dying = Arc::new(Dying::default());
    let world = World::with(Arc::clone(&dying) as Arc<dyn Disk>, None).await;
    world.activate(LIFE);
    world.hours_over(4).await;
    StackSide::make_key(&world.config, &world.environment, false).unwrap();
    let (stick, elsewhere) = (world.out("stick"), world.out("carried-away"));
    std::fs::create_dir(&stick).unwrap();
    // The file has its name, which nobody could remember before the stick was out.
    dying.before.store(2, Ordering::SeqCst);
    killed_in_export(&world, 2, "stick/1.mbz").await;
    std::fs::rename(&stick, &elsewhere).unwrap();

    let mut side = world.side();
    assert_eq!(side.bundles()[0].state, "outstanding");
    let exporting = world.exporting(3, "2.mbz");
    let refused = side.export(&exporting, &mut unwatched).await.unwrap_err();
    assert_eq!(refused.code, "BundleUnsettled");
    std::fs::rename(&elsewhere, &stick).unwrap();
    let made = side.export(&exporting, &mut unwatched).await.unwrap();
    assert_eq!((made.sequence, made.window.start()), (2, world.hour(2)));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_entry_of_the_directory_that_nobody_can_read_does_not_cost_all_bundles() {
    let world = World::new().await;
    world.activate(LIFE);
    world.hours_over(3).await;
    StackSide::make_key(&world.config, &world.environment, false).unwrap();
    {
        let mut state = world.stack.state.lock().unwrap();
        let unreadable = local_subscription(&"x".repeat(257));
        let readable = local_subscription("web").replace("5144634d", "6144634d");
        state.local_subscriptions = format!("{unreadable},{readable}");
    }
    let exporting = world.exporting(2, "1.mbz");
    let made = world.side().export(&exporting, &mut unwatched).await.unwrap();
    assert_eq!(made.unlisted.len(), 1);
    assert!(made.unlisted[0].contains("displayName"), "{:?}", made.unlisted);
    let mut file = BundleFile::open(&world.out("1.mbz")).unwrap();
    let carried = file.directory().unwrap().unwrap().bytes;
    let carried: SubscriptionList = serde_json::from_slice(&carried).unwrap();
    let listed = carried.into_domain().expect("the platform takes it");
    assert_eq!(listed[0].1.name, "web");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_platform_that_was_restored_from_a_backup_gets_again_what_it_does_not_know_any_more() {
    let world = World::new().await;
    world.activate(LIFE);
    world.hours_over(5).await;
    StackSide::make_key(&world.config, &world.environment, false).unwrap();
    let mut side = world.side();
    for (to, out) in [(2, "1.mbz"), (3, "2.mbz"), (4, "3.mbz")] {
        side.export(&world.exporting(to, out), &mut unwatched)
            .await
            .unwrap();
    }
    let after = |number| Exporting {
        restart: true,
        after: Some(number),
        ..world.exporting(4, "again.mbz")
    };
    let refused = side.export(&after(7), &mut unwatched).await.unwrap_err();
    assert_eq!(refused.code, "BundleNotKnown");
    let made = side.export(&after(1), &mut unwatched).await.unwrap();
    assert_eq!((made.sequence, made.window.start()), (2, world.hour(2)));
    let states: Vec<_> = side.bundles().iter().map(|it| it.state).collect();
    assert_eq!(states, ["outstanding", "givenUp", "givenUp", "outstanding"]);
}
