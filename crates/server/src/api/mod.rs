//! Our own API, under `/api/v1`. Its shapes are those of [`wire::api`]; `documents` describes it.

pub(crate) mod accounts;
pub(crate) mod applications;
pub(crate) mod bundles;
mod certificate;
pub(crate) mod completeness;
pub(crate) mod deliveries;
pub(crate) mod directories;
pub(crate) mod documents;
pub(crate) mod groups;
mod listing;
pub(crate) mod mappings;
pub(crate) mod me;
pub(crate) mod meters;
pub(crate) mod operator_credentials;
pub(crate) mod partner_roles;
mod path_only;
pub(crate) mod price_drafts;
pub(crate) mod price_lists;
pub(crate) mod quarantine;
pub(crate) mod registrations;
pub(crate) mod stacks;
pub(crate) mod statements;
pub(crate) mod suggestions;
pub(crate) mod usage;
pub(crate) mod users;
pub(crate) mod webhooks;
