//! `role` and `lock`.

use clap::{ArgGroup, Args, Subcommand, ValueEnum};

use super::texts;

/// Where something holds.
#[derive(Debug, Args)]
pub(crate) struct ScopeArgs {
    /// The scope, as Azure writes it: `/`, `/subscriptions/<ID>`, with `/resourceGroups/<NAME>` or as a resource id.
    #[arg(long, value_name = "SCOPE", value_parser = texts::scope)]
    pub(crate) scope: Option<String>,
    /// The scope: this subscription.
    #[arg(long, value_name = "SUBSCRIPTION-ID", value_parser = texts::guid, conflicts_with = "scope")]
    pub(crate) subscription: Option<String>,
    /// The scope: this resource group of the subscription.
    #[arg(long, value_name = "NAME", requires = "subscription")]
    pub(crate) resource_group: Option<String>,
}

impl ScopeArgs {
    /// The scope, if one is named.
    pub(crate) fn named(&self) -> Option<String> {
        let Self {
            scope,
            subscription,
            resource_group,
        } = self;
        let below = subscription.as_ref().map(|id| match resource_group {
            Some(group) => format!("/subscriptions/{id}/resourceGroups/{group}"),
            None => format!("/subscriptions/{id}"),
        });
        scope.clone().or(below)
    }

    /// The scope; everything, if none is named.
    pub(crate) fn or_everywhere(&self) -> String {
        self.named().unwrap_or_else(|| "/".to_owned())
    }
}

/// What is done with roles.
#[derive(Debug, Subcommand)]
pub(crate) enum RoleCommand {
    /// Define a role of your own, or define it anew.
    #[command(after_help = "\
Example, with what registering stacks takes:
  meterbridge role create --name \"Stack registrar\" --assignable /subscriptions/<SUBSCRIPTION-ID> \\
      --action Microsoft.Resources/subscriptions/resourceGroups/read \\
      --action Microsoft.Resources/subscriptions/resourceGroups/write \\
      --action \"Microsoft.AzureStack/registrations/*\" \\
      --action Microsoft.AzureStack/register/action \\
      --action Microsoft.Authorization/roleAssignments/read \\
      --action Microsoft.Authorization/roleAssignments/write \\
      --action Microsoft.Authorization/roleAssignments/delete \\
      --action Microsoft.Authorization/permissions/read")]
    Create {
        /// Its name. A role of your own of that name is defined anew.
        #[arg(long, value_name = "NAME")]
        name: String,
        /// What it is for.
        #[arg(long, value_name = "TEXT")]
        description: Option<String>,
        /// An action that it allows; `*` stands for anything. May be given several times.
        #[arg(long = "action", value_name = "ACTION", required = true)]
        actions: Vec<String>,
        /// An action that it leaves out of these. May be given several times.
        #[arg(long = "not-action", value_name = "ACTION")]
        not_actions: Vec<String>,
        /// Where it can be given: a scope. May be given several times.
        #[arg(long = "assignable", value_name = "SCOPE", required = true, value_parser = texts::scope)]
        assignable: Vec<String>,
    },
    /// Show what a role allows that can be given at a scope [default: at the root].
    #[command(after_help = "Example:\n  meterbridge role show Contributor --subscription <SUBSCRIPTION-ID>")]
    Show {
        /// Its name or id.
        #[arg(value_name = "ROLE")]
        role: String,
        #[command(flatten)]
        scope: ScopeArgs,
    },
    /// List the roles that can be given at a scope [default: at the root].
    #[command(after_help = "Example:\n  meterbridge role list --subscription <SUBSCRIPTION-ID>")]
    List(ScopeArgs),
    /// Delete a role of your own that nobody has.
    #[command(
        after_help = "Example:\n  meterbridge role delete \"Stack registrar\" --subscription <SUBSCRIPTION-ID>"
    )]
    Delete {
        /// Its name or id.
        #[arg(value_name = "ROLE")]
        role: String,
        #[command(flatten)]
        scope: ScopeArgs,
    },
    /// Give a role to a user, an application or a group.
    Assign(RoleGivenArgs),
    /// Take a role away.
    Unassign(RoleGivenArgs),
    /// List who has which role at a scope [default: at the root], above it and below it.
    #[command(after_help = "\
Roles in the trade, such as that of a partner's admin agent, are listed by `meterbridge role \
partner-roles`.

Example:
  meterbridge role assignments --subscription <SUBSCRIPTION-ID>")]
    Assignments(ScopeArgs),
    /// List who operates the platform, who is an admin agent of which partner, and who is whose user.
    #[command(after_help = "Example:\n  meterbridge role partner-roles")]
    PartnerRoles,
}

/// Which role, where, and whose.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("given").required(true)
    .args(["role", "admin_agent_of", "customer_user_of", "platform_operator"]))]
