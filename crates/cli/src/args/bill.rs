//! `bill`: months that are closed, their invoices, and what these are reckoned by.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand, ValueEnum};
use wire::api::{BuyerText, SellerText};

use super::{PeriodArgs, texts};

/// What is done with bills.
#[derive(Debug, Subcommand)]
pub(crate) enum BillCommand {
    /// List the months that are closed, and those that are not.
    #[command(after_help = "Example:\n  meterbridge bill periods")]
    Periods,
    /// Show how far a month is: what it waits for, or what was issued for it.
    #[command(after_help = "Example:\n  meterbridge bill period 2026-10")]
    Period {
        /// The calendar month.
        #[arg(value_name = "YYYY-MM", value_parser = texts::period)]
        period: String,
    },
    /// Close a month: number and issue its invoices.
    #[command(after_help = "\
It can be closed from an hour after its end on, when every stack has reported all of it or is waived. Months are \
closed in order. An issued invoice never changes: what comes later becomes corrections in the next. Closing again changes nothing.

Examples:
  meterbridge bill close 2026-10
  meterbridge bill close 2026-10 --first")]
    Close {
        /// The calendar month.
        #[arg(value_name = "YYYY-MM", value_parser = texts::period)]
        period: String,
        /// It is the first that is ever closed: months before it are never invoiced.
        #[arg(long)]
        first: bool,
    },
    /// Let a month be closed without the rest of what a stack used in it.
    #[command(after_help = "\
Who did it, when and why stays recorded. Usage that comes later becomes corrections. Only a month that is over can be waived.

Example:
  meterbridge bill waive 2026-10 --stack 5bf881b2-6be7-42a1-9f47-d6fcb6737747 \\
      --reason 'out of order since 28 October, nothing ran on it'")]
    Waive {
        /// The calendar month.
        #[arg(value_name = "YYYY-MM", value_parser = texts::period)]
        period: String,
        /// The stack.
        #[arg(long, value_name = "CLOUD-ID", value_parser = texts::guid)]
        stack: String,
        /// Why: 1 to 500 characters.
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// List issued invoices.
    #[command(after_help = "\
Examples:
  meterbridge bill list --period 2026-10
  meterbridge bill list --seller platform
  meterbridge bill list --buyer subscription:<SUBSCRIPTION-ID>")]
    List(InvoicesArgs),
    /// Show an invoice: its lines, corrections, tax and total.
    #[command(after_help = "Example:\n  meterbridge bill show MB-000042")]
    Show {
        /// Its number.
        #[arg(value_name = "NUMBER")]
        number: String,
    },
    /// Write an invoice, or the statement of an open month, to a file: as PDF, HTML or CSV.
    #[command(after_help = "\
It shows who sells and buys as `bill set-profile` said when the month was closed: printed again it is the same. A statement \
of an open month has no number, and says that it is no invoice; its seller and currency are needed only where there are several.

Examples:
  meterbridge bill print MB-000042 --file MB-000042.pdf
  meterbridge bill print MB-000042 --file october.csv
  meterbridge bill print --running --buyer partner:<PARTNER-ID> --file so-far.html")]
    Print(PrintArgs),
    /// Show what stands on bills for whoever sells or buys.
    #[command(after_help = "Example:\n  meterbridge bill profile --seller platform")]
    Profile(TraderArgs),
    /// Set what stands on bills for whoever sells or buys: name, address, tax number, and how numbers are written.
    #[command(after_help = "\
All of it is set; what is not given is gone. It is on all bills that are issued from then on, and changes no other.

Examples:
  meterbridge bill set-profile --seller platform --legal-name 'Northwind Cloud GmbH' \\
      --address 'Landstrasse 1' --address '4020 Linz' --tax-number ATU12345678 --locale de-AT
  meterbridge bill set-profile --buyer subscription:<SUBSCRIPTION-ID> --legal-name 'Contoso Ltd'")]
    SetProfile(SetProfileArgs),
    /// Open a line of an invoice: its price and tiers, and what it is made of, down to the records.
    #[command(after_help = "\
Each level says how to open the next: shares by stack and tenant, local subscriptions with the mapping that decided, days, \
resources, and what each batch said about each record. The parts of a level sum to it, exactly.

Examples:
  meterbridge bill explain LINE
  meterbridge bill explain LINE --open 0.0.2026-10-05
  meterbridge bill explain LINE --depth 3")]
    Explain(ExplainArgs),
    /// Reckon invoices again from the log, and compare them byte for byte with what was issued.
    #[command(after_help = "\
Leaves with 0 only if all of them are the same, so it can be run by a scheduler.

Examples:
  meterbridge bill replay MB-000042
  meterbridge bill replay --period 2026-10
  meterbridge bill replay --all")]
    Replay(ReplayArgs),
    /// Show what a seller keeps of what it sold in a month: what it sells it for less what it buys it for.
    #[command(after_help = "\
Of a closed month it has everything that came after the close, too, so it may differ from its invoices. Commitments, credits and taxes belong to no line.

Examples:
  meterbridge bill margins --seller <PARTNER-ID> --currency USD --period 2026-10
  meterbridge bill margins --seller platform --currency USD --by-line")]
    Margins {
        /// Who sells: `platform`, or a partner's id.
        #[arg(long, value_name = "SELLER", value_parser = seller)]
        seller: String,
        /// In which currency. Others are converted by rates that were stated, or refused.
        #[arg(long, value_name = "CURRENCY", value_parser = texts::currency)]
        currency: String,
        #[command(flatten)]
        period: PeriodArgs,
        /// A row for each meter of each stack, instead of one for each subscription.
        #[arg(long)]
        by_line: bool,
    },
    /// Compare what was charged with what Partner Center billed, by subscription, meter and day.
    #[command(after_help = "\
It reads usage-based line items, daily usage and daily rated usage, as CSV or JSON. Of a closed month it is compared with \
what its invoices were reckoned from. Nothing is stored: run it as often as you like.

Lines that are not understood are in no total; they are written to a file of their own, beside the file.

Examples:
  meterbridge bill reconcile daily.csv --period 2026-10 --dry-run
  meterbridge bill reconcile daily.csv --period 2026-10 --differences differences.csv
  meterbridge bill reconcile items.json --period 2026-10 --buyer partner:<PARTNER-ID>")]
    Reconcile(ReconcileArgs),
    /// Show what a month would have cost with the prices of a draft.
    #[command(after_help = "\
A draft that begins after the month is rated as if it held in all of it, and the answer says so. Bills that change come \
first, by the size of the difference. Totals are before tax. Corrections of earlier months are not part of it. Nothing is changed.

Examples:
  meterbridge bill what-if --price-list northwind-2027
  meterbridge bill what-if --price-list northwind-2027 --period 2026-10 --csv > difference.csv")]
    WhatIf {
        /// The price list that has the draft.
        #[arg(long, value_name = "NAME")]
        price_list: String,
        #[command(flatten)]
        period: PeriodArgs,
        /// Write comma-separated values: a row for each meter of each bill that changes.
        #[arg(long)]
        csv: bool,
    },
    /// Show what the bills of an open month come to at its end.
    #[command(after_help = "\
Each hour that is not complete is taken to be like the mean of the month's complete days, of each local subscription and \
meter; then it is reckoned as a bill is. What bills come to is told before tax. With fewer than three complete days of a stack nothing is guessed.

Examples:
  meterbridge bill forecast
  meterbridge bill forecast --by-meter
  meterbridge bill forecast --csv > forecast.csv")]
    Forecast {
        #[command(flatten)]
        period: PeriodArgs,
        /// What each bill is made of, too.
        #[arg(long)]
        by_meter: bool,
        /// Write comma-separated values: a row for each meter of each bill.
        #[arg(long)]
        csv: bool,
    },
    /// List what sellers and buyers agreed on: commitments, credits, taxes and fees for capacity.
    #[command(after_help = "Example:\n  meterbridge bill terms")]
    Terms,
    /// Set what a seller and a buyer, or all its buyers, agreed on: all of it, from a month on.
    #[command(after_help = "\
What is not given does not hold any more from that month on, for that buyer. In closed months, what changes becomes \
corrections: it says which months these are, and asks.

Examples:
  meterbridge bill set-terms --seller platform --from 2026-11 --capacity-fee 144 --currency USD
  meterbridge bill set-terms --seller <PARTNER-ID> --from 2026-11 --tax 25 --tax-label VAT
  meterbridge bill set-terms --seller <PARTNER-ID> --buyer subscription:<SUBSCRIPTION-ID> \\
      --from 2026-11 --minimum-commitment 500 --credit 50 --currency USD")]
    SetTerms(SetTermsArgs),
    /// State how many cores a stack has: what it pays for by capacity.
    #[command(after_help = "\
Examples:
  meterbridge bill set-cores 5bf881b2-6be7-42a1-9f47-d6fcb6737747 --cores 96 --from 2026-11-01
  meterbridge bill set-cores 5bf881b2-6be7-42a1-9f47-d6fcb6737747 --by-token --from 2026-11-01")]
    SetCores(SetCoresArgs),
    /// List exchange rates.
    #[command(after_help = "Example:\n  meterbridge bill rates")]
    Rates,
    /// State what one unit of a currency is in another, from an hour on.
    #[command(after_help = "\
A rate is never taken the other way round: state that of USD in EUR by itself if amounts in USD are to be converted, too.

Example:
  meterbridge bill set-rate EUR USD 1.0825 --since 2026-11-01")]
    SetRate {
        /// The one currency.
        #[arg(value_name = "CURRENCY", value_parser = texts::currency)]
        from: String,
        /// The other.
        #[arg(value_name = "OTHER", value_parser = texts::currency)]
        to: String,
        /// How many units of the other one unit of the one is.
        #[arg(value_name = "RATE", value_parser = texts::decimal)]
        rate: String,
        /// The first hour.
        #[arg(long, value_name = "HOUR", value_parser = texts::hour)]
        since: String,
    },
    /// Show what bills of an open month come to so far, with what sets right closed ones.
    #[command(after_help = "\
Without a buyer it lists who sells to whom in which currency. With one it shows the bill; seller and currency are \
needed only where there are several.

Examples:
  meterbridge bill running
  meterbridge bill running --buyer subscription:<SUBSCRIPTION-ID> --period 2026-11")]
    Running(RunningArgs),
}

/// Which invoices.
#[derive(Debug, Args)]
pub(crate) struct InvoicesArgs {
    /// Those of this calendar month.
    #[arg(long, value_name = "YYYY-MM", value_parser = texts::period)]
    pub(crate) period: Option<String>,
    /// Those of this seller: `platform`, or a partner's id.
    #[arg(long, value_name = "SELLER", value_parser = seller)]
    pub(crate) seller: Option<String>,
    /// Those to this buyer: `partner:` or `subscription:` and its id.
    #[arg(long, value_name = "BUYER", value_parser = buyer)]
    pub(crate) buyer: Option<String>,
    /// Those that charge this subscription, whoever buys.
    #[arg(long, value_name = "SUBSCRIPTION-ID", value_parser = texts::guid)]
    pub(crate) subscription: Option<String>,
}

/// What is written to a file.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("bill").required(true).args(["number", "running"]))]
pub(crate) struct PrintArgs {
    /// The number of an invoice.
    #[arg(value_name = "NUMBER")]
    pub(crate) number: Option<String>,
    /// The statement of an open month.
    #[arg(long, requires = "buyer")]
    pub(crate) running: bool,
    #[command(flatten)]
    pub(crate) period: PeriodArgs,
    /// Who sells: `platform`, or a partner's id.
    #[arg(long, value_name = "SELLER", value_parser = seller, requires = "running")]
    pub(crate) seller: Option<String>,
    /// Who buys: `partner:` or `subscription:` and its id.
    #[arg(long, value_name = "BUYER", value_parser = buyer, requires = "running")]
    pub(crate) buyer: Option<String>,
    /// In which currency.
    #[arg(long, value_name = "CURRENCY", value_parser = texts::currency, requires = "running")]
    pub(crate) currency: Option<String>,
    /// Where to write it. The form goes by the ending: .pdf, .html or .csv.
    #[arg(long, value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The form, whatever the name of the file.
    #[arg(long = "as", value_name = "FORM")]
    pub(crate) form: Option<PrintForm>,
    /// Write over a file that is there.
    #[arg(long)]
    pub(crate) replace: bool,
}

/// A form of a bill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PrintForm {
    /// For printers and archives.
    Pdf,
    /// For browsers.
    Html,
    /// For programs.
    Csv,
}

