//! Asking before something is said of months that are closed: what was issued for them stays, and what it changes becomes
//! corrections.

use client::{Client, ClientError, InvoicesOf, StatusCode};
use domain::time::{Hour, Period};
use server::Clock as _;
use wire::api::{BillingPeriod, PeriodState};

use crate::agreement::agreed;
use crate::environment::SystemClock;
use crate::failure::Failure;
use crate::figures::counted;
use crate::printer::Printer;

/// The months that are named one by one.
const MONTHS_NAMED_MAX: usize = 6;

/// What is said of past months, and whose.
pub(super) struct Said<'a> {
    /// What it is, such as `These terms`.
    pub(super) what: &'a str,
    /// The first month.
    pub(super) from: &'a str,
    /// The first month after; none for all from then on.
    pub(super) to: Option<&'a str>,
    /// Whose invoices, where only those of one seller, or to one buyer, are.
    pub(super) of: InvoicesOf<'a>,
}

/// Goes on if no closed month is meant, or somebody agrees.
///
/// # Errors
/// If nobody agrees, or as the server answers.
pub(super) async fn agree(
    client: &Client,
    said: &Said<'_>,
    yes: bool,
    printer: &Printer,
) -> Result<(), Failure> {
    let touched = match client.periods().await {
        Ok(periods) => Touched::of(&periods, said),
        Err(ClientError::Refused(refusal)) if refusal.status == StatusCode::FORBIDDEN => {
            Touched::perhaps(said, Hour::containing(SystemClock.now()).period())
        }
        Err(error) => return Err(error.into()),
    };
    if touched.months.is_empty() {
        return Ok(());
    }
    let invoices = if said.of.seller.is_some() {
        let invoices = client.invoices(said.of).await?;
        let of_these = invoices.iter().filter(|it| touched.months.contains(&it.period));
        Some(of_these.count() as u64)
    } else {
        None
    };
    let text = touched.in_words(said, invoices);
    if yes {
        printer.note(&text);
        return Ok(());
    }
    printer.request(&text);
    agreed("Enter it?", false)
}

/// The months that are meant and closed.
#[derive(Debug, PartialEq, Eq)]
struct Touched {
    months: Vec<String>,
    /// Whether it is known that they are closed; whoever may not read that knows only that they are over.
    is_known: bool,
}

impl Touched {
    fn of(periods: &[BillingPeriod], said: &Said<'_>) -> Self {
        let closed = periods.iter().filter(|it| it.state != PeriodState::Open);
        let meant = closed.filter(|it| said.means(&it.period));
        Self {
            months: meant.map(|it| it.period.clone()).collect(),
            is_known: true,
        }
    }

    fn perhaps(said: &Said<'_>, this_month: Period) -> Self {
        let mut months = Vec::new();
        let mut month = said.from.parse::<Period>().ok();
        while let Some(over) = month.filter(|it| *it < this_month && said.means(&it.to_string())) {
            months.push(over.to_string());
            month = over.next();
        }
        Self {
            months,
            is_known: false,
        }
    }

    fn in_words(&self, said: &Said<'_>, invoices: Option<u64>) -> String {
        let months = match self.months.as_slice() {
            [first, .., last] if self.months.len() > MONTHS_NAMED_MAX => {
                format!("{first} to {last}")
            }
            months => months.join(", "),
        };
        let are = if self.is_known {
            "are closed"
        } else {
            "are over and may be closed"
        };
        let issued = match invoices {
            Some(0) => "No invoice was issued for them that you read.".to_owned(),
            Some(some) => format!("{} issued for them stay as they are.", counted(some, "invoice")),
            None => "Invoices that were issued for them stay as they are.".to_owned(),
        };
        format!(
            "{} also change what these months cost, which {are}: {months}. {issued} What changes becomes corrections on the \
             bills of the month that is closed next.",
            said.what
        )
    }
}

impl Said<'_> {
    fn means(&self, month: &str) -> bool {
        self.from <= month && self.to.is_none_or(|to| month < to)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn said<'a>(from: &'a str, to: Option<&'a str>) -> Said<'a> {
        Said {
            what: "These terms",
            from,
            to,
            of: InvoicesOf::default(),
        }
    }

    fn months(touched: &Touched) -> Vec<&str> {
        touched.months.iter().map(String::as_str).collect()
    }

    #[test]
    fn whoever_sets_terms_is_told_of_each_closed_month_and_of_no_other() {
        let periods: Vec<BillingPeriod> = serde_json::from_value(json!([
            { "period": "2026-08", "state": "closed" }, { "period": "2026-09", "state": "closed" },
            { "period": "2026-10", "state": "closing" }, { "period": "2026-11", "state": "open" },
        ]))
        .unwrap();
        for (from, to, expected) in [
            ("2026-01", None, &["2026-08", "2026-09", "2026-10"][..]),
            ("2026-09", None, &["2026-09", "2026-10"]),
            ("2026-09", Some("2026-10"), &["2026-09"]),
            ("2026-11", None, &[]),
        ] {
            assert_eq!(
                months(&Touched::of(&periods, &said(from, to))),
                expected,
                "{from}"
            );
        }
        let text = Touched::of(&periods, &said("2026-09", None)).in_words(&said("2026-09", None), Some(3));
        for told in [
            "2026-09, 2026-10",
            "3 invoices issued for them stay",
            "corrections",
        ] {
            assert!(text.contains(told), "{told}: {text}");
        }
    }

    #[test]
    fn who_may_not_read_what_is_closed_is_asked_of_every_month_that_is_over() {
        let this_month: Period = "2027-02".parse().unwrap();
        let touched = Touched::perhaps(&said("2026-12", None), this_month);
        assert_eq!(months(&touched), ["2026-12", "2027-01"]);
        assert!(
            touched
                .in_words(&said("2026-12", None), None)
                .contains("may be closed")
        );
        let later = Touched::perhaps(&said("2027-02", None), this_month);
        assert_eq!(months(&later), [""; 0]);
    }
}