#[command(group = ArgGroup::new("where").args(["scope", "subscription"]))]
#[command(group = ArgGroup::new("whom").required(true).args(["user", "application", "group", "principal"]))]
#[command(after_help = "\
A role of Azure holds at a scope and everywhere below it. A role in the trade holds for all that a \
partner sells or a customer buys.

Examples:
  meterbridge role assign --role Owner --subscription <SUBSCRIPTION-ID> \\
      --user anna@northwind.example
  meterbridge role assign --admin-agent-of <PARTNER-ID> --group <GROUP-ID>
  meterbridge role unassign --customer-user-of <CUSTOMER-ID> --user kari@fjordbank.example")]
pub(crate) struct RoleGivenArgs {
    /// A role of Azure: its name, such as Owner, Contributor or Reader, or its id.
    #[arg(long, value_name = "ROLE", requires = "where")]
    pub(crate) role: Option<String>,
    #[command(flatten)]
    pub(crate) scope: ScopeArgs,
    /// Admin agent of this partner: sees and changes all that is the partner's.
    #[arg(long, value_name = "PARTNER-ID", value_parser = texts::guid, conflicts_with = "where")]
    pub(crate) admin_agent_of: Option<String>,
    /// User of this customer: reads its usage and charges.
    #[arg(long, value_name = "CUSTOMER-ID", value_parser = texts::guid, conflicts_with = "where")]
    pub(crate) customer_user_of: Option<String>,
    /// Operator of the platform: may do what an operator's credential may.
    #[arg(long, conflicts_with = "where")]
    pub(crate) platform_operator: bool,
    #[command(flatten)]
    pub(crate) whom: WhomArgs,
}

/// Whose role.
#[derive(Debug, Args)]
#[command(next_help_heading = "Who has it")]
pub(crate) struct WhomArgs {
    /// A user: its name or object id.
    #[arg(long, value_name = "USER")]
    pub(crate) user: Option<String>,
    /// An application.
    #[arg(long, value_name = "APPLICATION-ID", value_parser = texts::guid)]
    pub(crate) application: Option<String>,
    /// A group: its object id.
    #[arg(long, value_name = "GROUP-ID", value_parser = texts::guid)]
    pub(crate) group: Option<String>,
    /// An account or a group that you cannot look up, such as one of a directory that is kept elsewhere. Whether there is
    /// one with this id is not checked.
    #[arg(long, value_name = "OBJECT-ID", value_parser = texts::guid, requires = "principal_kind")]
    pub(crate) principal: Option<String>,
    /// What that object is.
    #[arg(long, value_enum, value_name = "KIND", requires = "principal")]
    pub(crate) principal_kind: Option<PrincipalKind>,
}

/// What can have a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PrincipalKind {
    /// A person.
    User,
    /// Several of them.
    Group,
    /// A program.
    ServicePrincipal,
}

/// What is done with locks.
#[derive(Debug, Subcommand)]
pub(crate) enum LockCommand {
    /// Set a lock at a scope: it holds for everything below, too, whoever asks. One that is there with another level stays
    /// as it is, unless --replace is given.
    #[command(after_help = "\
Example:
  meterbridge lock create keep --level cannot-delete --subscription <SUBSCRIPTION-ID> \\
      --resource-group azurestack --notes \"The registrations are in here.\"")]
    Create {
        /// Its name.
        #[arg(value_name = "NAME")]
        name: String,
        /// What it keeps everybody from.
        #[arg(long, value_enum, value_name = "LEVEL")]
        level: LockLevel,
        /// Why it is there.
        #[arg(long, value_name = "TEXT")]
        notes: Option<String>,
        /// Change the level of the lock that has this name there.
        #[arg(long)]
        replace: bool,
        #[command(flatten)]
        scope: LockedArgs,
    },
    /// List the locks at a scope and below it.
    #[command(after_help = "Example:\n  meterbridge lock list --subscription <SUBSCRIPTION-ID>")]
    List(LockedArgs),
    /// Remove a lock.
    #[command(after_help = "\
Example:
  meterbridge lock delete keep --subscription <SUBSCRIPTION-ID> --resource-group azurestack")]
    Delete {
        /// Its name.
        #[arg(value_name = "NAME")]
        name: String,
        #[command(flatten)]
        scope: LockedArgs,
    },
}

/// What is locked.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("where").required(true).args(["scope", "subscription"]))]
pub(crate) struct LockedArgs {
    #[command(flatten)]
    pub(crate) scope: ScopeArgs,
}

/// What a lock keeps everybody from. The way in which Azure writes it is understood too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LockLevel {
    /// From deleting.
    #[value(alias = "CanNotDelete")]
    CannotDelete,
    /// From changing and deleting.
    #[value(alias = "ReadOnly")]
    ReadOnly,
}
