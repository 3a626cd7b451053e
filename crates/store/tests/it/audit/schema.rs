//! Something else than a value is changed: what the tables are made of.

use super::*;

/// What is done, and what is found.
type Planted = (&'static str, &'static [&'static str], &'static str);

const IN_THE_EMBEDDED_STORE: [Planted; 6] = [
    (
        "CREATE TRIGGER half AFTER INSERT ON batch BEGIN DELETE FROM observation; END",
        &["SchemaForeign"],
        "trigger half of batch: CREATE TRIGGER half AFTER INSERT ON batch",
    ),
    (
        "CREATE TABLE kept_aside (hour INTEGER)",
        &["SchemaForeign"],
        "table kept_aside",
    ),
    (
        "CREATE VIEW books.all_of_it AS SELECT * FROM entry",
        &["SchemaForeign"],
        "view all_of_it",
    ),
    (
        "DROP INDEX quarantine_of_text",
        &["SchemaMissing"],
        "index quarantine_of_text of quarantine: CREATE INDEX",
    ),
    (
        "DROP INDEX observation_by_hour; CREATE INDEX observation_by_hour ON observation (series)",
        &["SchemaChanged"],
        "(hour, series), found index observation_by_hour of observation",
    ),
    (
        "ALTER TABLE batch ADD COLUMN discount INTEGER NOT NULL DEFAULT 1",
        &["SchemaChanged"],
        "discount",
    ),
];

const ON_POSTGRESQL: [Planted; 11] = [
    (
        "CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
         CREATE TRIGGER half BEFORE INSERT ON observation FOR EACH ROW EXECUTE FUNCTION nothing()",
        &["SchemaForeign"],
        "trigger half on observation of observation: CREATE TRIGGER half BEFORE INSERT",
    ),
    (
        "CREATE RULE half AS ON INSERT TO quarantine DO INSTEAD NOTHING",
        &["SchemaForeign"],
        "rule half on quarantine of quarantine",
    ),
    (
        "CREATE POLICY half ON batch USING (stack <> 1)",
        &["SchemaForeign"],
        "policy half on batch of batch",
    ),
    (
        "DROP INDEX quarantine_of_text",
        &["SchemaMissing"],
        "index quarantine_of_text of quarantine: CREATE INDEX",
    ),
    (
        "ALTER TABLE batch DROP CONSTRAINT batch_stack_sequence_key",
        &["SchemaMissing"],
        "constraint batch_stack_sequence_key of batch: UNIQUE (stack, sequence)",
    ),
    (
        "ALTER TABLE batch ALTER received DROP NOT NULL",
        &["SchemaChanged"],
        "expected column received of batch: bigint not null, found column received of batch: bigint",
    ),
    (
        "ALTER TABLE batch ENABLE ROW LEVEL SECURITY",
        &["SchemaForeign"],
        "row security on batch of batch",
    ),
    (
        "ALTER TABLE hour_sheet_before_2015 FORCE ROW LEVEL SECURITY",
        &["SchemaForeign"],
        "row security on hour_sheet_before_2015 of hour_sheet",
    ),
    (
        "ALTER TABLE observation DISABLE TRIGGER ALL",
        &["SchemaForeign"],
        "observation_batch_fkey not enforced on observation of observation",
    ),
    (
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'quarantine_of_text'::regclass",
        &["SchemaChanged"],
        "(stack, raw_digest) invalid",
    ),
    // Somebody else's table is in nobody's way.
    ("CREATE TABLE of_somebody (id bigint)", &[], ""),
];

fn compare((planted, expected, place): Planted, report: &AuditReport, told: &mut String) {
    let (found, sentences) = (codes(report), sentences(report));
    let is_told = place.is_empty() || sentences.iter().any(|it| it.contains(place));
    if found != expected.iter().copied().collect() || !is_told {
        use std::fmt::Write as _;
        writeln!(told, "{planted}: {found:?} {sentences:#?}").unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_planted_in_the_embedded_store_would_change_bills_while_everything_agrees() {
    let (whole, mut told) = (filled().await, String::new());
    assert_eq!(codes(&audited(&embedded(whole.path()))), BTreeSet::new());
    for planted in IN_THE_EMBEDDED_STORE {
        let changed = copy_of(whole.path());
        execute(
            changed.path(),
            &format!("{}; UPDATE batch SET received = received", planted.0),
        );
        compare(planted, &audited(&embedded(changed.path())), &mut told);
    }
    assert!(told.is_empty(), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_planted_on_postgresql_would_change_bills_while_everything_agrees() {
    let (Some(database), mut told) = (filled_database().await, String::new()) else {
        return;
    };
    assert_eq!(codes(&audited(&database.config())), BTreeSet::new());
    for planted in ON_POSTGRESQL {
        let changed = copy_of_database(&database);
        changed.execute(planted.0);
        compare(planted, &audited(&changed.config()), &mut told);
    }
    assert!(told.is_empty(), "{told}");
}
