//! `webhook`.

use clap::{Args, Subcommand};

use super::texts;

/// What is done with webhooks.
#[derive(Debug, Subcommand)]
pub(crate) enum WebhookCommand {
    /// List the webhooks, how many notices wait for each, and which receivers take nothing.
    #[command(after_help = "Example:\n  meterbridge webhook list")]
    List,
    /// Set a webhook: a new one, or another form of one that is there.
    #[command(after_help = "\
Each notice is a POST of JSON in the form of Standard Webhooks: webhook-id is the same whenever the notice \
is sent, webhook-signature is made with a key of the platform (v1a, Ed25519), whose public half `webhook \
keys` prints. What is not answered with 2xx is sent again, for three days; 410 stops the webhook until \
it is set again. Setting a webhook whose receiver takes nothing, even as it is, has what waits sent at once.

Kinds are stack.behind, stack.reappeared, usage.unusual, usage.usual, budget.reached and test.

Examples:
  meterbridge webhook set night-shift --to https://pager.example/hooks/meterbridge
  meterbridge webhook set fabrikam --to https://fabrikam.example/usage --partner <PARTNER-ID> \\
      --kind stack.behind --kind stack.reappeared")]
    Set(SetWebhookArgs),
    /// Remove a webhook. What waits for it is not sent.
    #[command(after_help = "Example:\n  meterbridge webhook remove night-shift")]
    Remove {
        /// The webhook.
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// Send a notice that nothing happened, and wait for what becomes of it.
    #[command(after_help = "\
Leaves with 0 only if the receiver took it. Notices that wait are sent before it, and at once.

Example:
  meterbridge webhook test night-shift")]
    Test {
        /// The webhook.
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// List the last notices that were for a webhook, and what became of each.
    #[command(after_help = "Example:\n  meterbridge webhook deliveries night-shift")]
    Deliveries {
        /// The webhook.
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// Send a notice to a webhook again, under the same id.
    #[command(after_help = "\
Notices that wait are sent before it, and at once. One that waits itself keeps its place.

Example:\n  meterbridge webhook redeliver night-shift <NOTICE-ID>")]
    Redeliver {
        /// The webhook.
        #[arg(value_name = "NAME")]
        name: String,
        /// The notice, as the list of deliveries names it.
        #[arg(value_name = "NOTICE-ID", value_parser = texts::guid)]
        notice_id: String,
    },
    /// Print the public keys that notices are signed with, for receivers.
    #[command(after_help = "Example:\n  meterbridge webhook keys")]
    Keys,
}

/// A webhook.
#[derive(Debug, Args)]
pub(crate) struct SetWebhookArgs {
    /// Its name: lower-case letters, digits and dashes.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// Where notices are sent: https, or http to the server's own machine.
    #[arg(long, value_name = "URL")]
    pub(crate) to: String,
    /// A kind of notices that is sent, such as stack.behind. May be given several times [default: all].
    #[arg(long = "kind", value_name = "KIND")]
    pub(crate) kinds: Vec<String>,
    /// Only what is about this stack.
    #[arg(long, value_name = "CLOUD-ID", value_parser = texts::guid)]
    pub(crate) stack: Option<String>,
    /// Only what is about stacks and budgets of this partner.
    #[arg(long, value_name = "PARTNER-ID", value_parser = texts::guid)]
    pub(crate) partner: Option<String>,
}
