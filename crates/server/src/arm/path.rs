//! ARM paths are the same in any case; names in them keep theirs.

use axum::http::Uri;
use axum::http::uri::PathAndQuery;

/// The words of ARM paths that are served here, as the contract spells them.
const WORDS: [&str; 37] = [
    "metadata",
    "endpoints",
    "tenants",
    "subscriptions",
    "locations",
    "resourceGroups",
    "resources",
    "moveResources",
    "validateMoveResources",
    "operationresults",
    "providers",
    "register",
    "unregister",
    "Microsoft.AzureStack",
    "Microsoft.Authorization",
    "Microsoft.Commerce",
    "Microsoft.Resources",
    "operations",
    "registrations",
    "customerSubscriptions",
    "getActivationKey",
    "enableRemoteManagement",
    "products",
    "listDetails",
    "listProducts",
    "getProducts",
    "getProduct",
    "uploadProductLog",
    "linkedSubscriptions",
    "cloudManifestFiles",
    "generateDeploymentLicense",
    "tags",
    "locks",
    "permissions",
    "roleDefinitions",
    "roleAssignments",
    "providerOperations",
];

/// The words that another word follows, and not a name.
const WORDS_BEFORE_WORDS: [&str; 2] = ["metadata", "providers"];

/// What a path begins with to be one of ARM's.
const ROOTS: [&str; 4] = ["subscriptions", "providers", "tenants", "metadata"];

/// Whether a path is one of ARM's.
pub(crate) fn is_arm(path: &str) -> bool {
    let root = path.trim_start_matches('/').split('/').next().unwrap_or_default();
    ROOTS.iter().any(|known| root.eq_ignore_ascii_case(known))
}

/// The URI with the words of an ARM path spelt as the contract does; any other URI as it is.
pub(crate) fn canonical(uri: Uri) -> Uri {
    if !is_arm(uri.path()) {
        return uri;
    }
    let path = canonical_path(uri.path());
    with_path(uri, &path)
}

/// The URI with another path.
pub(crate) fn with_path(uri: Uri, path: &str) -> Uri {
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let Ok(path_and_query) = format!("{path}{query}").parse::<PathAndQuery>() else {
        return uri;
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(path_and_query);
    Uri::from_parts(parts).unwrap_or(uri)
}

/// Words and names take turns: `subscriptions/{id}/resourceGroups/{name}/…`, except that `providers` is followed by
/// the word that names the provider, and `metadata` by what is asked for.
fn canonical_path(path: &str) -> String {
    let mut canonical = String::with_capacity(path.len());
    let mut word_next = true;
    for segment in path.split('/').filter(|segment| !segment.is_empty()) {
        canonical.push('/');
        if word_next {
            let word = WORDS.iter().find(|word| segment.eq_ignore_ascii_case(word));
            canonical.push_str(word.unwrap_or(&segment));
            let is_one = |word: &&str| segment.eq_ignore_ascii_case(word);
            word_next = WORDS_BEFORE_WORDS.iter().any(is_one) || segment.contains('.');
        } else {
            canonical.push_str(segment);
            word_next = true;
        }
    }
    canonical
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_spelt_as_the_contract_does_and_names_are_left_alone() {
        for (sent, canonical) in [
            (
                "/SUBSCRIPTIONS/ABC/resourcegroups/Providers",
                "/subscriptions/ABC/resourceGroups/Providers",
            ),
            (
                "/subscriptions/s/resourcegroups/RG/Providers/microsoft.azurestack/Registrations/REGISTRATIONS/GetActivationKey",
                "/subscriptions/s/resourceGroups/RG/providers/Microsoft.AzureStack/registrations/REGISTRATIONS/getActivationKey",
            ),
            (
                "/subscriptions/s/resourceGroups/g/providers/Microsoft.AzureStack/registrations/n/CUSTOMERsubscriptions/X?Api-Version=1",
                "/subscriptions/s/resourceGroups/g/providers/Microsoft.AzureStack/registrations/n/customerSubscriptions/X?Api-Version=1",
            ),
            (
                "//subscriptions//s/providers/MICROSOFT.AzureStack/registrations/",
                "/subscriptions/s/providers/Microsoft.AzureStack/registrations",
            ),
            (
                "/subscriptions/s/resourcegroups/g/providers/Microsoft.AzureStack//registrations/n/providers/microsoft.authorization/Locks/LOCKS",
                "/subscriptions/s/resourceGroups/g/providers/Microsoft.AzureStack/registrations/n/providers/Microsoft.Authorization/locks/LOCKS",
            ),
            (
                "/Metadata/Endpoints?api-version=1.0",
                "/metadata/endpoints?api-version=1.0",
            ),
            ("/api/v1/Subscriptions", "/api/v1/Subscriptions"),
            ("/", "/"),
        ] {
            assert_eq!(
                super::canonical(sent.parse().unwrap()),
                canonical.parse::<Uri>().unwrap(),
                "{sent}"
            );
        }
    }
}
