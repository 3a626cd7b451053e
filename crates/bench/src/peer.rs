//! The peer: PostgreSQL merging the same rows, already parsed, by their natural key.
//!
//! It does so in two ways in turn, and whichever is faster is the one to compare with. Each batch is one durable
//! transaction; several connections write at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use domain::time::Hour;
use private_postgres::PrivatePostgres;
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, NoTls};

use crate::ingest::IN_FLIGHT;
use crate::workload::{MONTH, RECORDS_PER_BATCH, quantity_digits, series};

/// The database that it has to itself.
const DATABASE: &str = "peer";

/// How rows are merged.
#[derive(Clone, Copy)]
pub enum Merge {
    /// `INSERT … SELECT unnest(…) ON CONFLICT DO NOTHING`.
    Unnest,
    /// `COPY` into a table of the connection's own, and from there `INSERT … SELECT … ON CONFLICT DO NOTHING`.
    Copy,
}

impl Merge {
    pub const ALL: [Self; 2] = [Self::Unnest, Self::Copy];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Unnest => "PostgreSQL, the rows, unnest",
            Self::Copy => "PostgreSQL, the rows, COPY and INSERT",
        }
    }

    const fn table(self) -> &'static str {
        match self {
            Self::Unnest => "usage_unnest",
            Self::Copy => "usage_copy",
        }
    }
}

/// The server, stopped when nobody has it any more.
pub struct Peer(Arc<PrivatePostgres>);

impl Peer {
    /// Makes its tables on a server.
    pub fn on(server: Arc<PrivatePostgres>) -> Self {
        let execute = |database, sql: &str| {
            server
                .execute(database, sql)
                .expect("PostgreSQL makes the peer's tables")
        };
        execute("postgres", &format!("CREATE DATABASE {DATABASE}"));
        for merge in Merge::ALL {
            let table = merge.table();
            let create = format!(
                "CREATE TABLE {table} (hour int4, local_subscription uuid, local_meter uuid, resource_uri text,
                 quantity numeric NOT NULL, PRIMARY KEY (hour, local_subscription, local_meter, resource_uri))"
            );
            execute(DATABASE, &create);
        }
        Self(server)
    }

    /// Merges the rows of these hours and tells how long it took. Rows are made, and connections, before the clock
    /// starts: what is measured is the merge alone.
    pub async fn merge(&self, merge: Merge, series_count: usize, hours: &[Hour]) -> Duration {
        let firsts = || (0..series_count).step_by(RECORDS_PER_BATCH);
        let batches = hours
            .iter()
            .flat_map(|hour| firsts().map(move |first| Rows::new(first, *hour)));
        let batches: Arc<Vec<Rows>> = Arc::new(batches.collect());
        let mut writers = Vec::new();
        for _ in 0..IN_FLIGHT {
            writers.push(
                Writer::connect(&self.0.url(DATABASE), merge)
                    .await
                    .expect("a connection"),
            );
        }
        let next = Arc::new(AtomicUsize::new(0));
        let started = Instant::now();
        let mut writing = tokio::task::JoinSet::new();
        for mut writer in writers {
            let (batches, next) = (batches.clone(), next.clone());
            writing.spawn(async move {
                while let Some(rows) = batches.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let merged = writer.merge(rows).await.expect("PostgreSQL merges");
                    assert_eq!(merged as usize, RECORDS_PER_BATCH, "every row is new");
                }
            });
        }
        while let Some(writer) = writing.join_next().await {
            writer.expect("a writer does not fail");
        }
        started.elapsed()
    }

    /// Bytes on disk of the table that is merged into in this way, with its index.
    pub fn bytes(&self, merge: Merge) -> f64 {
        let size = format!("SELECT pg_total_relation_size('{}')", merge.table());
        let answer = self.0.execute(DATABASE, &size).expect("a size");
        answer.trim().parse().expect("a size is a number")
    }
}

/// A connection with what it needs.
struct Writer {
    client: Client,
    how: How,
}

enum How {
    Unnest(tokio_postgres::Statement),
    Copy {
        into: tokio_postgres::Statement,
        from: tokio_postgres::Statement,
    },
}

impl Writer {
    async fn connect(url: &str, merge: Merge) -> Result<Self, tokio_postgres::Error> {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
        tokio::spawn(connection);
        let table = merge.table();
        let how = match merge {
            Merge::Unnest => {
                let sql = format!(
                    "INSERT INTO {table} SELECT $1, s, m, u, q::numeric FROM unnest($2::uuid[], $3::uuid[], $4::text[],
                     $5::text[]) AS t(s, m, u, q) ON CONFLICT DO NOTHING"
                );
                How::Unnest(client.prepare(&sql).await?)
            }
            Merge::Copy => {
                let staging =
                    "CREATE TEMPORARY TABLE staging (hour int4, local_subscription uuid, local_meter uuid,
                               resource_uri text, quantity text) ON COMMIT DELETE ROWS";
                client.batch_execute(staging).await?;
                let from = format!(
                    "INSERT INTO {table} SELECT hour, local_subscription, local_meter, resource_uri, quantity::numeric
                     FROM staging ON CONFLICT DO NOTHING"
                );
                How::Copy {
                    into: client.prepare("COPY staging FROM STDIN (FORMAT binary)").await?,
                    from: client.prepare(&from).await?,
                }
            }
        };
        Ok(Self { client, how })
    }

    /// Merges a batch; returns how many of its rows were new.
    async fn merge(&mut self, rows: &Rows) -> Result<u64, tokio_postgres::Error> {
        let Rows {
            hour,
            subscriptions,
            meters,
            uris,
            quantities,
        } = rows;
        match &self.how {
            How::Unnest(statement) => {
                self.client
                    .execute(statement, &[hour, subscriptions, meters, uris, quantities])
                    .await
            }
            How::Copy { into, from } => {
                let transaction = self.client.transaction().await?;
                let types = [Type::INT4, Type::UUID, Type::UUID, Type::TEXT, Type::TEXT];
                let mut writer = Box::pin(BinaryCopyInWriter::new(transaction.copy_in(into).await?, &types));
                for row in 0..subscriptions.len() {
                    let values: [&(dyn tokio_postgres::types::ToSql + Sync); 5] = [
                        hour,
                        &subscriptions[row],
                        &meters[row],
                        &uris[row],
                        &quantities[row],
                    ];
                    writer.as_mut().write(&values).await?;
                }
                writer.as_mut().finish().await?;
                let merged = transaction.execute(from, &[]).await?;
                transaction.commit().await?;
                Ok(merged)
            }
        }
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
            let it = series(number, MONTH);
            rows.subscriptions.push(it.local_subscription);
            rows.meters.push(it.local_meter);
            rows.uris.push(it.resource_uri);
            rows.quantities
                .push(format!("1.{:015}", quantity_digits(number, hour)));
        }
        rows
    }
}