/// Who sells or buys.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct TraderArgs {
    /// Who sells: `platform`, or a partner's id.
    #[arg(long, value_name = "SELLER", value_parser = seller)]
    pub(crate) seller: Option<String>,
    /// Who buys: `partner:` or `subscription:` and its id.
    #[arg(long, value_name = "BUYER", value_parser = buyer)]
    pub(crate) buyer: Option<String>,
}

/// What is to stand on bills.
#[derive(Debug, Args)]
pub(crate) struct SetProfileArgs {
    #[command(flatten)]
    pub(crate) of: TraderArgs,
    /// The name that it does business under.
    #[arg(long, value_name = "NAME")]
    pub(crate) legal_name: String,
    /// A line of its address; once for each line, 8 at most.
    #[arg(long, value_name = "LINE")]
    pub(crate) address: Vec<String>,
    /// The number that it is taxed under.
    #[arg(long, value_name = "TEXT")]
    pub(crate) tax_number: Option<String>,
    /// How numbers and dates are written on what it sells: en-US, en-GB, de-DE, de-AT, de-CH, fr-FR, nl-NL, es-ES, it-IT
    /// or ja-JP [default: neutral].
    #[arg(long, value_name = "LOCALE")]
    pub(crate) locale: Option<String>,
}

/// What is opened.
#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// The id of the line, as `bill show` says it.
    #[arg(value_name = "LINE")]
    pub(crate) line: String,
    /// The part, as the level above says [default: the line].
    #[arg(long, value_name = "PART")]
    pub(crate) open: Option<String>,
    /// From which of its parts on.
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub(crate) from: u64,
    /// How many levels are opened at once, of each the first 200 parts.
    #[arg(long, value_name = "LEVELS", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=6))]
    pub(crate) depth: u8,
}

