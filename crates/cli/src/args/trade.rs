//! `partner`, `customer`, `subscription`, `price-list` and `meter`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::texts;

/// What is done with partners.
#[derive(Debug, Subcommand)]
pub(crate) enum PartnerCommand {
    /// Create a partner.
    #[command(after_help = "\
Examples:
  meterbridge partner create --name Northwind --kind direct-bill
  meterbridge partner create --name Harbour --kind indirect-reseller --provider <PARTNER-ID>")]
    Create {
        /// Its id [default: a new one].
        #[arg(long, value_name = "PARTNER-ID", value_parser = texts::guid)]
        id: Option<String>,
        /// Its name, for people.
        #[arg(long, value_name = "NAME", value_parser = texts::name)]
        name: String,
        /// How it takes part in the Cloud Solution Provider programme.
        #[arg(long, value_enum, value_name = "KIND")]
        kind: PartnerKind,
        /// The distributor that an indirect reseller buys from.
        #[arg(long, value_name = "PARTNER-ID", value_parser = texts::guid)]
        #[arg(required_if_eq("kind", "indirect-reseller"))]
        provider: Option<String>,
    },
    /// Show a partner.
    #[command(after_help = "Example:\n  meterbridge partner show <PARTNER-ID>")]
    Show {
        /// The partner.
        #[arg(value_name = "PARTNER-ID", value_parser = texts::guid)]
        partner: String,
    },
    /// Delete a partner that has no resellers, customers, subscriptions and directories any more.
    #[command(after_help = "\
Its id is not given again. Past statements go on naming it.

Example:
  meterbridge partner delete <PARTNER-ID>")]
    Delete {
        /// The partner.
        #[arg(value_name = "PARTNER-ID", value_parser = texts::guid)]
        partner: String,
    },
    /// List partners.
    #[command(after_help = "Example:\n  meterbridge partner list")]
    List,
}

/// How a partner takes part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PartnerKind {
    /// Sells to customers and is billed by the platform.
    DirectBill,
    /// A distributor: billed by the platform, sells through resellers.
    IndirectProvider,
    /// Sells to customers, and is billed by its provider.
    IndirectReseller,
}

/// What is done with customers.
#[derive(Debug, Subcommand)]
pub(crate) enum CustomerCommand {
    /// Create a customer.
    #[command(after_help = "\
Example:
  meterbridge customer create --name Fjordbank --partner <PARTNER-ID> --tenant <TENANT-ID>")]
    Create {
        /// Its id [default: a new one].
        #[arg(long, value_name = "CUSTOMER-ID", value_parser = texts::guid)]
        id: Option<String>,
        /// Its name, for people.
        #[arg(long, value_name = "NAME", value_parser = texts::name)]
        name: String,
        /// The partner that sells to it.
        #[arg(long, value_name = "PARTNER-ID", value_parser = texts::guid)]
        partner: String,
        /// A directory tenant of it; the first is where its subscriptions live. May be given several times.
        #[arg(long = "tenant", value_name = "TENANT-ID", required = true, value_parser = texts::guid)]
        tenants: Vec<String>,
    },
    /// Show a customer.
    #[command(after_help = "Example:\n  meterbridge customer show <CUSTOMER-ID>")]
    Show {
        /// The customer.
        #[arg(value_name = "CUSTOMER-ID", value_parser = texts::guid)]
        customer: String,
    },
    /// Delete a customer that has no subscriptions and directories any more.
    #[command(after_help = "\
Its id is not given again; its tenants can be another customer's. Past statements go on naming it.

Example:
  meterbridge customer delete <CUSTOMER-ID>")]
    Delete {
        /// The customer.
        #[arg(value_name = "CUSTOMER-ID", value_parser = texts::guid)]
        customer: String,
    },
    /// List customers.
    #[command(after_help = "Example:\n  meterbridge customer list")]
    List,
}

