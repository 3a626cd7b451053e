//! How much of everything the books keep: each limit with its number, its code and what to do about it, in one place.

use std::fmt;

/// A limit of the books. Those of roles and of resource groups are Azure's, all others *(ours)*.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Partners of the platform.
    Partners,
    /// Customers of a partner.
    CustomersOfPartner,
    /// Directory tenants of a customer.
    TenantsOfCustomer,
    /// Subscriptions of one buyer: a customer, a partner with its own, or a directory without either.
    SubscriptionsOfBuyer,
    /// Holders of one partner role: operators of the platform, agents of a partner, users of a customer.
    HoldersOfPartnerRole,
    /// Directories of one owner.
    DirectoriesOfOwner,
    /// Users of a directory.
    UsersOfDirectory,
    /// Applications of a directory.
    ApplicationsOfDirectory,
    /// Groups of a directory.
    GroupsOfDirectory,
    /// Members of a group.
    MembersOfGroup,
    /// Secrets and certificates of an application, together: room for changing each of them without haste.
    CredentialsOfApplication,
    /// Role assignments at and below a subscription.
    RoleAssignmentsOfSubscription,
    /// Role assignments at the root scope.
    RoleAssignmentsAtRoot,
    /// Custom roles that can be given in the subscriptions of a directory.
    CustomRolesOfDirectory,
    /// Locks of one scope.
    LocksOfScope,
    /// Locks at and below a subscription.
    LocksOfSubscription,
    /// Resource groups of a subscription.
    ResourceGroupsOfSubscription,
    /// Webhooks of the platform.
    Webhooks,
    /// Notices that wait for a webhook.
    NoticesOfWebhook,
    /// Budgets that one owner has of one sale, or of one subscription.
    BudgetsOfOne,
    /// Budgets of one owner.
    BudgetsOfOwner,
}

impl Limit {
    /// Every limit.
    pub const ALL: [Self; 21] = [
        Self::Partners,
        Self::CustomersOfPartner,
        Self::TenantsOfCustomer,
        Self::SubscriptionsOfBuyer,
        Self::HoldersOfPartnerRole,
        Self::DirectoriesOfOwner,
        Self::UsersOfDirectory,
        Self::ApplicationsOfDirectory,
        Self::GroupsOfDirectory,
        Self::MembersOfGroup,
        Self::CredentialsOfApplication,
        Self::RoleAssignmentsOfSubscription,
        Self::RoleAssignmentsAtRoot,
        Self::CustomRolesOfDirectory,
        Self::LocksOfScope,
        Self::LocksOfSubscription,
        Self::ResourceGroupsOfSubscription,
        Self::Webhooks,
        Self::NoticesOfWebhook,
        Self::BudgetsOfOne,
        Self::BudgetsOfOwner,
    ];

    /// How many there may be.
    #[must_use]
    pub const fn max(self) -> usize {
        match self {
            Self::Partners
            | Self::GroupsOfDirectory
            | Self::ApplicationsOfDirectory
            | Self::MembersOfGroup => 10_000,
            Self::CustomersOfPartner | Self::UsersOfDirectory => 50_000,
            Self::TenantsOfCustomer | Self::DirectoriesOfOwner => 50,
            Self::SubscriptionsOfBuyer | Self::RoleAssignmentsAtRoot => 500,
            Self::HoldersOfPartnerRole | Self::NoticesOfWebhook => 1_000,
            Self::Webhooks => 50,
            Self::BudgetsOfOne => 100,
            Self::CredentialsOfApplication | Self::LocksOfScope => 20,
            Self::RoleAssignmentsOfSubscription | Self::LocksOfSubscription => 4_000,
            Self::CustomRolesOfDirectory | Self::BudgetsOfOwner => 5_000,
            Self::ResourceGroupsOfSubscription => 980,
        }
    }

