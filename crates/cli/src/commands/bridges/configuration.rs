//! What was said of a bridge, in a file and with options.

use std::path::{Path, PathBuf};

use bridge::{
    BridgeConfig, InvalidConfig, Overrides, ServerSettings, Settings, SpoolSettings, StackAddress,
    StackSettings, StatusSettings,
};

use crate::args::{BridgeArgs, BridgeStackArgs, ConfigArgs, LocalBridgeArgs};
use crate::failure::Failure;
use crate::settings::small_file;

/// What a stack is called that is the only one and has no name.
const NAME_USUAL: &str = "stack";
/// Every key of the file, and the option that says the same.
const OPTIONS: [(&str, &str); 19] = [
    ("server.url", "server-url"),
    ("server.ca", "server-ca"),
    ("spool.directory", "spool"),
    ("spool.bytes-max", "spool-bytes-max"),
    ("status.listen", "listen"),
    ("stack.name", "stack"),
    ("stack.endpoint", "stack-endpoint"),
    ("stack.ca", "stack-ca"),
    ("stack.tenant", "stack-tenant"),
    ("stack.client-id", "stack-client-id"),
    ("stack.secret-file", "stack-secret-file"),
    ("stack.certificate-file", "stack-certificate-file"),
    ("stack.key-file", "stack-key-file"),
    ("stack.provider-subscription", "stack-provider-subscription"),
    ("stack.activation-key-file", "activation-key-file"),
    ("stack.cloud-id", "cloud-id"),
    ("stack.start", "start"),
    ("stack.lookback-hours", "lookback"),
    ("stack.margin-minutes", "margin"),
];

/// What a bridge is run with.
///
/// # Errors
/// If something is missing, or not as it should be.
pub(super) fn of_bridge(args: BridgeArgs) -> Result<BridgeConfig, Failure> {
    let BridgeArgs {
        config,
        server_url: url,
        server_ca: ca,
        spool: directory,
        spool_bytes_max: bytes_max,
        listen,
        stack,
    } = args;
    let overrides = Overrides {
        server: ServerSettings { url, ca },
        spool: SpoolSettings { directory, bytes_max },
        status: StatusSettings {
            listen: listen.map(|it| it.to_string()),
        },
        stack: stack_settings(stack),
    };
    let file = config.config.as_deref();
    said(file, overrides)?
        .try_into()
        .map_err(|error| invalid(&error, file))
}

/// How the stack is reached that is meant.
///
/// # Errors
/// If something is missing, or not as it should be; or it is not clear which stack is meant.
pub(super) fn of_stack(config: &ConfigArgs, stack: BridgeStackArgs) -> Result<StackAddress, Failure> {
    let file = config.config.as_deref();
    let overrides = Overrides {
        stack: stack_settings(stack),
        ..Overrides::default()
    };
    let mut stacks = said(file, overrides)?.stack;
    if stacks.len() > 1 {
        let names: Vec<String> = stacks.into_iter().filter_map(|it| it.name).collect();
        return Err(Failure::usage("The configuration has several stacks.")
            .coded("StackNotNamed")
            .hint(format!("Name one with --stack: {}.", names.join(", "))));
    }
    let stack = stacks.pop().unwrap_or_default();
    stack.try_into().map_err(|error| invalid(&error, file))
}

/// How the stacks of a bridge on this machine are called; nothing where only its spool is named.
///
/// # Errors
/// If the configuration cannot be read.
pub(super) fn stack_names(args: &LocalBridgeArgs) -> Result<Vec<String>, Failure> {
    let Some(file) = args.config.config.as_deref() else {
        return Ok(Vec::new());
    };
    let stacks = read(file)?.stack.into_iter();
    Ok(stacks
        .map(|it| it.name.unwrap_or_else(|| NAME_USUAL.to_owned()))
        .collect())
}

/// Where the spool of a bridge on this machine is.
///
/// # Errors
/// If nothing says it.
pub(super) fn spool(args: &LocalBridgeArgs) -> Result<PathBuf, Failure> {
    let LocalBridgeArgs { config, spool } = args;
    if let Some(spool) = spool {
        return Ok(spool.clone());
    }
    let file = config.config.as_deref();
    let directory = said(file, Overrides::default())?.spool.directory;
    directory.ok_or_else(|| {
        Failure::usage("Nothing says where the spool of the bridge is.")
            .coded("InvalidConfiguration")
            .hint("Name it with --spool, or as `directory` of [spool] in the file that --config names.")
    })
}

