//! The text that Prometheus reads.

use std::fmt::Write as _;

use super::{BridgeStatus, Part, StackStatus};

const PARTS: [Part; 5] = [
    Part::Start,
    Part::Reading,
    Part::Backfill,
    Part::Delivering,
    Part::Directory,
];

/// The metrics of a bridge, in the text format of Prometheus.
pub(super) fn text(status: &BridgeStatus) -> String {
    let mut text = String::new();
    let mut family =
        |name: &str, kind: &str, help: &str, samples: &dyn Fn(&StackStatus, &mut Samples<'_>)| {
            // Writing to a string does not fail.
            let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
            for stack in &status.stacks {
                let mut of_stack = Samples {
                    text: &mut text,
                    name,
                    stack: &stack.name,
                };
                samples(stack, &mut of_stack);
            }
        };
    family(
        "meterbridge_bridge_lag_hours",
        "gauge",
        "Hours that have begun and that the server does not have completely; 1 is usual.",
        &|stack, to| {
            if let Some(lag) = stack.lag_hours {
                to.add("", lag);
            }
        },
    );
    family(
        "meterbridge_bridge_spool_bytes",
        "gauge",
        "Bytes that wait to be delivered.",
        &|stack, to| to.add("", stack.spool_bytes),
    );
    family(
        "meterbridge_bridge_spool_limit_bytes",
        "gauge",
        "The most bytes that may wait to be delivered.",
        &|stack, to| to.add("", stack.spool_bytes_max),
    );
    family(
        "meterbridge_bridge_batches_total",
        "counter",
        "Deliveries that were acknowledged.",
        &|stack, to| to.add("", stack.delivered.batches),
    );
    family(
        "meterbridge_bridge_records_total",
        "counter",
        "Records that were delivered, by what became of them.",
        &|stack, to| {
            let delivered = &stack.delivered;
            to.add(",outcome=\"accepted\"", delivered.accepted);
            to.add(",outcome=\"duplicate\"", delivered.duplicate);
            to.add(",outcome=\"revised\"", delivered.revised);
            to.add(",outcome=\"quarantined\"", delivered.quarantined);
        },
    );
    family(
        "meterbridge_bridge_lost_hours",
        "gauge",
        "Hours that are to be read again because the server lost what it had acknowledged.",
        &|stack, to| {
            let left = stack.lost.iter().map(|it| it.hours - it.hours_read);
            to.add("", left.sum::<i32>());
        },
    );
    family(
        "meterbridge_bridge_given_up_hours",
        "gauge",
        "Hours of those, or before the start, that somebody gave up and that nobody had read since.",
        &|stack, to| {
            let given_up = stack.given_up.iter().map(|it| it.hours);
            to.add("", given_up.sum::<i32>());
        },
    );
    family(
        "meterbridge_bridge_trouble",
        "gauge",
        "1 while a part of the work fails, 2 while it waits for somebody to do something.",
        &|stack, to| {
            for part in PARTS {
                let trouble = stack.troubles.iter().find(|it| it.part == part);
                let value = trouble.map_or(0, |it| 1 + u8::from(it.held));
                to.add(&format!(",part=\"{}\"", part.name()), value);
            }
        },
    );
    text
}

/// Where the samples of one stack go.
struct Samples<'a> {
    text: &'a mut String,
    name: &'a str,
    stack: &'a str,
}

impl Samples<'_> {
    fn add(&mut self, labels: &str, value: impl std::fmt::Display) {
        // Names of stacks need no escapes: the configuration takes letters, digits and hyphens.
        let _ = writeln!(
            self.text,
            "{}{{stack=\"{}\"{labels}}} {value}",
            self.name, self.stack
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stack_has_its_own_samples() {
        let stack = |name: &str, lag_hours| StackStatus {
            name: name.to_owned(),
            lag_hours,
            ..StackStatus::default()
        };
        let text = text(&BridgeStatus {
            at: String::new(),
            stopped: false,
            stacks: vec![stack("north", Some(3)), stack("south", None)],
            abandoned: false,
        });
        assert!(
            text.contains("meterbridge_bridge_lag_hours{stack=\"north\"} 3\n"),
            "{text}"
        );
        assert!(!text.contains("lag_hours{stack=\"south\"}"), "{text}");
        assert!(
            text.contains("meterbridge_bridge_records_total{stack=\"south\",outcome=\"duplicate\"} 0\n"),
            "{text}"
        );
        assert_eq!(text.matches("# TYPE").count(), 8);
    }
}
