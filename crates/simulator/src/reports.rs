//! What is told in each reported-time window, in one fixed order that can be entered anywhere.

use std::collections::VecDeque;

use domain::time::Hour;

use crate::fate::REPORTED_WITHIN_HOURS;
use crate::malformed::Malformation;
use crate::stack::Stack;

/// The place of a report among all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    /// The hour of the reported time; with daily answers the first hour of the day.
    pub(crate) reported: Hour,
    /// The first hour of the usage.
    pub(crate) usage: Hour,
    /// The index of the series.
    pub(crate) series: usize,
    /// Of several reports of one record in one hour, which.
    pub(crate) part: u8,
}

impl Position {
    /// The place before everything that is reported from an hour on.
    pub(crate) const fn start_of(reported: Hour) -> Self {
        Self {
            reported,
            usage: Hour::MIN,
            series: 0,
            part: 0,
        }
    }
}

/// One item of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Report {
    pub(crate) at: Position,
    pub(crate) content: Content,
}

/// What an item says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    /// So many hundredths of the true quantity of an hour.
    Hour { hundredths: u8, respelled: bool },
    /// The true quantity of a UTC day.
    Day,
    /// Nothing that could be used.
    Malformed(Malformation),
}

/// The part of a malformed copy: after all reports of the record itself.
const MALFORMED_PART: u8 = u8::MAX;

/// The reports of single hours, with all faults.
#[derive(Debug)]
pub(crate) struct HourlyReports<'a> {
    stack: &'a Stack,
    /// Only of this local subscription.
    subscription: Option<usize>,
    /// What lies before has been told already.
    from: Position,
    /// The first hour whose reports are not wanted.
    end: Hour,
    /// The cell to look at next: one record in one window.
    cell: Position,
    /// What the last cell told and has not been taken yet.
    told: VecDeque<Report>,
}

impl<'a> HourlyReports<'a> {
    /// What is reported from a position on and before `end`.
    pub(crate) fn new(stack: &'a Stack, subscription: Option<usize>, from: Position, end: Hour) -> Self {
        let reported = stack.reported_interval();
        Self {
            stack,
            subscription,
            from,
            end: end.min(reported.end()),
            cell: if from.reported < reported.start() {
                Position::start_of(reported.start())
            } else {
                Position { part: 0, ..from }
            },
            told: VecDeque::new(),
        }
    }

    /// The next cell in which anything may be told. The step to the one after it is made.
    fn next_cell(&mut self) -> Option<Position> {
        let (month, series) = (self.stack.month(), self.stack.series.len());
        while self.cell.reported < self.end {
            let first = self.cell.reported.plus(-REPORTED_WITHIN_HOURS).max(month.start());
            if self.cell.usage < first {
                self.cell = Position {
                    usage: first,
                    series: 0,
                    ..self.cell
                };
            }
            if self.cell.usage >= self.cell.reported.min(month.end()) {
                self.cell = Position::start_of(self.cell.reported.plus(1));
                continue;
            }
            // Most old records have been told once and for all: nothing of them is looked at but their fate.
            let (usage, is_old) = (self.cell.usage, self.cell.reported > self.cell.usage.plus(1));
            let has_news =
                |index: &usize| !is_old || !self.stack.fate(*index, usage).is_plain(&self.stack.odds);
            if let Some(index) = (self.cell.series..series).find(has_news) {
                self.cell.series = index + 1;
                return Some(Position {
                    series: index,
                    ..self.cell
                });
            }
            self.cell = Position {
                usage: usage.plus(1),
                series: 0,
                ..self.cell
            };
        }
        None
    }

    /// Gathers what a cell tells.
    fn tell(&mut self, cell: Position) {
        let series = &self.stack.series[cell.series];
        if self.subscription.is_some_and(|only| only != series.subscription)
            || series.phase_at(cell.usage).is_none()
        {
            return;
        }
        let (odds, fate) = (&self.stack.odds, self.stack.fate(cell.series, cell.usage));
        let age = cell.reported.epoch_hours() - cell.usage.epoch_hours();
        for (telling, part) in fate
            .tellings(odds)
            .zip(0u8..)
            .filter(|(telling, _)| telling.after == age)
        {
            let content = Content::Hour {
                hundredths: telling.hundredths,
                respelled: fate.is_respelled(odds, part),
            };
            self.told.push_back(Report {
                at: Position { part, ..cell },
                content,
            });
        }
        if let Some(malformation) = fate.malformed(odds).filter(|_| age == 1) {
            let content = Content::Malformed(malformation);
            self.told.push_back(Report {
                at: Position {
                    part: MALFORMED_PART,
                    ..cell
                },
                content,
            });
        }
    }
}

impl Iterator for HourlyReports<'_> {
    type Item = Report;

    fn next(&mut self) -> Option<Report> {
        loop {
            match self.told.pop_front() {
                Some(report) if report.at >= self.from => return Some(report),
                Some(_) => {}
                None => {
                    let cell = self.next_cell()?;
                    self.tell(cell);
                }
            }
        }
    }
}

/// The reports of whole UTC days, each on the day after: the truth, without faults.
pub(crate) fn daily_reports(
    stack: &Stack,
    subscription: Option<usize>,
    from: Position,
    end: Hour,
) -> impl Iterator<Item = Report> {
    let month = stack.month();
    let first = from.reported.max(month.start().plus(24)).day().epoch_days();
    let last = end.min(month.end().plus(24)).day().epoch_days();
    let days = (first..last).map(|day| domain::time::Day::from_epoch_days(day).first_hour());
    let places = days.flat_map(move |reported| {
        (0..stack.series.len()).map(move |series| Position {
            reported,
            usage: reported.plus(-24),
            series,
            part: 0,
        })
    });
    places
        .skip_while(move |at| *at < from)
        .filter(move |at| subscription.is_none_or(|only| only == stack.series[at.series].subscription))
        .filter(move |at| stack.true_day(at.series, at.usage.day()).is_some())
        .map(|at| Report {
            at,
            content: Content::Day,
        })
}