fn said(file: Option<&Path>, overrides: Overrides) -> Result<Settings, Failure> {
    let settings = match file {
        Some(path) => read(path)?,
        None if overrides == Overrides::default() => {
            return Err(Failure::usage("Nothing says which bridge is meant.")
                .coded("InvalidConfiguration")
                .hint("Name its configuration with --config FILE or METERBRIDGE_BRIDGE_CONFIG, or see the options in --help."));
        }
        None => Settings::default(),
    };
    settings
        .overridden(overrides)
        .map_err(|error| invalid(&error, file))
}

fn read(path: &Path) -> Result<Settings, Failure> {
    let not_text = |_| {
        Failure::new(format!("{} cannot be used.", path.display()))
            .coded("InvalidConfiguration")
            .because("it is not text in UTF-8")
    };
    let text = String::from_utf8(small_file(path)?).map_err(not_text)?;
    let folder = path.parent().unwrap_or(Path::new(""));
    Settings::parse(&text, folder).map_err(|error| invalid(&error, Some(path)))
}

fn stack_settings(args: BridgeStackArgs) -> StackSettings {
    StackSettings {
        name: args.stack,
        endpoint: args.stack_endpoint,
        ca: args.stack_ca,
        tenant: args.stack_tenant,
        client_id: args.stack_client_id,
        secret_file: args.stack_secret_file,
        certificate_file: args.stack_certificate_file,
        key_file: args.stack_key_file,
        provider_subscription: args.stack_provider_subscription,
        activation_key_file: args.activation_key_file,
        cloud_id: args.cloud_id,
        start: args.start,
        lookback_hours: args.lookback,
        margin_minutes: args.margin,
    }
}

/// What is wrong, and where it can be set right: with an option, or in the file, if there is one.
fn invalid(error: &InvalidConfig, file: Option<&Path>) -> Failure {
    let failure = match file {
        Some(path) => Failure::new(format!("{} cannot be used.", path.display())),
        None => Failure::usage("The bridge cannot be run like this."),
    };
    let failure = failure.coded("InvalidConfiguration").because(error.to_string());
    let Some(key) = error.key() else {
        return failure.hint(
            "Its sections are [server], [spool], [status] and a [[stack]] for each stack: see --help.",
        );
    };
    let option = OPTIONS.iter().find(|(path, _)| *path == key.path);
    match (option, key.path.split_once('.')) {
        (Some((_, option)), Some((section, name))) => {
            let section = match section {
                "stack" => "[[stack]]".to_owned(),
                other => format!("[{other}]"),
            };
            failure.hint(format!(
                "Set it with --{option}, or as `{name}` of {section} in the file that --config names."
            ))
        }
        _ => failure.hint("Describe a stack with --stack-endpoint and what belongs to it, or in the file that --config names."),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clap::CommandFactory as _;

    use super::*;
    use crate::args::CommandLine;

    /// `bridge run`, as the command line knows it.
    fn bridge_run() -> clap::Command {
        let mut command = CommandLine::command();
        let bridge = command.find_subcommand_mut("bridge").unwrap();
        bridge.find_subcommand_mut("run").unwrap().clone()
    }

    #[test]
    fn all_that_the_file_can_say_can_be_said_with_options() {
        let keys = ["server", "spool", "status", "stack"].map(|section| {
            let opened = if section == "stack" {
                "[[stack]]".to_owned()
            } else {
                format!("[{section}]")
            };
            let error = Settings::parse(&format!("{opened}\nnothing = 1"), Path::new("")).unwrap_err();
            let told = error.to_string();
            let known = told.split('`').skip(3).step_by(2);
            known.map(|key| format!("{section}.{key}")).collect::<Vec<_>>()
        });
        let keys: BTreeSet<String> = keys.concat().into_iter().collect();
        assert_eq!(keys, OPTIONS.map(|(key, _)| key.to_owned()).into());
        let run = bridge_run();
        let mut options: BTreeSet<&str> = run.get_arguments().filter_map(clap::Arg::get_long).collect();
        for other in ["config", "log", "log-format"] {
            assert!(options.remove(other));
        }
        assert_eq!(options, OPTIONS.map(|(_, option)| option).into());
    }

    #[test]
    fn every_option_has_a_name_in_the_environment_that_is_its_own() {
        let run = bridge_run();
        for (_, option) in OPTIONS {
            let argument = run
                .get_arguments()
                .find(|it| it.get_long() == Some(option))
                .unwrap();
            let expected = format!("METERBRIDGE_BRIDGE_{}", option.replace('-', "_").to_uppercase());
            assert_eq!(argument.get_env().unwrap().to_str(), Some(expected.as_str()));
        }
    }
}
