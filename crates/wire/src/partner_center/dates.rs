//! Days, in the order of ISO 8601 or of a culture. A time behind the date is passed over: lines are of days.

use std::str::FromStr;

use domain::reconciliation::Days;
use domain::time::{Day, Period};

use super::UnreadableLineItems;

/// The order of day and month, where a date does not begin with the year.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DateOrder {
    /// `31/10/2026`
    DayFirst,
    /// `10/31/2026`
    MonthFirst,
}

impl FromStr for DateOrder {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "dayFirst" => Ok(Self::DayFirst),
            "monthFirst" => Ok(Self::MonthFirst),
            _ => Err("expected dayFirst or monthFirst"),
        }
    }
}

/// In which order the dates of a file are; none if all begin with the year. What proves it: a date that is none in the
/// other order, or that all dates are in the month in one order and not in the other.
pub(super) fn conclusion<'a>(
    dates: impl Iterator<Item = &'a str>,
    period: Period,
    chosen: Option<DateOrder>,
) -> Result<Option<DateOrder>, UnreadableLineItems> {
    let month = Days::of(period);
    let mut open: Option<&str> = None;
    let orders = [DateOrder::DayFirst, DateOrder::MonthFirst];
    let (mut is_possible, mut is_in_month) = ([true; 2], [true; 2]);
    for date in dates {
        if date.is_empty() || read(date, None).is_some() {
            continue;
        }
        let days = orders.map(|order| read(date, Some(order)));
        if days == [None, None] {
            continue;
        }
        open = open.or(Some(date));
        for (index, day) in days.into_iter().enumerate() {
            is_possible[index] &= day.is_some();
            // Charges end on the day after the month at the latest.
            let last = Day::from_epoch_days(month.last.epoch_days() + 1);
            is_in_month[index] &= day.is_some_and(|day| month.first <= day && day <= last);
        }
    }
    let Some(open) = open else {
        return Ok(None);
    };
    if chosen.is_some() {
        return Ok(chosen);
    }
    for proof in [is_possible, is_in_month] {
        match proof {
            [true, false] => return Ok(Some(DateOrder::DayFirst)),
            [false, true] => return Ok(Some(DateOrder::MonthFirst)),
            _ => {}
        }
    }
    Err(UnreadableLineItems::new(format!(
        "dates such as '{open}' do not say whether the day or the month comes first: say with dateOrder which it is"
    )))
}

/// Reads a day; one that does not begin with its year only if the order is known.
pub(super) fn read(text: &str, order: Option<DateOrder>) -> Option<Day> {
    let date = text.split(['T', 't', ' ']).next()?;
    let mark = date.chars().find(|letter| !letter.is_ascii_digit())?;
    if !matches!(mark, '-' | '/' | '.') {
        return None;
    }
    let mut parts = date.split(mark);
    let (first, second, third) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let (year, month, day) = match (first.len(), order) {
        (4, _) => (first, second, third),
        (_, Some(DateOrder::DayFirst)) => (third, second, first),
        (_, Some(DateOrder::MonthFirst)) => (third, first, second),
        (_, None) => return None,
    };
    let is_number = |text: &str, length: usize| {
        (1..=length).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    let is_date = year.len() == 4 && is_number(year, 4) && is_number(month, 2) && is_number(day, 2);
    is_date
        .then(|| format!("{year}-{month:0>2}-{day:0>2}").parse().ok())
        .flatten()
}
