//! The peer of closing a month: DuckDB, which totals the same records as they are.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::workload::Spread;

/// What DuckDB's lines are made of beside the records: a local meter, and how it is charged, if it is.
pub struct Price {
    pub local_meter: String,
    pub charged: Option<Charged>,
}

/// The meter that a local meter is billed as, how many of its units one of the local meter's is, and what one costs.
pub struct Charged {
    pub meter: String,
    /// As `1` or `1/744`.
    pub factor: String,
    pub price: String,
}

/// The records of a month.
pub struct Month<'a> {
    pub series: usize,
    pub spread: Spread,
    pub first_hour: i32,
    pub hours: i32,
    pub prices: &'a [Price],
}

/// What DuckDB made of them.
pub struct Totals {
    /// Seconds of each round.
    pub seconds: Vec<f64>,
    /// How many lines there are.
    pub lines: u64,
    /// What they come to.
    pub total: String,
    /// The most memory that it held.
    pub mebibytes: f64,
}

/// DuckDB as it was installed.
pub struct DuckDb {
    program: PathBuf,
    packages: PathBuf,
}

impl DuckDb {
    /// Where it is, or what to do.
    pub fn find() -> Result<Self, String> {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let (folder, packages) = (here.join("peers/duckdb"), here.join("../../target/duckdb"));
        if !packages.exists() {
            let install = folder.join("install.sh");
            return Err(format!(
                "there is no DuckDB; install it with {}",
                install.display()
            ));
        }
        Ok(Self {
            program: folder.join("totals.py"),
            packages,
        })
    }

    /// Totals a month this often; the records are made before the clock starts.
    pub fn totals(&self, month: &Month<'_>, rounds: usize) -> Totals {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let price = |it: &Price| {
            let charged = it.charged.as_ref();
            json!({
                "localMeter": it.local_meter, "meter": charged.map(|it| &it.meter),
                "factor": charged.map(|it| &it.factor), "price": charged.map(|it| &it.price),
            })
        };
        let prices: Vec<Value> = month.prices.iter().map(price).collect();
        let told = json!({
            "series": month.series, "inARow": month.spread.in_a_row, "localSubscriptions": month.spread.local_subscriptions,
            "firstHour": month.first_hour, "hours": month.hours, "rounds": rounds, "threads": threads, "meters": prices,
        });
        let folder = tempfile::tempdir().expect("a directory");
        let mut process = Command::new("python3")
            .arg(&self.program)
            .arg(folder.path())
            .env("PYTHONPATH", &self.packages)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 runs");
        let mut input = process.stdin.take().expect("standard input is piped");
        writeln!(input, "{told}").expect("DuckDB's script listens");
        drop(input);
        let output = process.wait_with_output().expect("python3 ends");
        let answer: Value = serde_json::from_slice(&output.stdout).expect("DuckDB's script answers in JSON");
        let records = month.series * usize::try_from(month.hours).expect("hours of a month");
        assert_eq!(answer["records"], records, "every record was there");
        let seconds = answer["seconds"].as_array().expect("rounds").iter();
        Totals {
            seconds: seconds.map(|it| it.as_f64().expect("seconds")).collect(),
            lines: answer["lines"].as_u64().expect("a count"),
            total: answer["total"].as_str().expect("a sum").to_owned(),
            mebibytes: answer["mebibytes"].as_f64().expect("memory"),
        }
    }
}
