//! Figures as they are reported.

use std::time::Duration;

/// Records in a second.
pub fn rate(records: usize, took: Duration) -> f64 {
    records as f64 / took.as_secs_f64()
}

/// The processor time that a process has used so far, in seconds. Unlike elapsed time it says what work costs even
/// while something else keeps the machine busy.
pub fn processor_seconds(process: u32) -> f64 {
    ticks(process, Of::Itself) / TICKS_PER_SECOND
}

/// The same of a process and of all that it has started, those included that have ended.
pub fn processor_seconds_of_all(process: u32) -> f64 {
    let children = std::fs::read_to_string(format!("/proc/{process}/task/{process}/children"));
    let children = children.unwrap_or_default();
    let running: f64 = children
        .split_whitespace()
        .filter_map(|child| child.parse().ok())
        .map(|child| ticks(child, Of::Itself))
        .sum();
    (ticks(process, Of::ItselfAndEndedChildren) + running) / TICKS_PER_SECOND
}

/// The most memory that a process has held so far, in MiB.
pub fn memory_max(process: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let kilobytes = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|rest| rest.split_whitespace().next())
        .and_then(|text| text.parse::<f64>().ok());
    kilobytes.unwrap_or(f64::NAN) / 1024.0
}

/// What Linux counts processor time in, on every architecture.
const TICKS_PER_SECOND: f64 = 100.0;

#[derive(Clone, Copy)]
enum Of {
    Itself,
    ItselfAndEndedChildren,
}

fn ticks(process: u32, of: Of) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // The second field is the name in parentheses, which may hold blanks. User and system time are the 14th and 15th;
    // those of children that have ended follow.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let count = match of {
        Of::Itself => 2,
        Of::ItselfAndEndedChildren => 4,
    };
    fields
        .skip(11)
        .take(count)
        .filter_map(|field| field.parse::<f64>().ok())
        .sum()
}

/// The middle of several figures.
pub fn median(figures: &[f64]) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The figure that this part of all lie at or below.
pub fn percentile(figures: &[f64], part: f64) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    let index = ((sorted.len() as f64 * part).ceil() as usize).clamp(1, sorted.len().max(1)) - 1;
    sorted.get(index).copied().unwrap_or(f64::NAN)
}

/// A number with this many digits behind the point, and its thousands apart.
pub fn shown(number: f64, decimals: usize) -> String {
    let text = format!("{number:.decimals$}");
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let places = whole.len();
    let separated = whole.chars().enumerate().flat_map(|(place, digit)| {
        let comma = (place > 0 && (places - place).is_multiple_of(3)).then_some(',');
        comma.into_iter().chain([digit])
    });
    separated.chain(rest.chars()).collect()
}
