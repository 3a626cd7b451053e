//! The peer: PostgreSQL 15 merging the same rows, already parsed, by their natural key.
//!
//! A private server in a temporary directory, with its defaults but for a larger shared buffer and log, and durable
//! commits. Each batch is one transaction: `INSERT … SELECT unnest(…) ON CONFLICT DO NOTHING`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use domain::time::Hour;
use tokio_postgres::NoTls;

use crate::workload::{RECORDS_PER_BATCH, quantity_digits, series};

/// Connections that write at once.
const WRITERS: usize = 4;

/// A private PostgreSQL server, stopped when dropped.
pub struct Postgres {
    directory: tempfile::TempDir,
    binaries: PathBuf,
}

/// Why there is no peer to compare with.
pub type Missing = String;

impl Postgres {
    /// Starts a server.
    pub fn start() -> Result<Self, Missing> {
        let binaries =
            find_binaries().ok_or("PostgreSQL is not installed (Debian: apt-get install postgresql)")?;
        let directory = tempfile::Builder::new()
            .prefix("meterbridge-bench-pg")
            .tempdir()
            .map_err(|e| e.to_string())?;
        let server = Self { directory, binaries };
        server.hand_to_unprivileged_user()?;
        let data = server.data();
        server.run(
            "initdb",
            &[
                "-D",
                &data,
                "-A",
                "trust",
                "-U",
                "bench",
                "-E",
                "UTF8",
                "--no-sync",
            ],
        )?;
        let settings = format!(
            "-c listen_addresses='' -c unix_socket_directories='{}' -c shared_buffers=512MB -c max_wal_size=8GB",
            server.directory.path().display()
        );
        server.run(
            "pg_ctl",
            &[
                "-D",
                &data,
                "-w",
                "-l",
                &format!("{data}.log"),
                "-o",
                &settings,
                "start",
            ],
        )?;
        Ok(server)
    }

    fn data(&self) -> String {
        self.directory.path().join("data").display().to_string()
    }

    fn hand_to_unprivileged_user(&self) -> Result<(), Missing> {
        if is_root() {
            let path = self.directory.path();
            let status = Command::new("chown")
                .arg("postgres")
                .arg(path)
                .status()
                .map_err(|e| e.to_string())?;
            if !status.success() {
                return Err("there is no user 'postgres' to run the server as".to_owned());
            }
        }
        Ok(())
    }

    /// Runs one of PostgreSQL's programs as an unprivileged user: it refuses to run as root.
    fn run(&self, program: &str, arguments: &[&str]) -> Result<(), Missing> {
        let program = self.binaries.join(program);
        let mut command = if is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(&program);
            command
        } else {
            Command::new(&program)
        };
        command
            .args(arguments)
            .current_dir(self.directory.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        let status = command.status().map_err(|e| e.to_string())?;
        if status.success() {
            Ok(())
        } else {
            Err(format!("{} failed: {status}", program.display()))
        }
    }

    /// Merges the rows of these hours and tells how long it took.
    pub async fn merge(
        &self,
        series_count: usize,
        hours: &[Hour],
    ) -> Result<Duration, tokio_postgres::Error> {
        let config = format!(
            "host={} user=bench dbname=postgres",
            self.directory.path().display()
        );
        let (client, connection) = tokio_postgres::connect(&config, NoTls).await?;
        tokio::spawn(connection);
        client
            .batch_execute(
                "CREATE TABLE IF NOT EXISTS usage (hour int4, local_subscription uuid, local_meter uuid, \
                 resource_uri text, quantity numeric NOT NULL, \
                 PRIMARY KEY (hour, local_subscription, local_meter, resource_uri))",
            )
            .await?;
        let batches: Vec<(usize, Hour)> = hours
            .iter()
            .flat_map(|hour| {
                (0..series_count)
                    .step_by(RECORDS_PER_BATCH)
                    .map(move |first| (first, *hour))
            })
            .collect();
        // Rows are made before the clock starts: what is measured is the merge alone.
        let rows: Vec<Rows> = batches
            .iter()
            .map(|(first, hour)| Rows::new(*first, *hour))
            .collect();
        let rows = std::sync::Arc::new(rows);
        let next = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let started = Instant::now();
        let mut writers = tokio::task::JoinSet::new();
        for _ in 0..WRITERS {
            let (rows, next, config) = (rows.clone(), next.clone(), config.clone());
            writers.spawn(async move {
                let (client, connection) = tokio_postgres::connect(&config, NoTls).await?;
                tokio::spawn(connection);
                let statement = client
                    .prepare(
                        "INSERT INTO usage SELECT $1, s, m, u, q::numeric FROM unnest($2::uuid[], $3::uuid[], \
                         $4::text[], $5::text[]) AS t(s, m, u, q) ON CONFLICT DO NOTHING",
                    )
                    .await?;
                while let Some(rows) = rows.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed)) {
                    let Rows { hour, subscriptions, meters, uris, quantities } = rows;
                    client.execute(&statement, &[hour, subscriptions, meters, uris, quantities]).await?;
                }
                Ok::<_, tokio_postgres::Error>(())
            });
        }
        while let Some(writer) = writers.join_next().await {
            writer.expect("a writer does not panic")?;
        }
        Ok(started.elapsed())
    }

    /// Bytes on disk of the table and its index.
    pub async fn bytes(&self) -> Result<u64, tokio_postgres::Error> {
        let config = format!(
            "host={} user=bench dbname=postgres",
            self.directory.path().display()
        );
        let (client, connection) = tokio_postgres::connect(&config, NoTls).await?;
        tokio::spawn(connection);
        let bytes: i64 = client
            .query_one("SELECT pg_total_relation_size('usage')", &[])
            .await?
            .get(0);
        Ok(bytes.unsigned_abs())
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let data = self.data();
        // Nothing is left to be done about a server that does not stop.
        let _ = self.run("pg_ctl", &["-D", &data, "-m", "immediate", "stop"]);
    }
}

struct Rows {
    hour: i32,
    subscriptions: Vec<uuid::Uuid>,
    meters: Vec<uuid::Uuid>,
    uris: Vec<String>,
    quantities: Vec<String>,
}

impl Rows {
    fn new(first: usize, hour: Hour) -> Self {
        let mut rows = Self {
            hour: hour.epoch_hours(),
            subscriptions: vec![],
            meters: vec![],
            uris: vec![],
            quantities: vec![],
        };
        for number in first..first + RECORDS_PER_BATCH {
            let it = series(number);
            rows.subscriptions.push(it.local_subscription);
            rows.meters.push(it.local_meter);
            rows.uris.push(it.resource_uri);
            rows.quantities
                .push(format!("1.{:015}", quantity_digits(number, hour)));
        }
        rows
    }
}

fn is_root() -> bool {
    Path::new("/root").metadata().is_ok()
        && Command::new("id")
            .arg("-u")
            .output()
            .is_ok_and(|it| it.stdout == b"0\n")
}

fn find_binaries() -> Option<PathBuf> {
    let mut versions: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .ok()?
        .filter_map(|it| Some(it.ok()?.path().join("bin")))
        .collect();
    versions.sort();
    versions
        .into_iter()
        .rev()
        .find(|binaries| binaries.join("initdb").exists())
}
