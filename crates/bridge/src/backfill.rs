//! What somebody asks for while the bridge runs, in a file in the folder of the stack: to read a range of reported time, to
//! take all of them back, or to give up what the server lost.
//!
//! Whoever asks may be root while the bridge is somebody who may do little, and the folder is the bridge's. So neither
//! side follows a link there, opens what the other one left half done, or takes the word of anybody else.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, fchown};
use std::path::{Path, PathBuf};

use domain::time::{Hour, HourInterval};

use crate::cursor::{BACKFILLS_MAX, Cursor};
use crate::disk::Disk;
use crate::range::Backfill;
use crate::spool::{Spool, SpoolError};
use crate::trouble::Trouble;
use crate::waypoints::Hours;

/// Where in the directory of the spool the stacks have their folders.
pub(crate) const STACKS: &str = "stacks";
const FILE: &str = "backfill.request";
/// The most bytes of the file: more ranges of hours than ever wait.
const BYTES_MAX: u64 = 1 << 18;
/// What is in the file instead of hours when all that waits is taken back.
const STOP: &str = "stop";
/// The first line when what is read by itself is given up. The ranges that were shown follow, one in each line.
const GIVE_UP_LOST: &str = "give up lost";
/// The most hours of a range: a year.
const HOURS_MAX: i32 = 366 * 24;
/// No stack reported anything before this year: there was no Azure Stack.
const FIRST_YEAR: &str = "2016-01-01T00:00:00Z";
/// The mode of the file: it belongs to the bridge.
const FILE_MODE: u32 = 0o600;
const ROOT: u32 = 0;

/// Asks the bridge with this spool directory to read a range of reported time of a stack again. It is taken up within
/// seconds, and what can be seen of it is in [`crate::StackStatus::backfills`].
///
/// # Errors
/// [`Trouble`] if nobody can mean that range, there is no such stack, or a range that was asked for has not been taken up
/// yet, or what is there in its place is not the bridge's.
pub fn request_backfill(spool_directory: &Path, stack: &str, range: HourInterval) -> Result<(), Trouble> {
    must_be_meant(range)?;
    let text = format!("{} {}", range.start(), range.end());
    ask(spool_directory, stack, &text, replacing_nothing)
}

/// Asks the bridge with this spool directory to give up reading hours of a stack again that nobody asked for
/// ([`crate::StackStatus::read_by_itself`]): whatever of them the server does not have stays missing, and is not
/// declared as read. Of the hours that are named only those are given up that wait then, and no others. It is done
/// within seconds; [`crate::StackStatus::given_up`] says what it was.
///
/// # Errors
/// [`Trouble`] if there is no such stack, or something else was asked for that has not been taken up yet, or what is there in
/// the request's place is not the bridge's.
pub fn give_up_lost(spool_directory: &Path, stack: &str, hours: &[HourInterval]) -> Result<(), Trouble> {
    let mut text = GIVE_UP_LOST.to_owned();
    for range in hours {
        text.push_str(&format!("\n{} {}", range.start(), range.end()));
    }
    ask(spool_directory, stack, &text, replacing_nothing)
}

/// Whether hours of a stack are to be given up, by the bridge with this spool directory, and were not yet.
#[must_use]
pub fn waiting_to_give_up(spool_directory: &Path, stack: &str) -> bool {
    read(&stack_directory(spool_directory, stack))
        .is_ok_and(|text| text.is_some_and(|it| lines_to_give_up(&it).is_some()))
}

/// A request that is linked into its place: it replaces no other.
fn replacing_nothing(unfinished: &Path, path: &Path) -> io::Result<()> {
    fs::hard_link(unfinished, path)
}

/// Asks the bridge with this spool directory to read nothing again that it was asked to of a stack: what it has taken up, and
/// what it has not. It is done within seconds; [`crate::StackStatus::withdrawals`] says how often it was.
///
/// # Errors
/// [`Trouble`] if there is no such stack, or what is there in the request's place is not the bridge's.
pub fn withdraw_backfills(spool_directory: &Path, stack: &str) -> Result<(), Trouble> {
    ask(spool_directory, stack, STOP, |unfinished, path| {
        fs::rename(unfinished, path)
    })
}

/// Whether what was asked for is to be taken back, by the bridge with this spool directory, and was not yet.
#[must_use]
pub fn waiting_withdrawal(spool_directory: &Path, stack: &str) -> bool {
    read(&stack_directory(spool_directory, stack)).is_ok_and(|text| text.is_some_and(|it| it.trim() == STOP))
}

