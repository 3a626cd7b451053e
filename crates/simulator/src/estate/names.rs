//! Words that names are made of.

use crate::random::Random;

pub(super) const WORKLOADS: [&str; 14] = [
    "ledger",
    "warehouse",
    "shopfloor",
    "payroll",
    "imaging",
    "telemetry",
    "archive",
    "booking",
    "intranet",
    "dispatch",
    "laboratory",
    "reporting",
    "planning",
    "gateway",
];
pub(super) const STAGES: [&str; 4] = ["prod", "test", "stage", "dev"];
pub(super) const PEOPLE: [&str; 8] = ["ines", "joao", "mirek", "aisha", "tove", "kenji", "lucia", "omar"];
pub(super) const ROLES: [&str; 8] = ["web", "app", "sql", "cache", "jump", "build", "queue", "file"];

/// One of some words.
pub(super) fn pick(random: &mut Random, words: &[&'static str]) -> &'static str {
    random.pick(words).copied().unwrap_or_default()
}

/// So many hexadecimal digits, up to 16.
pub(super) fn hex(random: &mut Random, digits: usize) -> String {
    let mut text = format!("{:016x}", random.next());
    text.truncate(digits);
    text
}
