//! Lines that cannot be taken: where they go, and how they come in after all.

use super::*;

fn rejected_file(summary: &Summary, target: &Path) -> io::Result<Option<PathBuf>> {
    let mut lines = RejectedLines::begin(summary, target.to_owned()).unwrap();
    summary
        .read(|item| {
            if let Item::Rejected(rejected) = item {
                lines.add(&rejected).unwrap();
            }
            true
        })
        .unwrap();
    lines.keep()
}

#[test]
fn rejected_lines_can_be_mended_and_brought_in() {
    let folder = tempfile::tempdir().unwrap();
    for culture in [CULTURES[2], CULTURES[3], CULTURES[4]] {
        let in_one_line = |day, quantity| Usage {
            additional_info: String::new(),
            ..usage(day, 3, 1, quantity)
        };
        let whole = culture.line(&in_one_line(5, "1.5"));
        let bad = whole
            .replace("Static IP Address Usage", "x")
            .replace(METER, "no meter");
        let open = culture
            .line(&in_one_line(6, "2.5"))
            .trim_end_matches('"')
            .to_owned();
        let lines = [culture.line(&usage(20, 1, 1, "1.5")), bad, open];
        let path = culture.write(&folder, &lines);
        let target = folder.path().join(format!("{}.csv", culture.separator));
        let _ = fs::remove_file(&target);
        let summary = understood(&path).unwrap();
        assert_eq!(rejected_file(&summary, &target).unwrap(), Some(target.clone()));
        let (records, rejected) = read(&understood_in(&target, culture));
        assert_eq!((records.len(), rejected.len()), (0, 2), "{}", culture.name);
        let text = fs::read_to_string(&target).unwrap();
        let mended = format!("{}\"\"\"\r\n", text.replace("no meter", METER).trim_end());
        fs::write(&target, mended).unwrap();
        let (records, rejected) = read(&understood_in(&target, culture));
        assert_eq!(rejected, [], "{}", culture.name);
        let found: Vec<Usage> = records.iter().map(said).collect();
        assert_eq!(
            found,
            [in_one_line(5, "1.5"), in_one_line(6, "2.5")],
            "{}",
            culture.name
        );
    }
}

/// A file of few lines, which may prove nothing.
fn understood_in(path: &Path, culture: Culture) -> Summary {
    let choices = Choices {
        date_order: Some(DateOrder::DayFirst),
        decimal_comma: culture.comma,
        ..Choices::default()
    };
    Summary::understood(path, choices, |_| {}).unwrap()
}

#[test]
fn lines_that_somebody_mends_would_be_lost_under_those_that_are_rejected_later() {
    let folder = tempfile::tempdir().unwrap();
    let culture = CULTURES[2];
    let path = culture.write(&folder, &[culture.line(&usage(20, 1, 1, "many"))]);
    let target = rejected_beside(&path);
    assert_eq!(target, folder.path().join("usage.rejected.csv"));
    let summary = understood(&path).unwrap();
    assert_eq!(rejected_file(&summary, &target).unwrap(), Some(target.clone()));
    // The same lines once more are no loss.
    assert_eq!(rejected_file(&summary, &target).unwrap(), Some(target.clone()));
    let mended = fs::read_to_string(&target).unwrap().replace("many", "1");
    fs::write(&target, &mended).unwrap();
    let second = folder.path().join("usage.rejected-2.csv");
    for _ in 0..2 {
        assert_eq!(rejected_file(&summary, &target).unwrap(), Some(second.clone()));
    }
    assert_eq!(fs::read_to_string(&target).unwrap(), mended);
    assert!(fs::read_to_string(&second).unwrap().contains("many"));
    // And where nothing is rejected, no file is left behind.
    let good = culture.write(&folder, &[culture.line(&usage(20, 1, 1, "1"))]);
    assert_eq!(
        rejected_file(&understood(&good).unwrap(), &folder.path().join("none.csv")).unwrap(),
        None
    );
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
}

#[test]
fn what_of_rejected_lines_is_rejected_again_stands_beside_them_and_not_on_what_is_no_file() {
    for (path, expected) in [
        ("a/usage.csv", "a/usage.rejected.csv"),
        ("a/usage.rejected.csv", "a/usage.rejected.csv"),
        ("usage.rejected-12.csv", "usage.rejected.csv"),
        ("usage.rejected-of-may.csv", "usage.rejected-of-may.rejected.csv"),
        (".rejected.csv", ".rejected.rejected.csv"),
    ] {
        assert_eq!(rejected_beside(Path::new(path)), Path::new(expected), "{path}");
    }
    let folder = tempfile::tempdir().unwrap();
    let culture = CULTURES[2];
    let path = culture.write(&folder, &[culture.line(&usage(20, 1, 1, "many"))]);
    let target = folder.path().join("a-folder");
    fs::create_dir(&target).unwrap();
    let refused = rejected_file(&understood(&path).unwrap(), &target).unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        2,
        "and nothing stands beside it"
    );
}
