//! `registration` and `tenant`.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand, ValueEnum};

use super::{PeriodArgs, texts};

/// What is done with registrations.
#[derive(Debug, Subcommand)]
pub(crate) enum RegistrationCommand {
    /// Ask which kind of subscription a stack is best registered with, and why.
    #[command(after_help = "Example:\n  meterbridge registration advise --operated-by reseller")]
    Advise {
        /// Who operates the stack.
        #[arg(long, value_enum, value_name = "WHO")]
        operated_by: OperatedBy,
    },
    /// Register a stack, or register it again.
    #[command(visible_alias = "create")]
    Register(RegisterArgs),
    /// Show the registration of a stack.
    #[command(after_help = "Example:\n  meterbridge registration show 5bf881b2-6be7-42a1-9f47-d6fcb6737747")]
    Show(StackArg),
    /// List registrations.
    #[command(after_help = "Example:\n  meterbridge registration list")]
    List,
    /// End the registration of a stack: its usage of later hours is charged to nobody.
    #[command(
        after_help = "Example:\n  meterbridge registration delete 5bf881b2-6be7-42a1-9f47-d6fcb6737747"
    )]
    Delete(StackArg),
    /// Approve a registration for multi-tenancy, so that tenants can be added to it.
    #[command(
        after_help = "Example:\n  meterbridge registration approve 5bf881b2-6be7-42a1-9f47-d6fcb6737747"
    )]
    Approve(StackArg),
    /// Print the activation key of a stack: a secret, its credential for delivering usage.
    #[command(after_help = "\
Example:
  meterbridge registration activation-key 5bf881b2-6be7-42a1-9f47-d6fcb6737747 > stack.key")]
    ActivationKey(StackArg),
    /// Revoke the activation keys of a stack: it cannot deliver until it is activated with a new one.
    #[command(after_help = "\
Example:
  meterbridge registration revoke-activation-keys 5bf881b2-6be7-42a1-9f47-d6fcb6737747")]
    RevokeActivationKeys(StackArg),
    /// Register the key that a stack's bundles are signed with: for a stack without a connection.
    #[command(after_help = "\
The stack's side makes it, with `meterbridge bridge bundle-key`. What is signed with another key is not taken in any more.

Example:
  meterbridge registration bundle-key 5bf881b2-6be7-42a1-9f47-d6fcb6737747 \\
      --public-key north-bundles.pem")]
    BundleKey {
        #[command(flatten)]
        stack: StackArg,
        /// The file with the public key (Ed25519, PEM).
        #[arg(long, value_name = "FILE")]
        public_key: PathBuf,
    },
    /// Declare that a registration held from an earlier hour on: for usage from before it was made.
    #[command(after_help = "\
Example:
  meterbridge registration backdate 5bf881b2-6be7-42a1-9f47-d6fcb6737747 --from 2026-10-01")]
    Backdate {
        #[command(flatten)]
        stack: StackArg,
        /// The hour from which it held: earlier than it holds from, since hours are not taken away.
        #[arg(long, value_name = "HOUR", value_parser = texts::hour)]
        from: String,
    },
}

/// Which stack.
#[derive(Debug, Args)]
pub(crate) struct StackArg {
    /// The stack.
    #[arg(value_name = "CLOUD-ID", value_parser = texts::guid)]
    pub(crate) cloud_id: String,
}

/// What is registered with what.
#[derive(Debug, Args)]
#[command(after_help = "\
Give the registration token that the stack made, or the stack's cloud id: then a token is made of what is said here.
Where the registration is there already, what is not given stays as it is: the billing model, the agreement and the \
tags. Tags that are given are set beside those it has.

Examples:
  meterbridge registration register --subscription <SUBSCRIPTION-ID> --token-file token.txt \\
      --operated-by reseller
  meterbridge registration register --subscription <SUBSCRIPTION-ID> \\
      --cloud-id 5bf881b2-6be7-42a1-9f47-d6fcb6737747 --billing-model pay-as-you-use
  meterbridge registration register --subscription <SUBSCRIPTION-ID> \\
      --cloud-id 5bf881b2-6be7-42a1-9f47-d6fcb6737747 --tag site=Bergen")]
