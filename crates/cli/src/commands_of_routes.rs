//! Routes of the API as commands: the server tells every caller what to ask for next in routes, and whoever is at the
//! command line has commands.

use std::fmt::Write as _;

/// What each route is as a command. `{}` is one segment or value, and stands in the command where it does in the route.
const COMMANDS: [(&str, &str); 24] = [
    ("GET /api/v1/invoices?period={}", "bill list --period {}"),
    ("GET /api/v1/invoices/{}", "bill show {}"),
    ("GET /api/v1/invoices", "bill list"),
    ("POST /api/v1/invoices/{}/replay", "bill replay {}"),
    ("GET /api/v1/periods/{}/running", "bill running --period {}"),
    ("GET /api/v1/periods/{}/margins", "bill margins --period {}"),
    ("GET /api/v1/periods/{}/forecast", "bill forecast --period {}"),
    ("GET /api/v1/periods/{}/what-if", "bill what-if --period {}"),
    ("POST /api/v1/periods/{}/close", "bill close {}"),
    ("POST /api/v1/periods/{}/waivers", "bill waive {}"),
    ("POST /api/v1/periods/{}/replay", "bill replay --period {}"),
    ("GET /api/v1/periods/{}", "bill period {}"),
    ("GET /api/v1/periods", "bill periods"),
    ("PUT /api/v1/exchange-rates", "bill set-rate"),
    ("GET /api/v1/exchange-rates", "bill rates"),
    ("PUT /api/v1/terms", "bill set-terms"),
    ("GET /api/v1/terms", "bill terms"),
    ("PUT /api/v1/registrations/{}/cores", "bill set-cores {}"),
    ("PUT /api/v1/sellers/{}/profile", "bill set-profile --seller {}"),
    ("GET /api/v1/sellers/{}/profile", "bill profile --seller {}"),
    ("PUT /api/v1/buyers/{}/profile", "bill set-profile --buyer {}"),
    ("GET /api/v1/buyers/{}/profile", "bill profile --buyer {}"),
    ("POST /api/v1/reconciliations", "bill reconcile FILE"),
    ("GET /api/v1/meters", "meter list"),
];

const METHODS: [&str; 3] = ["GET ", "PUT ", "POST "];

/// The text with each route that is a command named as that; others stay as they are.
pub(crate) fn with_commands(text: &str) -> String {
    let mut told = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = next_route(rest) {
        let (before, route) = rest.split_at(at);
        told.push_str(before);
        let end = route
            .match_indices(' ')
            .nth(1)
            .map_or(route.len(), |(end, _)| end);
        // What ends the sentence or encloses the route is no part of it.
        let whole = route.get(..end).unwrap_or(route);
        let named = whole.trim_end_matches(['.', ',', ';', ':', ')', '`', '"']);
        match command_of(named) {
            Some(command) if before.ends_with('`') => told.push_str(&command),
            Some(command) => {
                let _ = write!(told, "`{command}`");
            }
            None => told.push_str(named),
        }
        rest = route.get(named.len()..).unwrap_or_default();
    }
    told.push_str(rest);
    told
}

fn next_route(text: &str) -> Option<usize> {
    let found = METHODS
        .iter()
        .filter_map(|method| text.find(&format!("{method}/api/v1/")));
    found.min()
}

fn command_of(route: &str) -> Option<String> {
    let mut all = COMMANDS.iter();
    all.find_map(|(template, command)| {
        let value = value_of(route, template)?;
        Some(format!("meterbridge {}", command.replace("{}", value)))
    })
}

/// What stands for `{}` in a route of this form; nothing in one without.
fn value_of<'a>(route: &'a str, template: &str) -> Option<&'a str> {
    let Some((before, after)) = template.split_once("{}") else {
        return (route == template).then_some("");
    };
    let value = route.strip_prefix(before)?.strip_suffix(after)?;
    let is_one = !value.is_empty() && !value.contains(['/', '?', '&']);
    is_one.then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_at_a_terminal_would_be_sent_to_a_route_instead_of_a_command() {
        for (told, expected) in [
            (
                "2026-10 is closed. Ask for its invoice: GET /api/v1/invoices?period=2026-10.",
                "2026-10 is closed. Ask for its invoice: `meterbridge bill list --period 2026-10`.",
            ),
            (
                "State one (PUT /api/v1/exchange-rates), or GET /api/v1/periods lists them.",
                "State one (`meterbridge bill set-rate`), or `meterbridge bill periods` lists them.",
            ),
            (
                "It is there: `GET /api/v1/invoices/MB-000001`",
                "It is there: `meterbridge bill show MB-000001`",
            ),
            (
                "Ask GET /api/v1/nothing-known/x and go on.",
                "Ask GET /api/v1/nothing-known/x and go on.",
            ),
            ("No route here; GET is a word.", "No route here; GET is a word."),
        ] {
            assert_eq!(with_commands(told), expected);
        }
    }
}