/// A range that somebody can mean.
fn must_be_meant(range: HourInterval) -> Result<(), Trouble> {
    let is_too_early = FIRST_YEAR
        .parse::<Hour>()
        .is_ok_and(|first| range.start() < first);
    if range.hours() <= HOURS_MAX && !is_too_early {
        return Ok(());
    }
    Err(Trouble::new(
        "InvalidWindow",
        format!(
            "From {} to {} nothing is read again: a range has at most {HOURS_MAX} hours, a year, and begins no earlier \
             than {FIRST_YEAR}, before which there was no Azure Stack.",
            range.start(),
            range.end()
        ),
        "See the year of `--from` and `--to`, or ask for one year after the other.",
    ))
}

/// Has a request in its place: written beside, so that the bridge never reads half of it.
fn ask(
    spool_directory: &Path,
    stack: &str,
    text: &str,
    place: impl FnOnce(&Path, &Path) -> io::Result<()>,
) -> Result<(), Trouble> {
    let directory = stack_directory(spool_directory, stack);
    let path = directory.join(FILE);
    let unfinished = directory.join(format!("{FILE}.{}.unfinished", std::process::id()));
    let written = write(&directory, &unfinished, text).and_then(|()| place(&unfinished, &path));
    let _ = fs::remove_file(&unfinished);
    written.map_err(|error| not_asked(&directory, &path, &error))
}

/// Writes a request into a new file that belongs to whom the folder does.
fn write(directory: &Path, unfinished: &Path, text: &str) -> io::Result<()> {
    let folder = fs::metadata(directory)?;
    let make = || {
        let mut options = OpenOptions::new();
        // A new file: whatever has that name is neither followed nor written to.
        options
            .write(true)
            .create_new(true)
            .mode(FILE_MODE)
            .open(unfinished)
    };
    let mut file = match make() {
        // Left behind by another process that had this one's number.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            fs::remove_file(unfinished)?;
            make()
        }
        made => made,
    }?;
    let own = file.metadata()?;
    if (own.uid(), own.gid()) != (folder.uid(), folder.gid()) {
        fchown(&file, Some(folder.uid()), Some(folder.gid()))?;
    }
    writeln!(file, "{text}")?;
    file.sync_all()
}

fn not_asked(directory: &Path, path: &Path, error: &io::Error) -> Trouble {
    match error.kind() {
        io::ErrorKind::NotFound => Trouble::new(
            "NoSuchStack",
            format!(
                "There is no spool {}: the bridge never ran for that stack.",
                directory.display()
            ),
            "See the name of the stack in the configuration, and that the bridge runs.",
        ),
        io::ErrorKind::AlreadyExists | io::ErrorKind::IsADirectory => match read(directory) {
            Err(NotARequest::Foreign(why)) => foreign(path, why),
            _ => Trouble::new(
                "BackfillWaits",
                "Something else was asked of this stack and is not taken up yet.",
                "See that the bridge runs, and ask again in a minute.",
            ),
        },
        _ => Trouble::new(
            "BackfillNotAsked",
            format!("{} cannot be written: {error}.", path.display()),
            "Ask as the user that the bridge runs as, or as root.",
        ),
    }
}

fn foreign(path: &Path, why: &str) -> Trouble {
    Trouble::new(
        "BackfillRequestForeign",
        format!(
            "{} is {why}: it was not made by `meterbridge bridge backfill`, and is not read.",
            path.display()
        ),
        "Remove it, see who may write in that folder (it should be the bridge's alone), and ask again.",
    )
}