pub(crate) struct RegisterArgs {
    /// The subscription that pays for whatever no tenant mapping claims.
    #[arg(long, value_name = "SUBSCRIPTION-ID", value_parser = texts::guid)]
    pub(crate) subscription: String,
    /// The resource group; made if it is not there.
    #[arg(long, value_name = "NAME", default_value = "azurestack")]
    pub(crate) resource_group: String,
    /// Where the resource group is, if it has to be made.
    #[arg(long, value_name = "REGION", default_value = "westcentralus")]
    pub(crate) location: String,
    /// The registration's name [default: AzureStack- and the cloud id].
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Who operates the stack: compared with the advice.
    #[arg(long, value_enum, value_name = "WHO")]
    pub(crate) operated_by: Option<OperatedBy>,
    /// A tag to set; others stay. May be given several times.
    #[arg(long = "tag", value_name = "NAME=VALUE", value_parser = texts::tag)]
    pub(crate) tags: Vec<(String, String)>,
    #[command(flatten)]
    pub(crate) token: TokenArgs,
}

/// What the stack says of itself.
#[derive(Debug, Args)]
#[command(next_help_heading = "The stack")]
#[command(group = ArgGroup::new("stack").args(["token", "token_file", "cloud_id"]).required(true))]
pub(crate) struct TokenArgs {
    /// The registration token that the stack made.
    #[arg(long, value_name = "BASE64")]
    pub(crate) token: Option<String>,
    /// A file that holds the registration token and nothing else.
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// The stack, where there is no token.
    #[arg(long, value_name = "CLOUD-ID", value_parser = texts::guid)]
    pub(crate) cloud_id: Option<String>,
    /// How the stack is paid for [default: what it is, or pay-as-you-use for a stack that is not registered yet].
    #[arg(long, value_enum, value_name = "MODEL")]
    #[arg(conflicts_with_all = ["token", "token_file"])]
    pub(crate) billing_model: Option<BillingModel>,
    /// The agreement's number; for capacity.
    #[arg(long, value_name = "NUMBER", required_if_eq("billing_model", "capacity"))]
    #[arg(conflicts_with_all = ["token", "token_file"])]
    pub(crate) agreement_number: Option<String>,
}

/// How a stack is paid for. The way in which registration tokens write it is understood too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum BillingModel {
    /// By what is used.
    #[value(alias = "PayAsYouUse")]
    PayAsYouUse,
    /// By capacity, under an agreement.
    #[value(alias = "Capacity")]
    Capacity,
    /// Not at all: for development.
    #[value(alias = "Development")]
    Development,
}

/// Who operates a stack. The way in which the API writes it is understood too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OperatedBy {
    /// A Cloud Solution Provider that is billed by the platform itself.
    #[value(alias = "directPartner")]
    DirectPartner,
    /// A distributor, that sells through resellers.
    Distributor,
    /// An indirect reseller, that buys from a distributor.
    Reseller,
    /// The organisation that uses the stack.
    #[value(alias = "endUser")]
    EndUser,
}

/// What is done with a stack's tenants.
#[derive(Debug, Subcommand)]
pub(crate) enum TenantCommand {
    /// Add a tenant: its usage from the present hour on is charged to a customer's subscription.
    #[command(
        visible_alias = "create",
        after_help = "\
With --effective-from it is shown first what that moves: usage, from whom to whom, and the bills that change, month by month. \
Months that are closed are set right by corrections in the open month. Then you are asked.

Examples:
  meterbridge tenant add 5bf881b2-6be7-42a1-9f47-d6fcb6737747 <SUBSCRIPTION-ID> --tenant <TENANT-ID>
  meterbridge tenant add 5bf881b2-6be7-42a1-9f47-d6fcb6737747 <SUBSCRIPTION-ID> \\
      --effective-from 2026-10-01 --dry-run"
    )]
    Add {
        #[command(flatten)]
        stack: StackArg,
        /// The customer's CSP subscription that pays.
        #[arg(value_name = "SUBSCRIPTION-ID", value_parser = texts::guid)]
        subscription: String,
        /// The directory tenant [default: the one that the subscription lives in].
        #[arg(long, value_name = "TENANT-ID", value_parser = texts::guid)]
        tenant: Option<String>,
        /// The first hour for which it pays, be it past [default: the present one].
        #[arg(long, value_name = "HOUR", value_parser = texts::hour)]
        effective_from: Option<String>,
        /// Only show what it would move and cost.
        #[arg(long, requires = "effective_from")]
        dry_run: bool,
        /// Do it without asking.
        #[arg(long, short = 'y', requires = "effective_from")]
        yes: bool,
        /// The tenant may be another customer's, whose usage is then charged to this one.
        #[arg(long)]
        allow_other_customer: bool,
    },
    /// Show which tenant a customer's subscription pays for on a stack.
    #[command(after_help = "\
