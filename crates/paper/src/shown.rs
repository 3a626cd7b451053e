//! The words of a bill, which are the same in HTML and PDF.

use domain::ids::SubscriptionId;
use domain::money::{Money, MoneyError};
use domain::quantity::{Rational, decimal_text};
use domain::reckoning::Cause;
use domain::time::Period;

use crate::{Correction, Detail, Item, Kind, Line, LineKind, Paper, locale};

/// How many decimal places of a quantity are shown to people. Tables for programs have all of them.
const PLACES_SHOWN: usize = 4;
/// The decimal places of a number that has no end.
const PLACES_OF_ENDLESS: u32 = 12;

/// Lines of one subscription, or of the whole account.
pub(crate) struct Section<'a> {
    /// What it is called; none for the whole account.
    pub(crate) subscription: Option<(String, SubscriptionId)>,
    pub(crate) lines: Vec<&'a Line>,
    pub(crate) sum: Option<String>,
}

impl Paper {
    pub(crate) const fn title(&self) -> &'static str {
        match self.kind {
            Kind::Invoice => "Invoice",
            Kind::CreditNote => "Credit note",
            Kind::RunningStatement => "Statement",
        }
    }

    /// What nobody may overlook.
    pub(crate) fn warning(&self) -> Option<String> {
        (self.kind == Kind::RunningStatement).then(|| {
            format!(
                "This is not an invoice. It is the running statement of {}, as of {}. Amounts change until the month is \
                 closed; nothing is to be paid yet.",
                period(self.period),
                self.instant()
            )
        })
    }

    /// The facts beside the addresses, each with what it is.
    pub(crate) fn facts(&self) -> Vec<(&'static str, String)> {
        let number = self.number.clone().map(|number| match self.kind {
            Kind::CreditNote => ("Credit note number", number),
            Kind::Invoice | Kind::RunningStatement => ("Invoice number", number),
        });
        let date = match self.kind {
            Kind::RunningStatement => ("As of", self.instant()),
            Kind::Invoice | Kind::CreditNote => ("Date of issue", self.date()),
        };
        let rest = [
            date,
            ("Billing period", period(self.period)),
            ("Currency", self.currency.to_string()),
        ];
        number.into_iter().chain(rest).collect()
    }

    /// What the total is called.
    pub(crate) const fn total_name(&self) -> &'static str {
        match self.kind {
            Kind::Invoice => "Total due",
            Kind::CreditNote => "Total credited to you",
            Kind::RunningStatement => "Total so far",
        }
    }

    /// The sums, with what they are called, the total not among them.
    pub(crate) fn sums(&self) -> Vec<(String, Money)> {
        let sum = |amounts: &mut dyn Iterator<Item = (LineKind, Money)>| {
            let amounts = amounts.filter(|(kind, _)| *kind != LineKind::Tax);
            Money::checked_sum(self.currency, amounts.map(|(_, amount)| amount))
        };
        let of_lines = sum(&mut self.lines.iter().map(|it| (it.item.kind, it.amount)));
        let of_corrections = sum(&mut self.corrections.iter().map(|it| (it.item.kind, it.amount)));
        let mut sums = Vec::new();
        if let (false, Ok(of_lines), Ok(of_corrections)) =
            (self.corrections.is_empty(), of_lines, of_corrections)
        {
            sums.push((format!("Charges for {}", period(self.period)), of_lines));
            sums.push(("Corrections of closed periods".to_owned(), of_corrections));
        }
        sums.push(("Subtotal".to_owned(), self.subtotal));
        for line in self.lines.iter().filter(|it| it.item.kind == LineKind::Tax) {
            let name = format!("{} {}", line.item.name, self.detail(&line.item));
            sums.push((name.trim_end().to_owned(), line.amount));
        }
        for correction in self.corrections.iter().filter(|it| it.item.kind == LineKind::Tax) {
            let name = format!(
                "{}, correction of {}",
                correction.item.name,
                period(correction.period)
            );
            sums.push((name, correction.amount));
        }
        sums
    }

    /// The lines but those of tax, by subscription.
    pub(crate) fn sections(&self) -> Vec<Section<'_>> {
        let mut sections = Vec::new();
        let ids = self.subscriptions.iter().map(|it| Some((it.name.clone(), it.id)));
        for subscription in ids.chain([None]) {
            let id = subscription.as_ref().map(|(_, id)| *id);
            let lines = self.lines.iter().filter(|line| line.item.subscription == id);
            let lines: Vec<&Line> = lines.filter(|line| line.item.kind != LineKind::Tax).collect();
            if lines.is_empty() {
                continue;
            }
            let sum: Result<Money, MoneyError> =
                Money::checked_sum(self.currency, lines.iter().map(|line| line.amount));
            let sum = sum.ok().filter(|_| lines.len() > 1 && id.is_some());
            sections.push(Section {
                subscription,
                lines,
                sum: sum.map(|sum| self.amount(sum)),
            });
        }
        sections
    }

    /// The corrections but those of tax.
    pub(crate) fn corrections(&self) -> Vec<&Correction> {
        let of_tax = |it: &&Correction| it.item.kind != LineKind::Tax;
        self.corrections.iter().filter(of_tax).collect()
    }

    /// The name of a subscription that something is for.
    pub(crate) fn subscription_name(&self, item: &Item) -> Option<&str> {
        let id = item.subscription?;
        let known = self.subscriptions.iter().find(|it| it.id == id)?;
        Some(&known.name)
    }

    /// What a reader may want to know of a line.
    pub(crate) fn detail(&self, item: &Item) -> String {
        let number = |number: &Rational| locale::number(self.locale, &decimal(number));
        written(&item.detail, &number, &|money| self.amount(money))
    }

    pub(crate) fn amount(&self, money: Money) -> String {
        locale::amount(self.locale, money)
    }

    pub(crate) fn total_text(&self) -> String {
        locale::amount_with_currency(self.locale, self.total)
    }

    pub(crate) fn date(&self) -> String {
        locale::date(self.locale, self.dated)
    }

    fn instant(&self) -> String {
        let time = self.dated.to_string();
        let time = time.get(11..16).unwrap_or_default();
        format!("{} {time} UTC", self.date())
    }

    /// A quantity for people: what is more than a few places is rounded, and said to be by `~`.
    pub(crate) fn quantity(&self, quantity: &Rational) -> String {
        let text = decimal(quantity);
        let places = text.split_once('.').map_or(0, |(_, places)| places.len());
        if places <= PLACES_SHOWN {
            return locale::number(self.locale, &text);
        }
        let scale = Rational::from_integer(10_u32.pow(4).into());
        let rounded = (quantity * &scale).round() / scale;
        format!("~\u{a0}{}", locale::number(self.locale, &decimal(&rounded)))
    }

    /// A price for people: with all its places, and with those of the currency at least.
    pub(crate) fn price(&self, price: &Rational) -> String {
        let mut text = decimal(price);
        let least = usize::from(self.currency.minor_digits());
        let places = text.split_once('.').map_or(0, |(_, places)| places.len());
        if places == 0 && least > 0 {
            text.push('.');
        }
        (places..least).for_each(|_| text.push('0'));
        locale::number(self.locale, &text)
    }

    /// The price of a line that has but one.
    pub(crate) fn one_price(&self, line: &Line) -> Option<String> {
        match line.steps.as_slice() {
            [step] => Some(self.price(&step.unit_price)),
            _ => None,
        }
    }

    /// What stands below the name of a line.
    pub(crate) fn details(&self, line: &Line) -> Vec<String> {
        let mut details = Vec::new();
        let detail = self.detail(&line.item);
        if !detail.is_empty() {
            details.push(detail);
        }
        if let Some(included) = &line.included {
            details.push(format!("{} included in the price", self.quantity(included)));
        }
        if line.steps.len() > 1 || (line.included.is_some() && !line.steps.is_empty()) {
            let step = |step: &crate::Step| {
                let (quantity, price) = (self.quantity(&step.quantity), self.price(&step.unit_price));
                format!("{quantity} × {price}")
            };
            let steps: Vec<String> = line.steps.iter().map(step).collect();
            details.push(steps.join(" + "));
        }
        details
    }

    /// What a chart of the days says in words.
    pub(crate) fn days_in_words(&self) -> String {
        let days = (1..).zip(&self.days);
        let largest = days.max_by_key(|(day, amount)| (amount.minor_units(), -day));
        largest.map_or_else(String::new, |(day, amount)| {
            format!(
                "Usage charges of each day of {}. The most was charged on day {day}: {}.",
                period(self.period),
                locale::amount_with_currency(self.locale, *amount)
            )
        })
    }

    /// What is said at the end.
    pub(crate) fn notes(&self) -> Vec<String> {
        let mut notes =
            vec!["All times are UTC. Each line is rounded once; sums are sums of rounded lines.".to_owned()];
        if !self.corrections.is_empty() {
            notes.push(
                "Corrections set right periods that were closed: what the line would cost now, less what was billed for \
                 it so far."
                    .to_owned(),
            );
        }
        if let Some(digest) = &self.digest {
            notes.push(format!("Digest of the invoice (BLAKE3): {digest}"));
        }
        notes
    }
}