/// What is done with subscriptions.
#[derive(Debug, Subcommand)]
pub(crate) enum SubscriptionCommand {
    /// Create a subscription.
    #[command(after_help = "\
Examples:
  meterbridge subscription create --name \"Fjordbank CSP\" --kind csp --partner <PARTNER-ID> \\
      --customer <CUSTOMER-ID> --tenant <TENANT-ID>
  meterbridge subscription create --name \"Northwind stacks\" --kind partner-shared-services \\
      --partner <PARTNER-ID> --tenant <TENANT-ID>")]
    Create {
        /// Its id [default: a new one].
        #[arg(long, value_name = "SUBSCRIPTION-ID", value_parser = texts::guid)]
        id: Option<String>,
        /// Its name, for people.
        #[arg(long, value_name = "NAME", value_parser = texts::name)]
        name: String,
        /// The agreement it is charged under.
        #[arg(long, value_enum, value_name = "KIND")]
        kind: SubscriptionKind,
        /// The directory tenant it lives in.
        #[arg(long, value_name = "TENANT-ID", value_parser = texts::guid)]
        tenant: String,
        /// The partner it belongs to: for CSP the one that sells it.
        #[arg(long, value_name = "PARTNER-ID", value_parser = texts::guid)]
        partner: Option<String>,
        /// The customer it is sold to; CSP only.
        #[arg(long, value_name = "CUSTOMER-ID", value_parser = texts::guid)]
        customer: Option<String>,
    },
    /// Show a subscription.
    #[command(after_help = "Example:\n  meterbridge subscription show <SUBSCRIPTION-ID>")]
    Show {
        /// The subscription.
        #[arg(value_name = "SUBSCRIPTION-ID", value_parser = texts::guid)]
        subscription: String,
    },
    /// Delete a subscription that no stack is registered with and no tenant is charged to any more.
    #[command(after_help = "\
Its empty resource groups and the roles given there go with it; a lock anywhere in it keeps it. Its id is not given again.
Whoever sold it goes on reading its past statements.

Example:
  meterbridge subscription delete <SUBSCRIPTION-ID>")]
    Delete {
        /// The subscription.
        #[arg(value_name = "SUBSCRIPTION-ID", value_parser = texts::guid)]
        subscription: String,
    },
    /// List subscriptions.
    #[command(after_help = "Example:\n  meterbridge subscription list")]
    List,
    /// Let nothing new be registered with or mapped to a subscription. Usage is charged to it all the same.
    #[command(after_help = "Example:\n  meterbridge subscription suspend <SUBSCRIPTION-ID>")]
    Suspend {
        /// The subscription.
        #[arg(value_name = "SUBSCRIPTION-ID", value_parser = texts::guid)]
        subscription: String,
    },
    /// Make a suspended subscription active again.
    #[command(after_help = "Example:\n  meterbridge subscription activate <SUBSCRIPTION-ID>")]
    Activate {
        /// The subscription.
        #[arg(value_name = "SUBSCRIPTION-ID", value_parser = texts::guid)]
        subscription: String,
    },
}

/// The agreement a subscription is charged under.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SubscriptionKind {
    /// A customer's, sold by a Cloud Solution Provider.
    Csp,
    /// A partner's own, in its shared services tenant.
    PartnerSharedServices,
    /// Under an Enterprise Agreement.
    EnterpriseAgreement,
    /// Paid by card, without an agreement.
    PayAsYouGo,
    /// For development and test.
    DevTest,
}