/// What is reckoned again.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true).args(["number", "period", "all"]))]
pub(crate) struct ReplayArgs {
    /// One invoice.
    #[arg(value_name = "NUMBER")]
    pub(crate) number: Option<String>,
    /// All invoices of a calendar month.
    #[arg(long, value_name = "YYYY-MM", value_parser = texts::period)]
    pub(crate) period: Option<String>,
    /// All invoices of all closed months.
    #[arg(long)]
    pub(crate) all: bool,
}

/// What is compared.
#[derive(Debug, Args)]
pub(crate) struct ReconcileArgs {
    /// The file; `-` is standard input.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) period: PeriodArgs,
    /// Whose file it is: `partner:` or `subscription:` and its id [default: all that you read].
    #[arg(long, value_name = "BUYER", value_parser = buyer)]
    pub(crate) buyer: Option<String>,
    /// Write each difference to this file: as JSON if it is named so, otherwise as CSV.
    #[arg(long, value_name = "FILE")]
    pub(crate) differences: Option<PathBuf>,
    /// Write lines that are not understood to this file [default: beside the file].
    #[arg(long, value_name = "FILE")]
    pub(crate) rejected: Option<PathBuf>,
    /// Write over files that are there.
    #[arg(long)]
    pub(crate) replace: bool,
    /// Say how the file is understood, and compare nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// What stands before decimal places, where the file does not tell.
    #[arg(long, value_name = "MARK", value_parser = ["point", "comma"])]
    pub(crate) decimal_mark: Option<String>,
    /// Which comes first in dates, where the file does not tell.
    #[arg(long, value_name = "ORDER", value_parser = ["dayFirst", "monthFirst"])]
    pub(crate) date_order: Option<String>,
}