/// What is there is not a request that can be read.
enum NotARequest {
    /// It belongs to somebody else, or leads elsewhere.
    Foreign(&'static str),
    Unreadable(io::Error),
}

impl From<io::Error> for NotARequest {
    fn from(error: io::Error) -> Self {
        Self::Unreadable(error)
    }
}

/// The text of the request that is there; none if nothing is.
fn read(directory: &Path) -> Result<Option<String>, NotARequest> {
    let path = directory.join(FILE);
    let there = match fs::symlink_metadata(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        there => there?,
    };
    if !there.is_file() {
        let is_link = there.is_symlink();
        let why = if is_link { "a link" } else { "no file" };
        return Err(NotARequest::Foreign(why));
    }
    if ![ROOT, fs::metadata(directory)?.uid()].contains(&there.uid()) {
        return Err(NotARequest::Foreign("a file of another user"));
    }
    let file = File::open(&path)?;
    let opened = file.metadata()?;
    if (opened.dev(), opened.ino()) != (there.dev(), there.ino()) {
        return Err(NotARequest::Foreign("another file than it was a moment ago"));
    }
    let mut text = Vec::new();
    file.take(BYTES_MAX).read_to_end(&mut text)?;
    Ok(Some(String::from_utf8_lossy(&text).into_owned()))
}

/// The folder of a stack.
pub(crate) fn stack_directory(spool_directory: &Path, stack: &str) -> PathBuf {
    spool_directory.join(STACKS).join(stack)
}

/// The range that was asked for and is not taken up yet, by the bridge with this spool directory.
#[must_use]
pub fn waiting_backfill(spool_directory: &Path, stack: &str) -> Option<HourInterval> {
    let text = read(&stack_directory(spool_directory, stack)).ok()??;
    range_in(&text)
}

/// What became of what somebody asked for.
pub(crate) enum Asked {
    /// There is nothing, or no room for another range.
    Nothing,
    /// It was taken up, as far as it was read before: the request is to be removed, when everybody can see that.
    TakenUp(Option<HourInterval>),
    /// All that waited was taken back. The same.
    Withdrawn,
    /// This, which was to be read by itself, was given up. The same.
    GivenUp(Hours),
    /// It is none that can be taken up, and is to be removed.
    Refused(Trouble),
    /// It cannot be read: somebody has to look.
    Unreadable(Trouble),
}

/// Takes up what somebody asked for, as far as it has been read before: what is newer is read anyway.
///
/// # Errors
/// [`SpoolError`] if the spool cannot take note of it: what is wrong with the request itself ends no reading.
pub(crate) fn take_up(directory: &Path, spool: &mut Spool) -> Result<Asked, SpoolError> {
    let path = directory.join(FILE);
    let text = match read(directory) {
        Ok(None) => return Ok(Asked::Nothing),
        Ok(Some(text)) => text,
        // What is removed is the name in the bridge's own folder, not what it leads to.
        Err(NotARequest::Foreign(why)) => return Ok(Asked::Refused(foreign(&path, why))),
        Err(NotARequest::Unreadable(cause)) => return Ok(Asked::Unreadable(unreadable(&path, &cause))),
    };
    if text.trim() == STOP {
        spool.change(Cursor::withdraw_backfills)?;
        return Ok(Asked::Withdrawn);
    }
    if let Some(mut lines) = lines_to_give_up(&text) {
        let shown = lines.try_fold(Hours::default(), |mut shown, line| {
            shown.add(range_in(line)?);
            Some(shown)
        });
        return match shown.filter(|it| !it.is_empty()) {
            Some(shown) => spool
                .change(|cursor| cursor.give_up_lost(&shown))
                .map(Asked::GivenUp),
            None => Ok(Asked::Refused(names_no_hours())),
        };
    }
    if spool.cursor().backfills.len() >= BACKFILLS_MAX {
        return Ok(Asked::Nothing);
    }
    let Some(range) = range_of(&text, spool.cursor().read_through) else {
        return Ok(Asked::TakenUp(None));
    };
    if let Err(trouble) = must_be_meant(range) {
        return Ok(Asked::Refused(trouble));
    }
    // Taken up before it is removed: if that fails, the same range is found again and is there already.
    spool.change(|cursor| {
        if !cursor.backfills.iter().any(|it| it.range == range) {
            cursor.backfills.push(Backfill::whole(range));
            cursor.refused.retain(|hour| !range.contains(*hour));
        }
    })?;
    Ok(Asked::TakenUp(Some(range)))
}

/// Removes a request.
///
/// # Errors
/// [`Trouble`] if it cannot be removed.
pub(crate) fn forget_request(disk: &dyn Disk, directory: &Path) -> Result<(), Trouble> {
    let path = directory.join(FILE);
    disk.remove(&path).map_err(|cause| unreadable(&path, &cause))
}

fn unreadable(path: &Path, cause: &io::Error) -> Trouble {
    Trouble::new(
        "BackfillRequestUnreadable",
        format!(
            "What is at {}, where it is asked for ranges, cannot be read or removed: {cause}. New hours are read all the same.",
            path.display()
        ),
        "Remove it, see who may write in that folder (it should be the bridge's alone), and ask again.",
    )
}

/// The ranges that are to be given up, one in each line, if that is what is asked.
fn lines_to_give_up(text: &str) -> Option<impl Iterator<Item = &str>> {
    let mut lines = text.trim().lines();
    (lines.next() == Some(GIVE_UP_LOST)).then_some(lines)
}

/// A command of an earlier version asks to give up whatever is lost by now.
fn names_no_hours() -> Trouble {
    Trouble::new(
        "HoursNotNamed",
        "It was asked to give up lost hours, and not said which: nothing was given up.",
        "Ask again with a `meterbridge` of the version of the bridge: it names the hours that it shows.",
    )
}

fn range_of(text: &str, read_through: Hour) -> Option<HourInterval> {
    let range = range_in(text)?;
    HourInterval::new(range.start(), range.end().min(read_through))
}

fn range_in(text: &str) -> Option<HourInterval> {
    let (from, to) = text.trim().split_once(' ')?;
    HourInterval::new(from.parse().ok()?, to.parse().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_read_before_is_read_again() {
        let hour = |text: &str| text.parse::<Hour>().unwrap();
        let through = hour("2026-10-02T00:00:00Z");
        let range = |text: &str| range_of(text, through).map(|it| it.to_string());
        assert_eq!(
            range("2026-10-01T00:00:00Z 2026-10-05T00:00:00Z\n").as_deref(),
            Some("[2026-10-01T00:00:00Z, 2026-10-02T00:00:00Z)")
        );
        for nothing in ["", "x y", "2026-10-03T00:00:00Z 2026-10-05T00:00:00Z"] {
            assert_eq!(range(nothing), None, "{nothing}");
        }
    }

    const FROM: &str = "2026-10-01T00:00:00Z";

    fn range() -> HourInterval {
        let from: Hour = FROM.parse().unwrap();
        HourInterval::new(from, from.plus(24)).unwrap()
    }

    /// A spool directory with the folder of a stack.
    fn spool() -> (tempfile::TempDir, PathBuf) {
        let spool = tempfile::tempdir().unwrap();
        let folder = stack_directory(spool.path(), "north");
        fs::create_dir_all(&folder).unwrap();
        (spool, folder)
    }

    #[test]
    fn a_request_is_for_the_bridge_alone_and_nothing_else_is_left_behind() {
        let (spool, folder) = spool();
        request_backfill(spool.path(), "north", range()).unwrap();
        let file = fs::metadata(folder.join(FILE)).unwrap();
        assert_eq!(file.mode() & 0o777, FILE_MODE);
        assert_eq!(file.uid(), fs::metadata(&folder).unwrap().uid());
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
        assert_eq!(waiting_backfill(spool.path(), "north"), Some(range()));
        let again = request_backfill(spool.path(), "north", range()).unwrap_err();
        assert_eq!(again.code, "BackfillWaits");
    }

    #[test]
    fn a_link_in_the_spool_would_have_let_whoever_planted_it_overwrite_a_file_of_roots() {
        let (spool, folder) = spool();
        let precious = spool.path().join("precious");
        fs::write(&precious, "keep me").unwrap();
        let unfinished = format!("{FILE}.{}.unfinished", std::process::id());
        for planted in [format!("{FILE}.unfinished"), unfinished] {
            std::os::unix::fs::symlink(&precious, folder.join(planted)).unwrap();
        }
        request_backfill(spool.path(), "north", range()).unwrap();
        assert_eq!(fs::read_to_string(&precious).unwrap(), "keep me");
        assert_eq!(waiting_backfill(spool.path(), "north"), Some(range()));
    }

    #[test]
    fn a_request_that_is_a_link_is_refused_by_who_asks_and_by_the_bridge() {
        let (spool, folder) = spool();
        let elsewhere = spool.path().join("elsewhere");
        fs::write(&elsewhere, format!("{FROM} {}", range().end())).unwrap();
        let path = folder.join(FILE);
        std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
        assert_eq!(waiting_backfill(spool.path(), "north"), None);
        let refused = request_backfill(spool.path(), "north", range()).unwrap_err();
        assert_eq!(refused.code, "BackfillRequestForeign", "{refused}");
        assert!(
            refused.message.contains("backfill.request is a link"),
            "{refused}"
        );
        let mut opened = opened(&folder);
        let asked = take_up(&folder, &mut opened).unwrap();
        assert!(matches!(asked, Asked::Refused(_)), "it is to be removed");
        assert_eq!(opened.cursor().backfills, []);
    }

    #[test]
    fn a_mistyped_year_would_have_kept_the_stack_busy_for_weeks() {
        let (spool, folder) = spool();
        let year = |text: &str| text.parse::<Hour>().unwrap();
        for (from, hours, meant) in [
            ("2015-12-31T23:00:00Z", 2, false),
            ("2016-01-01T00:00:00Z", HOURS_MAX + 1, false),
            ("2016-01-01T00:00:00Z", HOURS_MAX, true),
        ] {
            let range = HourInterval::new(year(from), year(from).plus(hours)).unwrap();
            let asked = request_backfill(spool.path(), "north", range);
            assert_eq!(asked.is_ok(), meant, "{from} {hours}: {asked:?}");
            if let Err(refused) = asked {
                assert_eq!(refused.code, "InvalidWindow", "{refused}");
            }
        }
        // Nor does the bridge take one up that another program wrote.
        let text = "2016-10-01T00:00:00Z 2026-10-01T00:00:00Z";
        fs::write(folder.join(FILE), text).unwrap();
        let mut opened = opened(&folder);
        let asked = take_up(&folder, &mut opened).unwrap();
        assert!(matches!(asked, Asked::Refused(_)));
        assert_eq!(opened.cursor().backfills, []);
    }

    #[test]
    fn ranges_that_could_not_be_taken_back_would_have_cost_the_spool_to_be_rid_of_them() {
        let (spool, folder) = spool();
        let mut opened = opened(&folder);
        request_backfill(spool.path(), "north", range()).unwrap();
        take_up(&folder, &mut opened).unwrap();
        assert_eq!(opened.cursor().backfills.len(), 1);
        forget_request(&crate::disk::LocalDisk, &folder).unwrap();
        opened
            .commit(|cursor| {
                cursor.backfills = vec![cursor.backfills[0]; BACKFILLS_MAX];
                cursor.refused.insert(range().start());
                cursor.lost = vec![cursor.backfills[0]];
            })
            .unwrap();
        // Also one that waits because there is no room for it.
        request_backfill(spool.path(), "north", range()).unwrap();
        assert!(matches!(take_up(&folder, &mut opened).unwrap(), Asked::Nothing));
        withdraw_backfills(spool.path(), "north").unwrap();
        assert!(waiting_withdrawal(spool.path(), "north"));
        assert_eq!(waiting_backfill(spool.path(), "north"), None);
        assert!(matches!(take_up(&folder, &mut opened).unwrap(), Asked::Withdrawn));
        let cursor = opened.cursor();
        assert!(cursor.backfills.is_empty() && cursor.refused.is_empty());
        assert_eq!(cursor.lost.len(), 1, "nobody asked for what the server lost");
        assert_eq!(cursor.withdrawals, 1);
    }

    #[test]
    fn what_the_server_lost_could_never_have_been_given_up_and_nobody_would_know_that_it_was() {
        let (spool, folder) = spool();
        let mut opened = opened(&folder);
        request_backfill(spool.path(), "north", range()).unwrap();
        let waits = give_up_lost(spool.path(), "north", &[range()]).unwrap_err();
        assert_eq!(waits.code, "BackfillWaits", "no request replaces another");
        take_up(&folder, &mut opened).unwrap();
        forget_request(&crate::disk::LocalDisk, &folder).unwrap();
        opened
            .change(|cursor| {
                cursor.lost = vec![Backfill {
                    next: range().start().plus(5),
                    ..Backfill::whole(range())
                }];
            })
            .unwrap();
        give_up_lost(spool.path(), "north", &[range()]).unwrap();
        assert!(waiting_to_give_up(spool.path(), "north"));
        let Asked::GivenUp(hours) = take_up(&folder, &mut opened).unwrap() else {
            panic!("it is taken up");
        };
        let left = HourInterval::new(range().start().plus(5), range().end()).unwrap();
        assert_eq!(hours.intervals().collect::<Vec<_>>(), [left]);
        let cursor = opened.cursor();
        assert_eq!((&cursor.lost[..], &cursor.given_up), (&[][..], &hours));
        assert_eq!(cursor.backfills.len(), 1, "what somebody asked for goes on");
    }

    #[test]
    fn hours_that_were_lost_after_somebody_agreed_would_have_been_given_up_unseen() {
        let (spool, folder) = spool();
        let mut opened = opened(&folder);
        let start = range().start();
        let hours = |from, to| HourInterval::new(start.plus(from), start.plus(to)).unwrap();
        let before_start = Backfill {
            is_before_start: true,
            ..Backfill::whole(hours(-6, 0))
        };
        opened
            .change(|cursor| {
                cursor.lost = vec![Backfill::whole(range())];
                cursor.backfills = vec![Backfill::whole(hours(-6, 0)), before_start];
                cursor.refuse(start.plus(40), false);
                cursor.refuse(start.plus(41), true);
            })
            .unwrap();
        let shown = [hours(-6, -2), hours(3, 5), hours(40, 42)];
        give_up_lost(spool.path(), "north", &shown).unwrap();
        assert!(waiting_to_give_up(spool.path(), "north"));
        let Asked::GivenUp(given_up) = take_up(&folder, &mut opened).unwrap() else {
            panic!("it is taken up");
        };
        let expected = [hours(-6, -2), hours(3, 5), hours(40, 41)];
        assert_eq!(given_up.intervals().collect::<Vec<_>>(), expected);
        let cursor = opened.cursor();
        let left = |ranges: &[Backfill]| ranges.iter().filter_map(Backfill::left).collect::<Vec<_>>();
        assert_eq!(
            left(&cursor.lost),
            [hours(0, 3), hours(5, 24)],
            "nobody was shown these"
        );
        assert_eq!(left(&cursor.backfills), [hours(-6, 0), hours(-2, 0)]);
        assert_eq!(
            cursor.refused,
            [start.plus(41)].into(),
            "somebody asked for that one"
        );
        assert!(cursor.refused_unasked.is_empty());
    }

    #[test]
    fn a_command_of_an_earlier_version_would_have_given_up_what_it_never_showed() {
        let (_spool, folder) = spool();
        let mut opened = opened(&folder);
        opened
            .change(|cursor| cursor.lost = vec![Backfill::whole(range())])
            .unwrap();
        for text in [GIVE_UP_LOST.to_owned(), format!("{GIVE_UP_LOST}\n{FROM} 2026-1")] {
            fs::write(folder.join(FILE), text).unwrap();
            let asked = take_up(&folder, &mut opened).unwrap();
            assert!(matches!(asked, Asked::Refused(it) if it.code == "HoursNotNamed"));
        }
        assert_eq!(opened.cursor().lost.len(), 1);
    }

    #[test]
    fn a_request_that_comes_while_an_hour_is_written_would_have_cost_the_hour() {
        let (spool, folder) = spool();
        let mut opened = opened(&folder);
        let frame = crate::frame::Frame {
            window: range().end(),
            through: None,
            key: uuid::Uuid::from_u128(7),
            records: 1,
            page: bytes::Bytes::from_static(b"page"),
        };
        opened.append(&frame).unwrap();
        request_backfill(spool.path(), "north", range()).unwrap();
        take_up(&folder, &mut opened).unwrap();
        opened.append(&frame).unwrap();
        opened
            .commit(|cursor| cursor.read_through = range().end().plus(1))
            .unwrap();
        assert_eq!(opened.batch(8).unwrap().len(), 2);
        assert_eq!(opened.cursor().backfills.len(), 1);
    }

    #[test]
    fn a_folder_in_the_place_of_the_request_is_said_to_be_there_by_who_asks() {
        let (spool, folder) = spool();
        fs::create_dir(folder.join(FILE)).unwrap();
        for asked in [
            request_backfill(spool.path(), "north", range()),
            withdraw_backfills(spool.path(), "north"),
        ] {
            assert_eq!(asked.unwrap_err().code, "BackfillRequestForeign");
        }
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
    }

    fn opened(folder: &Path) -> Spool {
        let cloud_id = "5bf881b2-6be7-42a1-9f47-d6fcb6737747".parse().unwrap();
        let disk = std::sync::Arc::new(crate::disk::LocalDisk);
        let mut opened = Spool::open(disk, folder, 1 << 20, (cloud_id, range().end())).unwrap();
        opened.begin().unwrap();
        opened
    }

    #[test]
    fn a_request_of_another_user_is_not_taken_up() {
        let (spool, folder) = spool();
        let path = folder.join(FILE);
        fs::write(&path, format!("{FROM} {}", range().end())).unwrap();
        let somebody = fs::metadata(&folder).unwrap().uid() + 1;
        if let Err(error) = std::os::unix::fs::chown(&path, Some(somebody), None) {
            eprintln!("RUN IN PART: only root can make a file of another user: {error}");
            return;
        }
        assert_eq!(waiting_backfill(spool.path(), "north"), None);
        let refused = request_backfill(spool.path(), "north", range()).unwrap_err();
        assert!(refused.message.contains("a file of another user"), "{refused}");
    }
}
