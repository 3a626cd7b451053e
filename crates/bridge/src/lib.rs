//! The bridge: on a stack's side, it takes usage from the stack's admin API to the server, exactly once, whatever breaks.
//!
//! Its one promise: nothing is lost or counted twice, and that a stack has reported through an hour is declared only when
//! every hour up to there was read completely, in order.
//!
//! ```text
//! stack ──▶ reading ──▶ spool ──▶ deliver ──▶ server
//!           schedule    cursor
//! ```
//!
//! - `schedule` says which hour of reported time is read next: new ones first; then the last ones again, those that the
//!   server lost, and those that somebody asked for take turns.
//! - `stack` asks the admin API, with patience, and reads the hour completely: page by page, whatever is wrong with the
//!   links between them.
//! - `spool` keeps the pages as they came, compressed, each with the idempotency key it will be delivered under. Only when
//!   all of an hour is durable does the `cursor` move.
//! - `deliver` sends them oldest first, until they are acknowledged. What declares how far the stack has reported goes
//!   alone, when everything before it was acknowledged.
//!
//! Everything that does not work is tried again, with waits that grow, for ever; what only somebody can set right is said
//! to be so ([`Ongoing::held`]), with what to do. Nothing is dropped. The clock, randomness, waiting and the disk are
//! passed in ([`Environment`]).

mod activation;
mod backfill;
mod bridge;
pub mod bundle;
mod check;
mod claims;
mod config;
mod connection;
mod cursor;
mod deliver;
mod depot;
mod directory;
mod disk;
mod environment;
mod files;
mod frame;
mod listings;
mod misread;
mod notices;
mod opening;
mod patience;
mod range;
mod reading;
mod requests;
mod schedule;
mod settings;
mod spool;
mod stack;
mod status;
mod trouble;
mod waypoints;

pub use backfill::{
    give_up_lost, request_backfill, waiting_backfill, waiting_to_give_up, waiting_withdrawal,
    withdraw_backfills,
};
pub use bridge::Bridge;
pub use check::{StackFound, UsageFound};
pub use config::{
    BridgeConfig, InvalidConfig, Key, LOOKBACK_HOURS_MAX, MARGIN_MINUTES_MAX, SPOOL_BYTES_MIN,
    STACK_NAME_CHARACTERS_MAX, STACKS_MAX, StackConfig,
};
pub use deliver::ServerAddress;
pub use disk::{Appender, Disk, LocalDisk};
pub use environment::{Clock, Environment, Pause, Random, RuntimeTimer, Timer};
pub use settings::{Overrides, ServerSettings, Settings, SpoolSettings, StackSettings, StatusSettings};
pub use stack::{Account, Admission, DirectoryAdmin, DirectoryName, Proof, StackAddress};
pub use status::{
    BackfillStatus, BridgeStatus, HoursStatus, Ongoing, Part, StackState, StackStatus, Totals, Watcher,
    read_status,
};
pub use trouble::Trouble;