Example:
  meterbridge tenant show 5bf881b2-6be7-42a1-9f47-d6fcb6737747 <SUBSCRIPTION-ID>")]
    Show {
        #[command(flatten)]
        stack: StackArg,
        /// The customer's subscription.
        #[arg(value_name = "SUBSCRIPTION-ID", value_parser = texts::guid)]
        subscription: String,
    },
    /// Remove a tenant: its later usage falls to the registration's default subscription.
    #[command(
        visible_alias = "delete",
        after_help = "\
Example:
  meterbridge tenant remove 5bf881b2-6be7-42a1-9f47-d6fcb6737747 <SUBSCRIPTION-ID>"
    )]
    Remove {
        #[command(flatten)]
        stack: StackArg,
        /// The customer's subscription that pays until now.
        #[arg(value_name = "SUBSCRIPTION-ID", value_parser = texts::guid)]
        subscription: String,
    },
    /// List the tenants of a stack that are mapped now.
    #[command(after_help = "Example:\n  meterbridge tenant list 5bf881b2-6be7-42a1-9f47-d6fcb6737747")]
    List(StackArg),
    /// Map a tenant for stated hours, past ones too: what was forgotten, or done too late.
    #[command(after_help = "\
Where bills of months that are closed would change it is shown first what that moves, and you are asked: issued invoices stay, \
and corrections in the open month set them right.

Example:
  meterbridge tenant map 5bf881b2-6be7-42a1-9f47-d6fcb6737747 --tenant <TENANT-ID> \\
      --subscription <SUBSCRIPTION-ID> --from 2026-10-01 --to 2026-10-15")]
    Map {
        #[command(flatten)]
        stack: StackArg,
        /// The directory tenant.
        #[arg(long, value_name = "TENANT-ID", value_parser = texts::guid)]
        tenant: String,
        /// The customer's subscription that pays for these hours.
        #[arg(long, value_name = "SUBSCRIPTION-ID", value_parser = texts::guid)]
        #[arg(required_unless_present = "unmapped", conflicts_with = "unmapped")]
        subscription: Option<String>,
        /// The tenant was not mapped in these hours: the default subscription pays.
        #[arg(long)]
        unmapped: bool,
        /// The first hour.
        #[arg(long, value_name = "HOUR", value_parser = texts::hour)]
        from: String,
        /// The first hour after [default: without an end].
        #[arg(long, value_name = "HOUR", value_parser = texts::hour)]
        to: Option<String>,
        /// Only show what it would move and cost.
        #[arg(long)]
        dry_run: bool,
        /// Do it without asking, whatever is closed.
        #[arg(long, short = 'y', conflicts_with = "dry_run")]
        yes: bool,
        /// The tenant may be another customer's, whose usage is then charged to this one.
        #[arg(long)]
        allow_other_customer: bool,
    },
    /// List tenants that used a stack without a mapping, with the commands that add them or assign what they used before.
    #[command(after_help = "\
The commands are ready to paste; only names that nobody knows have to be put in for [NAME]. They show what a mapping from the \
present hour on takes, and with `tenant map` one from the first hour in which the tenant used something. A tenant that was \
added later is listed for the hours before.

Examples:
  meterbridge tenant suggest --period 2026-10
  meterbridge tenant suggest --output json")]
    Suggest {
        #[command(flatten)]
        period: PeriodArgs,
    },
    /// List every version of every tenant mapping of a stack, in all its registrations: who said what, and when.
    #[command(after_help = "Example:\n  meterbridge tenant history 5bf881b2-6be7-42a1-9f47-d6fcb6737747")]
    History(StackArg),
}