/// What is done with price lists.
#[derive(Debug, Subcommand)]
pub(crate) enum PriceListCommand {
    /// Publish a version of a price list: it prices all hours from one on.
    #[command(after_help = "\
The file is JSON; `-` is standard input. Rates are graduated, by the quantity from which they hold:
  {\"currency\": \"USD\", \"seller\": \"<PARTNER-ID>\", \"effectiveFrom\": \"2026-10-01T00:00:00Z\", \"prices\": [
    {\"meterId\": \"<BILLING-METER-ID>\", \"includedQuantity\": \"10\",
     \"rates\": {\"0\": \"0.05\", \"100\": \"0.04\"}}]}
Without a seller the prices are the platform's; with a \"buyer\" they are for that subscription only.
A version holds all prices of its list: a meter that it leaves out is not charged. Begin with those of a list that there \
is (`price-list show NAME --as-file`), and look at what would change (`--dry-run`).

Examples:
  meterbridge price-list show pay-as-you-use-usd --as-file > prices.json
  meterbridge price-list put northwind-usd prices.json --dry-run
  meterbridge price-list put northwind-usd prices.json")]
    Put {
        /// The list's name.
        #[arg(value_name = "NAME")]
        name: String,
        /// The file.
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Show what it would change about usage that there is already, and publish nothing.
        #[arg(long)]
        dry_run: bool,
        /// Publish it also if that changes what is charged for months that are over.
        #[arg(long, conflicts_with = "dry_run")]
        yes: bool,
    },
    /// Show a price list with every version of its prices.
    #[command(after_help = "\
Examples:
  meterbridge price-list show northwind-usd
  meterbridge price-list show pay-as-you-use-usd --as-file > prices.json")]
    Show {
        /// The list's name.
        #[arg(value_name = "NAME")]
        name: String,
        /// Write the version that holds now as a file that `price-list put` takes.
        #[arg(long)]
        as_file: bool,
    },
    /// List price lists.
    #[command(after_help = "Example:\n  meterbridge price-list list")]
    List,
    /// Draft a version of a price list: it prices nothing until it is published.
    #[command(after_help = "\
The file is as for `price-list put`. Prices can follow those of another list, whichever it has at the time:
  {\"currency\": \"USD\", \"seller\": \"<PARTNER-ID>\", \"effectiveFrom\": \"2026-10-01T00:00:00Z\",
   \"derivedFrom\": {\"base\": \"pay-as-you-use-usd\", \"percentage\": \"12.5\", \"maximumChange\": \"0.5\"},
   \"prices\": []}
The prices are then those that are to hold instead of the base's.

Example:
  meterbridge price-list draft northwind-usd prices.json")]
    Draft {
        /// The list's name.
        #[arg(value_name = "NAME")]
        name: String,
        /// The file.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// List the drafts of price lists.
    #[command(after_help = "Example:\n  meterbridge price-list drafts")]
    Drafts,
    /// Show what publishing the draft of a price list would change.
    #[command(after_help = "Example:\n  meterbridge price-list diff northwind-usd")]
    Diff {
        /// The list's name.
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// Publish the draft of a price list.
    #[command(after_help = "\
With --seen it is published only if nothing was changed since the diff that had this etag.

Examples:
  meterbridge price-list publish northwind-usd
  meterbridge price-list publish northwind-usd --seen 0000002a-0000-0000-0000-000000000000")]
    Publish {
        /// The list's name.
        #[arg(value_name = "NAME")]
        name: String,
        /// The etag of the diff that was looked at.
        #[arg(long, value_name = "ETAG")]
        seen: Option<String>,
        /// Publish it also if that changes what is charged for months that are over.
        #[arg(long)]
        yes: bool,
    },
    /// Draft a version of a price list from a rate card or a table.
    #[command(after_help = "\
A table is comma-separated, with the columns meterId,from,unitPrice and perhaps includedQuantity.
Meters that the catalog does not have and rows that are not understood are listed.

Examples:
  meterbridge price-list import northwind-usd card.json --format rateCard \\
    --effective-from 2026-12-01T00:00:00Z --seller <PARTNER-ID> --dry-run
  meterbridge price-list import northwind-usd prices.csv --format csv --currency USD \\
    --effective-from 2026-12-01T00:00:00Z --seller <PARTNER-ID> --leave-out")]
    Import(ImportPricesArgs),
    /// Give up the draft of a price list.
    #[command(after_help = "Example:\n  meterbridge price-list discard northwind-usd")]
    Discard {
        /// The list's name.
        #[arg(value_name = "NAME")]
        name: String,
    },
}

/// Where prices come from, and whose they are to be.
#[derive(Debug, Args)]
pub(crate) struct ImportPricesArgs {
    /// The list's name.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// The file; `-` is standard input.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// How the prices are written: rateCard, partnerCenter or csv.
    #[arg(long, value_name = "FORMAT")]
    pub(crate) format: String,
    /// The first hour that they are for.
    #[arg(long, value_name = "HOUR")]
    pub(crate) effective_from: String,
    /// Their currency, where the file names none.
    #[arg(long, value_name = "CURRENCY")]
    pub(crate) currency: Option<String>,
    /// The partner whose prices they are; without one, the platform's.
    #[arg(long, value_name = "PARTNER-ID")]
    pub(crate) seller: Option<String>,
    /// The one subscription that they are for.
    #[arg(long, value_name = "SUBSCRIPTION-ID")]
    pub(crate) buyer: Option<String>,
    /// Leave out what is not in the catalog or not understood.
    #[arg(long)]
    pub(crate) leave_out: bool,
    /// Show what is understood, and draft nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// What is done with meters.
#[derive(Debug, Subcommand)]
pub(crate) enum MeterCommand {
    /// List what stacks measure, and what it is billed as.
    #[command(after_help = "Example:\n  meterbridge meter list")]
    List,
}
