//! Where a stack's tokens come from: `/metadata/endpoints`, asked without a token.

use reqwest::Url;
use wire::stack_admin::AdminEndpoints;

use super::call::safe_url;
use crate::trouble::Trouble;

/// The version of the document, as the scripts for Azure Stack ask for it.
pub(crate) const VERSION: &str = "2015-01-01";

/// Who gives tokens, and for what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SignIn {
    /// Where directories are: without one, the stack's own AD FS.
    pub(crate) authority: Url,
    /// Where tokens are asked for.
    pub(crate) token_endpoint: Url,
    /// For what: the stack's API.
    pub(crate) audience: String,
}

/// What to make of the document, for the accounts of a directory if one is named.
pub(crate) fn sign_in(endpoints: AdminEndpoints, directory: Option<&str>) -> Result<SignIn, Trouble> {
    let refuse = |message: String, advice: &str| Trouble::new("InvalidStackMetadata", message, advice);
    let audience = endpoints.authentication.audiences.into_iter().next();
    let audience = audience.filter(|it| !it.is_empty()).ok_or_else(|| {
        refuse(
            "The stack's /metadata/endpoints names no audience.".to_owned(),
            "See that `endpoint` is the stack's admin endpoint of Azure Resource Manager.",
        )
    })?;
    let login = endpoints.authentication.login_endpoint;
    let authority = safe_url(&login).map_err(|why| {
        refuse(
            format!("The stack's login endpoint cannot be used: {why}."),
            "See that `endpoint` is the stack's admin endpoint of Azure Resource Manager.",
        )
    })?;
    let named: Vec<&str> = authority
        .path_segments()
        .into_iter()
        .flatten()
        .filter(|it| !it.is_empty())
        .collect();
    let is_adfs = named.last().is_some_and(|last| last.eq_ignore_ascii_case("adfs"));
    let mut path: Vec<String> = named.iter().map(|it| (*it).to_owned()).collect();
    match directory {
        Some(_) if is_adfs => {}
        Some(directory) => path = vec![directory.to_owned()],
        None if path.is_empty() => {
            return Err(refuse(
                format!("The stack's accounts sign in at {login}, in one of its directories."),
                "Set `tenant` of the stack to the directory of the account: its id or a domain.",
            ));
        }
        None => {}
    }
    path.extend(["oauth2", "token"].map(str::to_owned));
    let mut token_endpoint = authority.clone();
    // An https or http URL always has a path.
    if let Ok(mut segments) = token_endpoint.path_segments_mut() {
        segments.clear().extend(path);
    }
    Ok(SignIn {
        authority,
        token_endpoint,
        audience,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_come_from_the_stacks_own_authority_or_from_a_directory() {
        let token_endpoint = |login: &str, directory: Option<&str>| {
            let text =
                format!(r#"{{"authentication":{{"loginEndpoint":"{login}","audiences":["https://a"]}}}}"#);
            sign_in(serde_json::from_str(&text).unwrap(), directory)
                .map(|it| it.token_endpoint.to_string())
                .map_err(|trouble| trouble.advice)
        };
        let found = |url: &str| Ok(url.to_owned());
        let adfs = "https://adfs.local.azurestack.external/adfs";
        assert_eq!(token_endpoint(adfs, None), found(&format!("{adfs}/oauth2/token")));
        assert_eq!(
            token_endpoint(&format!("{adfs}/"), Some("contoso.example")),
            found(&format!("{adfs}/oauth2/token"))
        );
        let entra = "https://login.microsoftonline.com";
        assert_eq!(
            token_endpoint(&format!("{entra}/"), Some("contoso.example")),
            found(&format!("{entra}/contoso.example/oauth2/token"))
        );
        assert_eq!(
            token_endpoint(&format!("{entra}/fabrikam.example/"), None),
            found(&format!("{entra}/fabrikam.example/oauth2/token"))
        );
        assert!(token_endpoint(entra, None).unwrap_err().contains("`tenant`"));
        assert!(token_endpoint("http://adfs.example/adfs", None).is_err());
    }

    #[test]
    fn a_stack_that_names_no_audience_is_refused() {
        let text = r#"{"authentication":{"loginEndpoint":"https://a.example/adfs","audiences":[]}}"#;
        assert!(sign_in(serde_json::from_str(text).unwrap(), None).is_err());
    }
}