    /// The stable code of what goes over it.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Partners => "TooManyPartners",
            Self::CustomersOfPartner => "TooManyCustomers",
            Self::TenantsOfCustomer => "TooManyTenants",
            Self::SubscriptionsOfBuyer => "TooManySubscriptions",
            Self::HoldersOfPartnerRole => "TooManyPartnerRoles",
            Self::DirectoriesOfOwner => "TooManyDirectories",
            Self::UsersOfDirectory => "TooManyUsers",
            Self::ApplicationsOfDirectory => "TooManyApplications",
            Self::GroupsOfDirectory => "TooManyGroups",
            Self::MembersOfGroup => "TooManyMembers",
            Self::CredentialsOfApplication => "TooManyCredentials",
            Self::RoleAssignmentsOfSubscription | Self::RoleAssignmentsAtRoot => {
                "RoleAssignmentLimitExceeded"
            }
            Self::CustomRolesOfDirectory => "RoleDefinitionLimitExceeded",
            Self::LocksOfScope | Self::LocksOfSubscription => "TooManyLocks",
            Self::ResourceGroupsOfSubscription => "ResourceGroupQuotaExceeded",
            Self::Webhooks => "TooManyWebhooks",
            Self::NoticesOfWebhook => "TooManyNoticesWaiting",
            Self::BudgetsOfOne | Self::BudgetsOfOwner => "TooManyBudgets",
        }
    }

    /// Of whom there are how many of what, and what helps.
    const fn in_words(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Partners => (
                "the platform",
                "partners",
                "delete one that sells nothing any more",
            ),
            Self::CustomersOfPartner => ("a partner", "customers", "delete one that buys nothing any more"),
            Self::TenantsOfCustomer => (
                "a customer",
                "directory tenants",
                "make another customer of the rest",
            ),
            Self::SubscriptionsOfBuyer => (
                "a buyer",
                "subscriptions",
                "delete one that pays for nothing any more",
            ),
            Self::HoldersOfPartnerRole => (
                "a partner role",
                "holders",
                "give the role to a group and its members have it",
            ),
            Self::DirectoriesOfOwner => (
                "an owner",
                "directories",
                "use one of them, or delete an empty one",
            ),
            Self::UsersOfDirectory => ("a directory", "users", "delete one, or make another directory"),
            Self::ApplicationsOfDirectory => (
                "a directory",
                "applications",
                "delete one, or make another directory",
            ),
            Self::GroupsOfDirectory => ("a directory", "groups", "delete one, or make another directory"),
            Self::MembersOfGroup => ("a group", "members", "make another group"),
            Self::CredentialsOfApplication => {
                ("an application", "secrets and certificates", "remove one first")
            }
            Self::RoleAssignmentsOfSubscription => (
                "a subscription",
                "role assignments",
                "give roles to groups, or delete an assignment",
            ),
            Self::RoleAssignmentsAtRoot => (
                "the root scope",
                "role assignments",
                "give roles to groups, or delete an assignment",
            ),
            Self::CustomRolesOfDirectory => (
                "the subscriptions of a directory",
                "custom roles",
                "delete one that is given to nobody",
            ),
            Self::LocksOfScope => (
                "a scope",
                "locks",
                "delete one first: one lock of a level does what several do",
            ),
            Self::LocksOfSubscription => (
                "a subscription",
                "locks",
                "delete one, or lock the scope above it",
            ),
            Self::ResourceGroupsOfSubscription => {
                ("a subscription", "resource groups", "delete an empty one")
            }
            Self::Webhooks => (
                "the platform",
                "webhooks",
                "remove one: a webhook can be for notices of several kinds",
            ),
            Self::NoticesOfWebhook => (
                "a webhook",
                "notices that wait for it",
                "have its receiver take them in, or remove the webhook and set it again",
            ),
            Self::BudgetsOfOne => (
                "one owner",
                "budgets of one sale or subscription",
                "remove one: a budget has several thresholds",
            ),
            Self::BudgetsOfOwner => ("one owner", "budgets", "remove one that nobody needs any more"),
        }
    }

    /// Whether there may be one more where there are this many.
    pub(super) fn admits_one_more(self, than: usize) -> Result<(), LimitReached> {
        self.admits(than.saturating_add(1))
    }

    /// Whether there may be this many.
    pub(super) const fn admits(self, wanted: usize) -> Result<(), LimitReached> {
        if wanted <= self.max() {
            Ok(())
        } else {
            Err(LimitReached(self))
        }
    }
}

/// There are as many of something as there may be. The text says how many, and what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitReached(pub Limit);

impl std::error::Error for LimitReached {}

impl fmt::Display for LimitReached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whose, what, helps) = self.0.in_words();
        write!(f, "{whose} has {} {what} at the most; {helps}", self.0.max())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limit_admits_its_number_and_says_it_to_whoever_wants_more() {
        for limit in Limit::ALL {
            assert_eq!(limit.admits(limit.max()), Ok(()));
            let refused = limit.admits_one_more(limit.max()).unwrap_err();
            assert!(
                refused.to_string().contains(&limit.max().to_string()),
                "{refused}"
            );
        }
    }
}
