//! Which hours go into a bundle: those that follow on the last one, and some before them that are read again.

use domain::bundle::{BUNDLE_HOURS_MAX, Chain, NextBundle};
use domain::time::{Hour, HourInterval};
use jiff::SignedDuration;

use super::making::Exporting;
use super::side::StackSide;
use crate::trouble::Trouble;

/// Which hours are read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hours {
    /// Those of the bundle.
    pub(super) window: HourInterval,
    /// Those before them that are read again.
    pub(super) again: Option<HourInterval>,
    /// Whether somebody asked for those: then nothing that was read of them before will do.
    pub(super) is_again_asked: bool,
}

impl StackSide {
    /// The hours to be exported.
    pub(super) fn window(&self, asked: &Exporting, next: &NextBundle) -> Result<HourInterval, Trouble> {
        let start = next.start;
        if asked.leave_out_earlier && start.is_some() {
            return Err(Trouble::new(
                "NothingLeftOut",
                "This is not the first bundle: it begins where the last one ended, and leaves nothing out.",
                "Leave --leave-out-earlier out.",
            ));
        }
        if let (Some(start), Some(from)) = (start, asked.from)
            && start != from
        {
            return Err(Trouble::new(
                "BundleNotJoined",
                format!("The last bundle ended at {start}, so the next one begins there, and not at {from}."),
                "Leave --from out. If bundles without a receipt were lost, begin again after the last one that has one, \
                 with --restart.",
            ));
        }
        let now = self.environment.clock.now();
        let first_of_month = || Hour::containing(now).period().interval().start();
        let from = start
            .or(asked.from)
            .or(self.stack.start)
            .unwrap_or_else(first_of_month);
        let margin = SignedDuration::try_from(self.stack.margin).unwrap_or(SignedDuration::ZERO);
        let over = Hour::containing(now.saturating_sub(margin).unwrap_or(now));
        let to = asked.to.unwrap_or(over);
        if to > over {
            return Err(Trouble::new(
                "NotOverYet",
                format!(
                    "The hours up to {to} are not all over, or have not been for long enough: {over} is."
                ),
                "Name an earlier --to, or leave it out.",
            ));
        }
        if start.is_some() && from == over && asked.to.is_none() {
            return Err(Trouble::new(
                "NoNewHour",
                format!(
                    "The last bundle ended at {from}, and no hour after it has been over for long enough."
                ),
                format!(
                    "Export again when the hour until {} is over, and {} minutes more.",
                    from.plus(1),
                    margin.as_secs() / 60
                ),
            ));
        }
        let window = HourInterval::new(from, to).filter(|it| it.hours() <= BUNDLE_HOURS_MAX);
        window.ok_or_else(|| {
            Trouble::new(
                "InvalidWindow",
                format!("There is no bundle from {from} to {to}: it has 1 to {BUNDLE_HOURS_MAX} hours."),
                "Name a --to that is later than that beginning, and not much later.",
            )
        })
    }

    /// The hours before the window that are read again, for what came late: as many as the bridge looks back at, or those
    /// that were asked for. Before what was read first there is nothing to look back at.
    pub(super) fn again(
        &self,
        asked: &Exporting,
        chain: &Chain,
        window: HourInterval,
    ) -> Result<Option<HourInterval>, Trouble> {
        let start = window.start();
        if let Some(from) = asked.again {
            let hours = HourInterval::new(from, start).filter(|it| it.hours() <= BUNDLE_HOURS_MAX);
            return hours.map(Some).ok_or_else(|| {
                Trouble::new(
                    "InvalidWindow",
                    format!(
                        "The hours from {from} on cannot be read again with a bundle that begins at {start}: it takes 1 to \
                         {BUNDLE_HOURS_MAX} of the hours before."
                    ),
                    "Name an --again that is before that beginning, and not much earlier.",
                )
            });
        }
        if chain.next().start.is_none() {
            return Ok(None);
        }
        let from = start.plus(-self.lookback());
        let from = chain.begins().map_or(from, |begins| begins.max(from));
        Ok(HourInterval::new(from, start))
    }

    pub(super) fn lookback(&self) -> i32 {
        i32::from(self.stack.lookback_hours)
    }
}
