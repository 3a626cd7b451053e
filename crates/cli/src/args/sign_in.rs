//! `login`, `logout` and `whoami`.

use std::path::PathBuf;

use clap::Args;

use super::{ServerArgs, texts};

/// Who signs in.
#[derive(Debug, Args)]
#[command(after_help = "\
A person opens the page that is shown, in whatever browser, and enters the code. A program proves \
itself with a client secret, or with a certificate and its key.

Commands then go by the sign-in until `meterbridge logout`. It is kept in a file that only you can \
read, one for each server, together with the CA that was named. It renews itself: for a person \
until the password is changed, for a program from the file that its secret or certificate is in. A \
secret from standard input or the terminal is kept nowhere: that sign-in ends with its token.

An operator's credential that is given, by option or environment, wins over a sign-in.

Examples:
  meterbridge login --url https://bills.example --ca ca.pem
  meterbridge login --service-principal --client-id <APPLICATION-ID> --client-secret-file secret.txt
  meterbridge login --service-principal --client-id <APPLICATION-ID> --certificate program.pem")]
pub(crate) struct LoginArgs {
    /// Sign in to this directory only: its id or domain [default: whichever the account is in].
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) directory: Option<String>,
    /// Sign in as a program, not as a person.
    #[arg(long, requires = "client_id")]
    pub(crate) service_principal: bool,
    /// The program: its application id.
    #[arg(long, value_name = "APPLICATION-ID", value_parser = texts::guid, requires = "service_principal")]
    pub(crate) client_id: Option<String>,
    /// A file that holds the program's client secret and nothing else; `-` is standard input [default: it is asked
    /// for at the terminal].
    #[arg(long, value_name = "FILE", requires = "service_principal")]
    #[arg(conflicts_with = "certificate")]
    pub(crate) client_secret_file: Option<PathBuf>,
    /// A file that holds the program's certificate and its RSA key (PEM).
    #[arg(long, value_name = "FILE", requires = "service_principal")]
    pub(crate) certificate: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

/// Who signs out.
#[derive(Debug, Args)]
#[command(after_help = "\
The server ends a person's sign-in, so that no copy of it is good any more, and it is removed from \
this machine. If the server cannot be reached, it is removed here all the same, with a warning. A \
program's token is good until its time is over, or until its secret or certificate is removed \
(`meterbridge application remove-credential`).

Examples:
  meterbridge logout
  meterbridge logout --all")]
pub(crate) struct LogoutArgs {
    /// Sign out of every server.
    #[arg(long)]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

/// Who one is.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  meterbridge whoami --output json")]
pub(crate) struct WhoamiArgs {
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}
