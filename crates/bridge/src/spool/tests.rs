//! The spool on a disk that is full, fails to sync, tears what it writes, and loses power.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use domain::time::HourInterval;
use proptest::prelude::*;
use tempfile::TempDir;
use uuid::Uuid;
use wire::api::KnownReceipt;

use super::*;
use crate::disk::LocalDisk;

const CLOUD: &str = "5bf881b2-6be7-42a1-9f47-d6fcb6737747";
const BYTES_MAX: u64 = 64 * 1024 * 1024;

/// What a disk does wrong, once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// A part of what is written fits, the rest does not.
    Full,
    /// Nothing is durable, and what was written is gone.
    Sync,
    /// The content is the old one.
    ReplaceNot,
    /// The content is the new one, and it is said that it is not.
    ReplaceButSayNot,
    Truncate,
    Remove,
}

#[derive(Default)]
struct Wear {
    fault: Option<Fault>,
    /// How much of each file is durable.
    durable: BTreeMap<PathBuf, u64>,
}

/// A disk that wears.
#[derive(Clone, Default)]
struct Shaky(Arc<Mutex<Wear>>);

impl Shaky {
    fn fails(&self, fault: Fault) -> bool {
        let mut wear = self.0.lock().unwrap();
        let now = wear.fault == Some(fault);
        if now {
            wear.fault = None;
        }
        now
    }

    /// What is left after the power was cut: of what was not synced a part, or something else.
    fn lose_power(&self, draw: u64) {
        let mut wear = self.0.lock().unwrap();
        wear.fault = None;
        for (path, durable) in &wear.durable {
            let Ok(content) = std::fs::read(path) else {
                continue;
            };
            let durable = usize::try_from(*durable).unwrap().min(content.len());
            let tail = content.len() - durable;
            let kept = if tail == 0 {
                0
            } else {
                usize::try_from(draw).unwrap_or(7) % (tail + 1)
            };
            let mut left = content[..durable + kept].to_vec();
            if draw.is_multiple_of(3) {
                left[durable..].fill(0);
            }
            std::fs::write(path, left).unwrap();
        }
    }
}

fn error() -> io::Error {
    io::Error::other("the disk is worn")
}

