//! The peer: PostgreSQL 15 merging the same rows, already parsed, by their natural key.
//!
//! A private server in a temporary directory, with its defaults but for a larger shared buffer and log, and durable
//! commits. Each batch is one transaction: `INSERT … SELECT unnest(…) ON CONFLICT DO NOTHING`.

use std::time::{Duration, Instant};

use domain::time::Hour;
use private_postgres::{Missing, PrivatePostgres};
use tokio_postgres::NoTls;

use crate::workload::{RECORDS_PER_BATCH, quantity_digits, series};

/// Connections that write at once.
const WRITERS: usize = 4;

/// The server, stopped when dropped.
pub struct Postgres(PrivatePostgres);

impl Postgres {
    /// Starts a server.
    pub fn start() -> Result<Self, Missing> {
        PrivatePostgres::start(&["shared_buffers=512MB", "max_wal_size=8GB"]).map(Self)
    }

    /// Merges the rows of these hours and tells how long it took.
    pub async fn merge(
        &self,
        series_count: usize,
        hours: &[Hour],
    ) -> Result<Duration, tokio_postgres::Error> {
        let config = self.0.url("postgres");
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
        let config = self.0.url("postgres");
        let (client, connection) = tokio_postgres::connect(&config, NoTls).await?;
        tokio::spawn(connection);
        let bytes: i64 = client
            .query_one("SELECT pg_total_relation_size('usage')", &[])
            .await?
            .get(0);
        Ok(bytes.unsigned_abs())
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