/// The detail of a line in words, with its numbers and amounts written so.
fn written(
    detail: &Detail,
    number: &dyn Fn(&Rational) -> String,
    amount: &dyn Fn(Money) -> String,
) -> String {
    match detail {
        Detail::Nothing => String::new(),
        Detail::Text(text) => text.clone(),
        Detail::Cores {
            days,
            fee,
            days_of_year,
        } => {
            let days = days
                .iter()
                .map(|(cores, days)| format!("{cores} cores on {days} days"));
            let days: Vec<String> = days.collect();
            let fee = number(fee);
            format!(
                "{}; {fee} per core and year of {days_of_year} days",
                days.join(", ")
            )
        }
        Detail::Committed { commitment, reached } => {
            format!(
                "{} committed to, {} reached",
                amount(*commitment),
                amount(*reached)
            )
        }
        Detail::Granted(granted) => format!("{} granted", amount(*granted)),
        Detail::Taxed { percent, on } => format!("{} % on {}", number(percent), amount(*on)),
    }
}

/// The detail of a line for programs, whatever the locale.
pub(crate) fn plain_detail(item: &Item) -> String {
    written(&item.detail, &decimal, &|money| money.to_string())
}

/// A number as plain decimal text, in full where it ends.
pub(crate) fn decimal(number: &Rational) -> String {
    decimal_text(number, PLACES_OF_ENDLESS).0
}

/// A period in words.
pub(crate) fn period(period: Period) -> String {
    let text = period.to_string();
    let (year, month) = text.split_once('-').unwrap_or((&text, ""));
    let name = month.parse().map_or("", locale::month_name);
    format!("{name} {year}")
}

/// Why something is corrected, in words.
pub(crate) const fn cause(cause: Cause) -> &'static str {
    match cause {
        Cause::LateUsage => "Usage that came in late",
        Cause::Revision => "Usage reported anew",
        Cause::Attribution => "Who pays was set right",
        Cause::Prices => "Prices changed",
        Cause::Terms => "Terms changed",
        Cause::Catalog => "Conversion of the meter changed",
        Cause::Several => "Several causes",
    }
}
