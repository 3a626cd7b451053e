//! The one table of resource providers, their types, and the api-versions in which each is served.

use std::slice;

/// A resource provider.
#[derive(Debug)]
pub(crate) struct Namespace {
    pub(crate) name: &'static str,
    /// For people.
    pub(crate) title: &'static str,
    pub(crate) types: &'static [ResourceType],
}

/// A type of resources, or what is refused like one.
#[derive(Debug)]
pub(crate) struct ResourceType {
    pub(crate) name: &'static str,
    pub(crate) versions: Versions,
    pub(crate) locations: &'static [&'static str],
    pub(crate) capabilities: &'static str,
}

/// In which versions a type is served.
#[derive(Debug)]
pub(crate) enum Versions {
    /// In these: what is served differs between them, or a client could take one for another.
    These(&'static [&'static str]),
    /// In every version that there was or will be: it has looked the same ever since, and clients ask with whichever
    /// they know. These are told of.
    Any(&'static [&'static str]),
}

impl Versions {
    /// Those that clients are told of, newest first.
    pub(crate) const fn told(&self) -> &'static [&'static str] {
        match self {
            Self::These(versions) | Self::Any(versions) => versions,
        }
    }
}

const GLOBAL: &[&str] = &["Global"];
const NOWHERE: &[&str] = &[];
const TAGGED: &str = "SupportsTags";
const NONE: &str = "None";

const V2022: &str = "2022-06-01";
const V2020: &str = "2020-06-01-preview";
const V2017: &str = "2017-06-01";
const V2016: &str = "2016-01-01";

const ALL: Versions = Versions::These(&[V2022, V2020, V2017, V2016]);
const SINCE_2017: Versions = Versions::These(&[V2022, V2020, V2017]);
const RESOURCES: Versions = Versions::Any(&[
    "2024-11-01",
    "2024-03-01",
    "2023-07-01",
    "2022-12-01",
    "2022-09-01",
    "2021-04-01",
    "2020-10-01",
    "2020-06-01",
    "2019-10-01",
    "2019-05-01",
    "2018-05-01",
    "2017-05-10",
    "2016-09-01",
    "2016-02-01",
    "2015-11-01",
    "2014-04-01",
]);
const ROLES: Versions = Versions::Any(&[
    "2022-04-01",
    "2022-05-01-preview",
    "2018-07-01",
    "2018-01-01-preview",
    "2015-07-01",
]);
const LOCKS: Versions = Versions::Any(&["2020-05-01", "2017-04-01", "2016-09-01", "2015-01-01"]);

const fn of(
    name: &'static str,
    versions: Versions,
    locations: &'static [&'static str],
    capabilities: &'static str,
) -> ResourceType {
    ResourceType {
        name,
        versions,
        locations,
        capabilities,
    }
}

pub(crate) const REGISTRATIONS: ResourceType = of("registrations", ALL, GLOBAL, TAGGED);
pub(crate) const CUSTOMER_SUBSCRIPTIONS: ResourceType =
    of("registrations/customerSubscriptions", SINCE_2017, GLOBAL, NONE);
pub(crate) const REMOTE_MANAGEMENT: ResourceType =
    of("registrations/enableRemoteManagement", SINCE_2017, GLOBAL, NONE);
pub(crate) const PRODUCTS: ResourceType = of("registrations/products", ALL, GLOBAL, NONE);
/// An operation that 2020-06-01-preview left out.
pub(crate) const LISTED_PRODUCTS: ResourceType = of(
    "registrations/products/listProducts",
    Versions::These(&[V2022, V2017, V2016]),
    GLOBAL,
    NONE,
);
pub(crate) const LINKED_SUBSCRIPTIONS: ResourceType =
    of("linkedSubscriptions", Versions::These(&[V2020]), GLOBAL, TAGGED);
pub(crate) const CLOUD_MANIFEST_FILES: ResourceType = of("cloudManifestFiles", SINCE_2017, GLOBAL, NONE);
pub(crate) const DEPLOYMENT_LICENSES: ResourceType = of(
    "generateDeploymentLicense",
    Versions::These(&[V2022]),
    GLOBAL,
    NONE,
);
pub(crate) const OPERATIONS: ResourceType = of("operations", ALL, NOWHERE, NONE);

