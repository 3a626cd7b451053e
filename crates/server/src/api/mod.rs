//! Our own API, under `/api/v1`. Its shapes are those of [`wire::api`]; `documents` describes it.

pub(crate) mod accounts;
pub(crate) mod deliveries;
pub(crate) mod documents;
pub(crate) mod mappings;
pub(crate) mod meters;
pub(crate) mod price_lists;
pub(crate) mod registrations;
pub(crate) mod stacks;
pub(crate) mod statements;
pub(crate) mod usage;