/// What was agreed on.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("terms").required(true).multiple(true)
    .args(["minimum_commitment", "credit", "tax", "capacity_fee", "nothing"]))]
pub(crate) struct SetTermsArgs {
    /// Who sells: `platform`, or a partner's id.
    #[arg(long, value_name = "SELLER", value_parser = seller)]
    pub(crate) seller: String,
    /// Who buys: `partner:` or `subscription:` and its id [default: all who buy from the seller].
    #[arg(long, value_name = "BUYER", value_parser = buyer)]
    pub(crate) buyer: Option<String>,
    /// The first calendar month.
    #[arg(long, value_name = "YYYY-MM", value_parser = texts::period)]
    pub(crate) from: String,
    /// What is charged at least in each month, before credit and tax. Of one buyer.
    #[arg(long, value_name = "AMOUNT", requires_all = ["buyer", "currency"], value_parser = texts::decimal)]
    pub(crate) minimum_commitment: Option<String>,
    /// What is not charged in each month, as far as there is something to charge. Of one buyer.
    #[arg(long, value_name = "AMOUNT", requires_all = ["buyer", "currency"], value_parser = texts::decimal)]
    pub(crate) credit: Option<String>,
    /// The tax that is added, in percent.
    #[arg(long, value_name = "PERCENT", requires = "tax_label", value_parser = texts::percent)]
    pub(crate) tax: Option<String>,
    /// What the tax is called, such as VAT.
    #[arg(long, value_name = "NAME", requires = "tax")]
    pub(crate) tax_label: Option<String>,
    /// What one core of a stack that pays by capacity costs in a year.
    #[arg(long, value_name = "AMOUNT", requires = "currency", value_parser = texts::decimal)]
    pub(crate) capacity_fee: Option<String>,
    /// The currency of these amounts.
    #[arg(long, value_name = "CURRENCY", value_parser = texts::currency)]
    pub(crate) currency: Option<String>,
    /// Nothing beside prices: what was agreed on before does not hold any more.
    #[arg(long, conflicts_with_all = ["minimum_commitment", "credit", "tax", "capacity_fee"])]
    pub(crate) nothing: bool,
    /// Do it without asking: closed months, and what was agreed on and is not given again.
    #[arg(long, short = 'y')]
    pub(crate) yes: bool,
}

