//! By which option a server is trusted.

use clap::parser::ValueSource;
use clap::{ArgMatches, Args, Command, FromArgMatches};

/// Which of `--ca` and `--data` counts, where one is an option and the environment has the other: an option wins over it.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Trusted {
    /// The data directory, though a CA certificate is named.
    pub(crate) by_data: bool,
}

/// It has no options of its own: it looks at where the values of others came from.
impl Args for Trusted {
    fn augment_args(command: Command) -> Command {
        command
    }

    fn augment_args_for_update(command: Command) -> Command {
        command
    }
}

impl FromArgMatches for Trusted {
    fn from_arg_matches(said: &ArgMatches) -> Result<Self, clap::Error> {
        let named_here = |option| said.value_source(option) == Some(ValueSource::CommandLine);
        Ok(Self {
            by_data: named_here("data") && !named_here("ca"),
        })
    }

    fn update_from_arg_matches(&mut self, said: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(said)?;
        Ok(())
    }
}