pub(crate) const SUBSCRIPTIONS: ResourceType = of("subscriptions", RESOURCES, NOWHERE, NONE);
pub(crate) const TENANTS: ResourceType = of("tenants", RESOURCES, NOWHERE, NONE);
pub(crate) const LOCATIONS: ResourceType = of("subscriptions/locations", RESOURCES, NOWHERE, NONE);
pub(crate) const PROVIDERS: ResourceType = of("subscriptions/providers", RESOURCES, NOWHERE, NONE);
pub(crate) const RESOURCE_GROUPS: ResourceType = of("resourceGroups", RESOURCES, GLOBAL, TAGGED);
pub(crate) const RESOURCE_LISTS: ResourceType = of("resources", RESOURCES, NOWHERE, NONE);
pub(crate) const TAGS: ResourceType = of("tags", RESOURCES, NOWHERE, NONE);
pub(crate) const OPERATION_RESULTS: ResourceType = of("operationresults", RESOURCES, NOWHERE, NONE);

pub(crate) const ROLE_DEFINITIONS: ResourceType = of("roleDefinitions", ROLES, NOWHERE, NONE);
pub(crate) const ROLE_ASSIGNMENTS: ResourceType = of("roleAssignments", ROLES, NOWHERE, NONE);
pub(crate) const PERMISSIONS: ResourceType = of("permissions", ROLES, NOWHERE, NONE);
pub(crate) const PROVIDER_OPERATIONS: ResourceType = of("providerOperations", ROLES, NOWHERE, NONE);
pub(crate) const MANAGEMENT_LOCKS: ResourceType = of("locks", LOCKS, NOWHERE, NONE);

const USAGE_AGGREGATES: ResourceType = of(
    "UsageAggregates",
    Versions::These(&["2015-06-01-preview"]),
    NOWHERE,
    NONE,
);

/// Every provider. All are registered with every subscription: there is nothing about them that a subscription would
/// have to be made ready for *(ours)*.
pub(crate) static NAMESPACES: [Namespace; 4] = [
    Namespace {
        name: "Microsoft.Authorization",
        title: "Roles and locks",
        types: &[
            ROLE_ASSIGNMENTS,
            ROLE_DEFINITIONS,
            PERMISSIONS,
            MANAGEMENT_LOCKS,
            PROVIDER_OPERATIONS,
        ],
    },
    Namespace {
        name: "Microsoft.AzureStack",
        title: "Azure Stack",
        types: &[
            OPERATIONS,
            REGISTRATIONS,
            PRODUCTS,
            CUSTOMER_SUBSCRIPTIONS,
            CLOUD_MANIFEST_FILES,
            LINKED_SUBSCRIPTIONS,
            DEPLOYMENT_LICENSES,
        ],
    },
    Namespace {
        name: "Microsoft.Commerce",
        title: "Usage",
        types: slice::from_ref(&USAGE_AGGREGATES),
    },
    Namespace {
        name: "Microsoft.Resources",
        title: "Resources",
        types: &[
            SUBSCRIPTIONS,
            TENANTS,
            LOCATIONS,
            PROVIDERS,
            RESOURCE_GROUPS,
            RESOURCE_LISTS,
            TAGS,
            OPERATION_RESULTS,
        ],
    },
];

/// The provider with this namespace, in any case.
pub(crate) fn namespace(name: &str) -> Option<&'static Namespace> {
    NAMESPACES
        .iter()
        .find(|namespace| namespace.name.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_version_that_is_no_preview_comes_first() {
        for namespace in &NAMESPACES {
            for kind in namespace.types {
                let told = kind.versions.told();
                let stable: Vec<_> = told
                    .iter()
                    .filter(|version| !version.ends_with("preview"))
                    .collect();
                assert!(stable.is_sorted_by(|newer, older| newer > older), "{kind:?}");
            }
        }
        assert!(namespace("MICROSOFT.azurestack").is_some());
    }
}
