//! ARM paths are the same in any case; names in them keep theirs.

use axum::http::Uri;
use axum::http::uri::PathAndQuery;

/// The words of ARM paths that are served here, as the contract spells them.
const WORDS: [&str; 7] = [
    "subscriptions",
    "resourceGroups",
    "providers",
    "Microsoft.AzureStack",
    "registrations",
    "customerSubscriptions",
    "getActivationKey",
];

/// What a path begins with to be one of ARM's.
const ROOTS: [&str; 2] = ["subscriptions", "providers"];

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
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let Ok(path_and_query) = format!("{path}{query}").parse::<PathAndQuery>() else {
        return uri;
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(path_and_query);
    Uri::from_parts(parts).unwrap_or(uri)
}

/// Words and names take turns: `subscriptions/{id}/resourceGroups/{name}/…`, except that `providers` is followed by
/// the word that names the provider.
fn canonical_path(path: &str) -> String {
    let mut canonical = String::with_capacity(path.len());
    let mut word_next = true;
    for segment in path.split('/').filter(|segment| !segment.is_empty()) {
        canonical.push('/');
        if word_next {
            let word = WORDS.iter().find(|word| segment.eq_ignore_ascii_case(word));
            canonical.push_str(word.unwrap_or(&segment));
            word_next = segment.eq_ignore_ascii_case("providers") || segment.contains('.');
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