impl Disk for Shaky {
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
        let inner = LocalDisk.append_to(path)?;
        let length = LocalDisk.length(path)?.unwrap_or(0);
        self.0.lock().unwrap().durable.insert(path.to_owned(), length);
        Ok(Box::new(ShakyAppender {
            disk: self.clone(),
            path: path.to_owned(),
            inner,
        }))
    }

    fn truncate(&self, path: &Path, length: u64) -> io::Result<()> {
        if self.fails(Fault::Truncate) {
            return Err(error());
        }
        cut(path, length)
    }

    fn replace(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        if self.fails(Fault::ReplaceNot) {
            return Err(error());
        }
        // Never synced in truth: what is durable here is what this disk says, and tests do not wait for the real one.
        let unfinished = path.with_extension("unfinished");
        std::fs::write(&unfinished, content)?;
        std::fs::rename(&unfinished, path)?;
        if self.fails(Fault::ReplaceButSayNot) {
            return Err(error());
        }
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        if self.fails(Fault::Remove) {
            return Err(error());
        }
        self.0.lock().unwrap().durable.remove(path);
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

fn cut(path: &Path, length: u64) -> io::Result<()> {
    std::fs::OpenOptions::new()
        .write(true)
        .open(path)?
        .set_len(length)
}

struct ShakyAppender {
    disk: Shaky,
    path: PathBuf,
    inner: Box<dyn Appender>,
}

impl Appender for ShakyAppender {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.disk.fails(Fault::Full) {
            self.inner.append(&bytes[..bytes.len() / 2])?;
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        self.inner.append(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut wear = self.disk.0.lock().unwrap();
        if wear.fault == Some(Fault::Sync) {
            wear.fault = None;
            let durable = wear.durable[&self.path];
            cut(&self.path, durable)?;
            return Err(error());
        }
        let length = LocalDisk.length(&self.path)?.unwrap_or(0);
        wear.durable.insert(self.path.clone(), length);
        Ok(())
    }
}

fn start() -> Hour {
    "2026-10-01T00:00:00Z".parse().unwrap()
}

fn open(disk: &Shaky, directory: &TempDir) -> Result<Spool, SpoolError> {
    open_with(disk, directory, BYTES_MAX)
}

fn open_with(disk: &Shaky, directory: &TempDir, bytes_max: u64) -> Result<Spool, SpoolError> {
    let disk = Arc::new(disk.clone());
    Spool::open(
        disk,
        &directory.path().join("north"),
        bytes_max,
        (CLOUD.parse().unwrap(), start()),
    )
}

/// The frames of the hour that is read after these many.
fn frames(hour: usize, count: usize) -> Vec<Frame> {
    let window = start().plus(i32::try_from(hour).unwrap());
    let frame = |index: usize| Frame {
        window,
        through: (index + 1 == count).then(|| window.plus(1)),
        key: Uuid::from_u128(u128::try_from(hour * 1000 + index).unwrap()),
        records: 1,
        page: vec![u8::try_from(index).unwrap(); 100 + index].into(),
    };
    (0..count).map(frame).collect()
}

fn write(spool: &mut Spool, frames: &[Frame]) -> Result<(), SpoolError> {
    spool.begin()?;
    for frame in frames {
        spool.append(frame)?;
    }
    spool.commit(|cursor| cursor.read_through = cursor.read_through.plus(1))
}

/// Takes what is delivered next and acknowledges it.
fn deliver(spool: &mut Spool) -> Result<Vec<Frame>, SpoolError> {
    let batch = spool.batch(3)?;
    if let Some(last) = batch.last() {
        // What could not be written about it holds in the process all the same.
        let _ = spool.acknowledge(last.end, |cursor| {
            cursor.acknowledged_through = last.frame.through.or(cursor.acknowledged_through);
        });
    }
    Ok(batch.into_iter().map(|it| it.frame).collect())
}

#[derive(Debug, Clone)]
enum Act {
    Write(usize),
    Deliver,
    Break(Fault),
    LosePower(u64),
    Restart,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let fault = prop_oneof![
        Just(Fault::Full),
        Just(Fault::Sync),
        Just(Fault::ReplaceNot),
        Just(Fault::ReplaceButSayNot),
        Just(Fault::Truncate),
        Just(Fault::Remove),
    ];
    let act = prop_oneof![
        4 => (1usize..6).prop_map(Act::Write),
        3 => Just(Act::Deliver),
        3 => fault.prop_map(Act::Break),
        2 => any::<u64>().prop_map(Act::LosePower),
        1 => Just(Act::Restart),
    ];
    prop::collection::vec(act, 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn what_was_committed_is_delivered_in_order_whatever_the_disk_does(acts in acts()) {
        let (disk, directory) = (Shaky::default(), tempfile::tempdir().unwrap());
        let mut spool = open(&disk, &directory).unwrap();
        // The frames of every hour as they were committed, and those that may have been.
        let mut hours: Vec<Vec<Frame>> = Vec::new();
        let mut attempt: Option<Vec<Frame>> = None;
        let mut delivered: Vec<Frame> = Vec::new();
        for act in acts {
            match act {
                Act::Write(count) => {
                    let window = frames(hours.len(), count);
                    let begun = spool.begin();
                    let is_begun = begun.is_ok();
                    match begun.and_then(|()| write(&mut spool, &window)) {
                        Ok(()) => {
                            hours.push(window);
                            attempt = None;
                        }
                        Err(error) => {
                            prop_assert!(error.passes(), "{error}");
                            // What was not even begun left the one before where it may be.
                            if is_begun {
                                attempt = Some(window);
                            }
                        }
                    }
                }
                Act::Deliver => delivered.extend(deliver(&mut spool).unwrap()),
                Act::Break(fault) => disk.0.lock().unwrap().fault = Some(fault),
                Act::LosePower(_) | Act::Restart => {
                    drop(spool);
                    match act {
                        Act::LosePower(draw) => disk.lose_power(draw),
                        _ => disk.0.lock().unwrap().fault = None,
                    }
                    spool = open(&disk, &directory).unwrap();
                    let read = spool.cursor().read_through.epoch_hours() - start().epoch_hours();
                    let read = usize::try_from(read).unwrap();
                    if read > hours.len() {
                        // It was said to have failed, and happened.
                        hours.push(attempt.take().unwrap());
                    }
                    prop_assert_eq!(read, hours.len());
                }
            }
        }
        disk.0.lock().unwrap().fault = None;
        loop {
            let batch = deliver(&mut spool).unwrap();
            if batch.is_empty() {
                break;
            }
            delivered.extend(batch);
        }
        let all: Vec<Frame> = hours.concat();
        let keys: BTreeSet<Uuid> = delivered.iter().map(|it| it.key).collect();
        prop_assert_eq!(keys.len(), all.len(), "something was lost, or made up");
        // In order: what is delivered for the first time comes after everything before it.
        let mut first_times = BTreeSet::new();
        let new: Vec<Frame> = delivered.into_iter().filter(|it| first_times.insert(it.key)).collect();
        prop_assert_eq!(new, all);
        prop_assert_eq!(spool.bytes(), 0);
    }
}

#[test]
fn what_declares_how_far_was_reported_goes_alone_and_last() {
    let (disk, directory) = (Shaky::default(), tempfile::tempdir().unwrap());
    let mut spool = open(&disk, &directory).unwrap();
    write(&mut spool, &frames(0, 5)).unwrap();
    write(&mut spool, &frames(1, 1)).unwrap();
    let sizes: Vec<usize> = (0..5).map(|_| deliver(&mut spool).unwrap().len()).collect();
    assert_eq!(sizes, [3, 1, 1, 1, 0]);
}

#[test]
fn a_window_that_was_not_committed_is_never_delivered() {
    let (disk, directory) = (Shaky::default(), tempfile::tempdir().unwrap());
    let mut spool = open(&disk, &directory).unwrap();
    spool.begin().unwrap();
    spool.append(&frames(0, 2)[0]).unwrap();
    assert_eq!(spool.batch(3).unwrap(), []);
    drop(spool);
    let mut spool = open(&disk, &directory).unwrap();
    assert_eq!((spool.batch(3).unwrap().len(), spool.bytes()), (0, 0));
    write(&mut spool, &frames(0, 1)).unwrap();
    assert_eq!(deliver(&mut spool).unwrap(), frames(0, 1));
}

#[test]
fn a_window_of_which_a_part_was_not_written_cannot_be_committed() {
    let (disk, directory) = (Shaky::default(), tempfile::tempdir().unwrap());
    let mut spool = open(&disk, &directory).unwrap();
    spool.begin().unwrap();
    let window = frames(0, 3);
    spool.append(&window[0]).unwrap();
    disk.0.lock().unwrap().fault = Some(Fault::Full);
    assert!(spool.append(&window[1]).is_err());
    assert!(spool.append(&window[2]).is_err());
    assert!(
        spool
            .commit(|cursor| cursor.read_through = start().plus(1))
            .is_err()
    );
    write(&mut spool, &window).unwrap();
    assert_eq!(
        [deliver(&mut spool).unwrap(), deliver(&mut spool).unwrap()].concat(),
        window
    );
}

#[test]
fn a_cursor_that_was_written_although_it_was_said_not_to_be_is_set_right_before_anything_is_cut_off() {
    let (disk, directory) = (Shaky::default(), tempfile::tempdir().unwrap());
    let mut spool = open(&disk, &directory).unwrap();
    disk.0.lock().unwrap().fault = Some(Fault::ReplaceButSayNot);
    assert!(write(&mut spool, &frames(0, 4)).is_err());
    // Now the cursor on disk says that four frames hold, and the next attempt cuts them off and gets no further.
    spool.begin().unwrap();
    spool.append(&frames(0, 1)[0]).unwrap();
    drop(spool);
    disk.lose_power(1);
    let mut spool = open(&disk, &directory).unwrap();
    assert_eq!(spool.cursor().read_through, start());
    write(&mut spool, &frames(0, 4)).unwrap();
}

#[test]
fn damage_is_told_with_file_and_offset_and_nothing_is_passed_over() {
    let (disk, directory) = (Shaky::default(), tempfile::tempdir().unwrap());
    let mut spool = open(&disk, &directory).unwrap();
    for hour in 0..3 {
        write(&mut spool, &frames(hour, 2)).unwrap();
    }
    drop(spool);
    let path = directory.path().join("north").join(segment_name(1));
    let whole = std::fs::read(&path).unwrap();
    let second = frames(0, 2)[0].encode().unwrap().len();
    for at in [second, second + 5, second + HEAD_BYTES + 3, whole.len() - 1] {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x10;
        std::fs::write(&path, &damaged).unwrap();
        let error = open(&disk, &directory).err().unwrap();
        let SpoolError::Damaged { file, offset, .. } = &error else {
            panic!("{error}")
        };
        assert_eq!(*file, path);
        assert!(usize::try_from(*offset).unwrap() <= at, "{offset}");
        assert!(error.trouble().advice.contains("Nothing is lost"));
    }
    std::fs::write(&path, &whole[..whole.len() - 1]).unwrap();
    assert!(matches!(open(&disk, &directory), Err(SpoolError::Damaged { .. })));
    std::fs::write(&path, &whole).unwrap();
    assert!(open(&disk, &directory).is_ok());
    std::fs::remove_file(&path).unwrap();
    assert!(matches!(open(&disk, &directory), Err(SpoolError::Damaged { .. })));
}

#[test]
fn a_wrong_activation_key_at_the_first_start_would_have_cost_the_folder_of_the_stack() {
    let (disk, directory) = (Shaky::default(), tempfile::tempdir().unwrap());
    let path = directory.path().join("north");
    let other: CloudId = "e6135d07-4efa-439c-b899-24e03cbac5f9".parse().unwrap();
    let open_of_other = || {
        Spool::open(
            Arc::new(disk.clone()),
            &path,
            BYTES_MAX,
            (other, start().plus(-5)),
        )
    };
    let mut wrong = open_of_other().unwrap();
    // What it wrote was never committed: nothing of it is the right stack's.
    wrong.append(&frames(0, 1)[0]).unwrap();
    drop(wrong);
    let looked = Spool::look(&disk, &path, CLOUD.parse().unwrap());
    assert!(looked.unwrap().is_none(), "to the right stack it is a new one");
    disk.0.lock().unwrap().fault = Some(Fault::ReplaceNot);
    assert!(matches!(open(&disk, &directory), Err(SpoolError::Disk { .. })));
    let mut right = open(&disk, &directory).unwrap();
    let cursor = right.cursor().clone();
    assert_eq!(
        (cursor.cloud_id, cursor.start, cursor.read_through),
        (CLOUD.parse().unwrap(), start(), start())
    );
    assert_eq!(right.batch(10).unwrap(), []);
    write(&mut right, &frames(0, 2)).unwrap();
    drop(right);
    // From then on it is the right one's, whatever key comes.
    assert!(matches!(open_of_other(), Err(SpoolError::Foreign { .. })));
    assert!(matches!(
        Spool::look(&disk, &path, other),
        Err(SpoolError::Foreign { .. })
    ));
    let kept = open(&disk, &directory).unwrap().batch(1).unwrap();
    assert_eq!(kept[0].frame, frames(0, 2)[0]);
}

#[test]
fn a_spool_without_its_cursor_or_of_another_stack_is_refused() {
    let (disk, directory) = (Shaky::default(), tempfile::tempdir().unwrap());
    let mut spool = open(&disk, &directory).unwrap();
    write(&mut spool, &frames(0, 2)).unwrap();
    drop(spool);
    let other = "e6135d07-4efa-439c-b899-24e03cbac5f9".parse().unwrap();
    let path = directory.path().join("north");
    let opened = Spool::open(Arc::new(disk.clone()), &path, BYTES_MAX, (other, start()));
    assert!(matches!(opened, Err(SpoolError::Foreign { .. })));
    let cursor = std::fs::read(path.join(CURSOR)).unwrap();
    std::fs::write(path.join(CURSOR), &cursor[..cursor.len() / 2]).unwrap();
    assert!(matches!(open(&disk, &directory), Err(SpoolError::Cursor { .. })));
    std::fs::remove_file(path.join(CURSOR)).unwrap();
    assert!(matches!(open(&disk, &directory), Err(SpoolError::NoCursor(_))));
}

#[test]
fn a_full_spool_takes_nothing_more_until_something_was_acknowledged() {
    let (disk, directory) = (Shaky::default(), tempfile::tempdir().unwrap());
    let one = u64::try_from(frames(0, 1)[0].encode().unwrap().len()).unwrap();
    let mut spool = open_with(&disk, &directory, one + one / 2).unwrap();
    write(&mut spool, &frames(0, 1)).unwrap();
    spool.begin().unwrap();
    let next = &frames(1, 1)[0];
    assert!(matches!(
        spool.append(next),
        Err(SpoolError::Full { alone: false, .. })
    ));
    deliver(&mut spool).unwrap();
    spool.append(next).unwrap();
    assert!(matches!(
        spool.append(next),
        Err(SpoolError::Full { alone: true, .. })
    ));
    spool
        .commit(|cursor| cursor.read_through = start().plus(2))
        .unwrap();
    assert_eq!(deliver(&mut spool).unwrap(), std::slice::from_ref(next));
}

#[test]
fn segments_that_are_done_are_removed() {
    let (disk, directory) = (Shaky::default(), tempfile::tempdir().unwrap());
    let mut spool = open(&disk, &directory).unwrap();
    let large = |hour| {
        let mut window = frames(hour, 1);
        window[0].page = vec![7; usize::try_from(SEGMENT_BYTES).unwrap()].into();
        window
    };
    for hour in 0..3 {
        write(&mut spool, &large(hour)).unwrap();
    }
    let segments = || segments_in(&LocalDisk.names(&directory.path().join("north")).unwrap());
    assert_eq!(segments(), [1, 2, 3]);
    for left in [vec![2, 3], vec![3], vec![3]] {
        assert_eq!(deliver(&mut spool).unwrap().len(), 1);
        assert_eq!(segments(), left);
    }
    drop(spool);
    let mut spool = open(&disk, &directory).unwrap();
    write(&mut spool, &frames(3, 1)).unwrap();
    assert_eq!(deliver(&mut spool).unwrap(), frames(3, 1));
    assert_eq!(segments(), [4]);
}

fn known(sequence: u64) -> KnownReceipt {
    KnownReceipt {
        sequence,
        chain: [1; 32],
    }
}

/// A spool with three hours of three pages, of which two pages of the second hour are the last that was acknowledged.
fn acknowledged_into_the_second_hour(spool: &mut Spool) {
    for hour in 0..3 {
        write(spool, &frames(hour, 3)).unwrap();
    }
    for sequence in 1..=5 {
        let located = spool.batch(1).unwrap().remove(0);
        let (window, finishes) = (located.frame.window, located.frame.through.is_some());
        let known = [known(sequence)];
        spool
            .acknowledge(located.end, |cursor| {
                cursor
                    .waypoints
                    .acknowledged(&known, [window].into_iter(), finishes);
                cursor.acknowledged_through = located.frame.through.max(cursor.acknowledged_through);
            })
            .unwrap();
    }
}

#[test]
fn the_last_page_of_an_hour_would_declare_what_the_server_has_lost_of_it() {
    let (disk, directory) = (Shaky::default(), tempfile::tempdir().unwrap());
    let mut spool = open(&disk, &directory).unwrap();
    acknowledged_into_the_second_hour(&mut spool);
    let lost: Vec<_> = spool.go_back().unwrap().intervals().collect();
    assert_eq!(
        lost,
        [HourInterval::new(start().plus(1), start().plus(2)).unwrap()]
    );
    // Whatever happens to the bridge then.
    for _ in 0..2 {
        let delivered = spool.batch(9).unwrap();
        let declared: Vec<_> = delivered.iter().map(|it| it.frame.through).collect();
        assert_eq!(
            declared,
            [None, None, None],
            "the third hour is declared by its own last page, alone"
        );
        let [last, ..] = &delivered[..] else {
            unreachable!()
        };
        assert_ne!(last.frame.key, frames(1, 3)[2].key, "it is another delivery");
        spool = (drop(spool), open(&disk, &directory).unwrap()).1;
        assert_eq!(spool.batch(1).unwrap()[0].frame, last.frame);
        assert_eq!(spool.cursor().lost[0].next, start().plus(1));
    }
    // Of the hour before everything is there: nothing is read of it again.
    assert_eq!(spool.cursor().waypoints.newest(), [known(3)]);
    let end = spool.batch(9).unwrap()[2].end;
    spool.acknowledge(end, |_| ()).unwrap();
    assert_eq!(spool.batch(9).unwrap()[0].frame.through, Some(start().plus(3)));
}

#[test]
fn going_back_that_is_not_written_would_be_forgotten_by_a_crash_after_it_was_acted_on() {
    let (disk, directory) = (Shaky::default(), tempfile::tempdir().unwrap());
    let mut spool = open(&disk, &directory).unwrap();
    acknowledged_into_the_second_hour(&mut spool);
    let before = spool.cursor().clone();
    disk.0.lock().unwrap().fault = Some(Fault::ReplaceNot);
    assert!(spool.go_back().is_err());
    assert_eq!(*spool.cursor(), before);
    assert!(spool.batch(1).unwrap()[0].frame.through.is_some());
}