/// How many cores, and when.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("how_many").required(true).args(["cores", "by_token"]))]
pub(crate) struct SetCoresArgs {
    /// The stack.
    #[arg(value_name = "CLOUD-ID", value_parser = texts::guid)]
    pub(crate) cloud_id: String,
    /// Its cores.
    #[arg(long, value_name = "NUMBER", value_parser = texts::cores)]
    pub(crate) cores: Option<u32>,
    /// As many as its registration token says.
    #[arg(long)]
    pub(crate) by_token: bool,
    /// The first hour.
    #[arg(long, value_name = "HOUR", value_parser = texts::hour)]
    pub(crate) from: String,
    /// The hour after the last [default: all from then on].
    #[arg(long, value_name = "HOUR", value_parser = texts::hour)]
    pub(crate) to: Option<String>,
    /// Do it without asking, closed months among them.
    #[arg(long, short = 'y')]
    pub(crate) yes: bool,
}

/// Which running bill.
#[derive(Debug, Args)]
pub(crate) struct RunningArgs {
    #[command(flatten)]
    pub(crate) period: PeriodArgs,
    /// Who sells: `platform`, or a partner's id.
    #[arg(long, value_name = "SELLER", value_parser = seller)]
    pub(crate) seller: Option<String>,
    /// Who buys: `partner:` or `subscription:` and its id.
    #[arg(long, value_name = "BUYER", value_parser = buyer)]
    pub(crate) buyer: Option<String>,
    /// In which currency.
    #[arg(long, value_name = "CURRENCY", value_parser = texts::currency)]
    pub(crate) currency: Option<String>,
}

/// A seller, spelled as the API does.
pub(super) fn seller(text: &str) -> Result<String, String> {
    let seller: SellerText = text.parse().map_err(|error| format!("{error}"))?;
    Ok(seller.to_string())
}

/// A buyer, spelled as the API does.
pub(super) fn buyer(text: &str) -> Result<String, String> {
    let buyer: BuyerText = text.parse().map_err(|error| format!("{error}"))?;
    Ok(buyer.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "5bf881b2-6be7-42a1-9f47-d6fcb6737747";

    #[test]
    fn who_sells_and_buys_is_spelled_as_in_the_api() {
        assert_eq!(seller("Platform").as_deref(), Ok("platform"));
        assert_eq!(seller(&ID.to_uppercase()).as_deref(), Ok(ID));
        let bought = format!("Subscription:{}", ID.to_uppercase());
        assert_eq!(buyer(&bought), Ok(format!("subscription:{ID}")));
        for text in ["", "northwind", "partner:", ID] {
            assert!(buyer(text).unwrap_err().contains("partner:"), "{text}");
        }
        assert!(seller("northwind").unwrap_err().contains("platform"));
    }
}
