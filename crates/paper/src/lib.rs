//! Bills on paper: an invoice, a credit note or the statement of a running month as CSV, HTML and PDF.
//!
//! A [`Paper`] holds every text and every exact number that is shown; what is made of it depends on nothing else. The
//! same paper has the same bytes: dates in it are its own.

mod csv;
mod html;
mod locale;
mod pdf;
#[cfg(test)]
mod sample;
mod shown;

use std::str::FromStr;

use domain::ids::SubscriptionId;
use domain::money::{Currency, Money};
use domain::profile::Locale;
use domain::quantity::Rational;
use domain::reckoning::Cause;
use domain::time::{Period, Timestamp};

pub use pdf::Unprintable;

/// A form in which bills are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A table for programs.
    Csv,
    /// A document for browsers.
    Html,
    /// A document for printers and archives.
    Pdf,
}

impl Form {
    /// Every form.
    pub const ALL: [Self; 3] = [Self::Csv, Self::Html, Self::Pdf];

    /// The form as it is written, and as names of its files end.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Html => "html",
            Self::Pdf => "pdf",
        }
    }

    /// Its media type.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Html => "text/html; charset=utf-8",
            Self::Pdf => "application/pdf",
        }
    }
}

/// A text that names no form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected csv, html or pdf")]
pub struct UnknownForm;

impl FromStr for Form {
    type Err = UnknownForm;

    fn from_str(text: &str) -> Result<Self, UnknownForm> {
        let same = |form: &Self| form.as_str().eq_ignore_ascii_case(text);
        Self::ALL.into_iter().find(same).ok_or(UnknownForm)
    }
}

/// What kind of bill it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The bill of a closed period.
    Invoice,
    /// The bill of a closed period by which the seller owes the buyer.
    CreditNote,
    /// What an open period comes to so far. It has no number and asks nobody to pay.
    RunningStatement,
}

/// Who sells or buys.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trader {
    /// The name.
    pub name: String,
    /// What it is known by where no address is: an id. Or the lines of its address.
    pub address: Vec<String>,
    /// The number that it is taxed under.
    pub tax_number: Option<String>,
}

/// What a line charges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineKind {
    /// Usage.
    Usage,
    /// The fee for the cores of a stack.
    CapacityFee,
    /// What usage and fees fall short of the commitment.
    MinimumCommitment,
    /// What is not charged.
    Credit,
    /// The tax on all of that.
    Tax,
}

impl LineKind {
    /// The kind as it is written in a table that programs read.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Usage => "Usage",
            Self::CapacityFee => "CapacityFee",
            Self::MinimumCommitment => "MinimumCommitment",
            Self::Credit => "Credit",
            Self::Tax => "Tax",
        }
    }
}

/// A part of a line that is charged at one price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// How much.
    pub quantity: Rational,
    /// What one unit costs, in the currency's major unit.
    pub unit_price: Rational,
}

/// What a reader may want to know of a line, beside its quantities and prices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Detail {
    /// Nothing more.
    Nothing,
    /// A text, such as the category of a meter.
    Text(String),
    /// On how many days a stack had how many cores, and what one costs in a year of so many days.
    Cores {
        /// Cores and days.
        days: Vec<(u32, u32)>,
        /// What a core costs in a year, in the currency's major unit.
        fee: Rational,
        /// The days of the year.
        days_of_year: i16,
    },
    /// What was committed to, and what was reached.
    Committed {
        /// The one.
        commitment: Money,
        /// The other.
        reached: Money,
    },
    /// What was granted.
    Granted(Money),
    /// The rate of a tax, and the amount that it is on.
    Taxed {
        /// In percent.
        percent: Rational,
        /// The amount.
        on: Money,
    },
}

/// What a line is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// What it charges.
    pub kind: LineKind,
    /// The subscription that pays; of what belongs to the whole account, none.
    pub subscription: Option<SubscriptionId>,
    /// What is charged, such as the name of a meter.
    pub name: String,
    /// What a reader may want to know of it.
    pub detail: Detail,
    /// The id of the meter or of the stack.
    pub of: Option<String>,
}

/// A line of the period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// What it is about.
    pub item: Item,
    /// How much, exactly, where there is a measure.
    pub quantity: Option<Rational>,
    /// The measure.
    pub unit: String,
    /// How much of it was included in the price.
    pub included: Option<Rational>,
    /// The prices, and how much each was for.
    pub steps: Vec<Step>,
    /// What it costs.
    pub amount: Money,
}

/// A line that sets right a closed period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Correction {
    /// The closed period.
    pub period: Period,
    /// What it is about.
    pub item: Item,
    /// What was billed for it so far.
    pub billed: Money,
    /// What it costs now.
    pub now: Money,
    /// The one less the other.
    pub amount: Money,
    /// Why.
    pub cause: Cause,
}

/// A subscription that pays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// Its id.
    pub id: SubscriptionId,
    /// Its name.
    pub name: String,
}

/// A resource, and what was charged for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub place: String,
    /// What was charged for it.
    pub amount: Money,
}

/// Everything that a bill shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paper {
    /// What kind of bill it is.
    pub kind: Kind,
    /// Its number; a statement has none.
    pub number: Option<String>,
    /// How numbers and dates are written.
    pub locale: Locale,
    /// Who sells.
    pub seller: Trader,
    /// Who buys.
    pub buyer: Trader,
    /// The period that it is for.
    pub period: Period,
    /// When it was issued; of a statement, up to when it counts.
    pub dated: Timestamp,
    /// The currency of every amount.
    pub currency: Currency,
    /// The subscriptions that lines and corrections are for, in order.
    pub subscriptions: Vec<Subscription>,
    /// The lines, in order.
    pub lines: Vec<Line>,
    /// The corrections, in order.
    pub corrections: Vec<Correction>,
    /// All lines and corrections but those of tax.
    pub subtotal: Money,
    /// Those of tax.
    pub tax: Money,
    /// The one and the other.
    pub total: Money,
    /// What the usage of each day of the period was charged, from its first day on. Empty where that is not known.
    pub days: Vec<Money>,
    /// The resources that most was charged for, the largest first. Empty where that is not known.
    pub resources: Vec<Resource>,
    /// The digest of the invoice, for whoever wants to compare it.
    pub digest: Option<String>,
}

impl Paper {
    /// The bill in one of the forms.
    ///
    /// # Errors
    /// As [`Paper::pdf`].
    pub fn rendered(&self, form: Form) -> Result<Vec<u8>, Unprintable> {
        match form {
            Form::Csv => Ok(self.csv().into_bytes()),
            Form::Html => Ok(self.html().into_bytes()),
            Form::Pdf => self.pdf(),
        }
    }

    /// What a file with the bill is called, without its ending.
    #[must_use]
    pub fn file_stem(&self) -> String {
        let number = self.number.clone();
        number.unwrap_or_else(|| format!("statement-{}-{}", self.period, self.currency))
    }

    /// The bill as a table of comma-separated values (RFC 4180), one row for each line and correction, and those of the
    /// totals. Numbers have a decimal point and no groups, whatever the locale.
    #[must_use]
    pub fn csv(&self) -> String {
        csv::render(self)
    }

    /// The bill as one HTML document that needs nothing else: no script, no font, no picture.
    #[must_use]
    pub fn html(&self) -> String {
        html::render(self)
    }

    /// The bill as a PDF, in the form that is fit for archives (PDF/A-2b).
    ///
    /// # Errors
    /// [`Unprintable`] if the PDF cannot be made.
    pub fn pdf(&self) -> Result<Vec<u8>, Unprintable> {
        pdf::render(self)
    }
}
