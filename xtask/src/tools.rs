//! What the checks need beside Cargo, and how to get it.

use crate::process;

/// A tool that may have to be installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tool {
    /// Formats.
    Rustfmt,
    /// Lints.
    Clippy,
    /// Compiles the SQLite and the cryptography that are built in. (It links Rust too, so that without any C compiler
    /// this program would not run; the one that links need not be called `cc`, though.)
    CCompiler,
    /// Python with pip, from which the clients are installed.
    Python,
    /// Azure's own clients, and what they are tried with: `clients/README.md`.
    Clients,
    /// PostgreSQL's programs, of which the tests run a private server.
    Postgres,
}

/// Where Debian puts PostgreSQL's programs, a directory for each version.
const POSTGRES: &str = "/usr/lib/postgresql";

impl Tool {
    pub(crate) fn is_there(self) -> bool {
        match self {
            Self::Rustfmt => process::answers("cargo", "fmt --version"),
            Self::Clippy => process::answers("cargo", "clippy --version"),
            Self::CCompiler => process::answers("cc", "--version"),
            Self::Python => process::answers("python3", "-m pip --version"),
            Self::Clients => process::answers("test", "-e clients/.venv/installed"),
            Self::Postgres => std::fs::read_dir(POSTGRES).is_ok_and(|versions| {
                let mut versions = versions.flatten();
                versions.any(|version| version.path().join("bin/initdb").exists())
            }),
        }
    }

    /// Installs the tool if it is missing.
    ///
    /// # Errors
    /// What is missing and how to install it, if that could not be done from here.
    pub(crate) fn ensure(self) -> Result<(), String> {
        if self.is_there() {
            return Ok(());
        }
        let installed = match self {
            Self::Rustfmt => add_component("rustfmt"),
            Self::Clippy => add_component("clippy"),
            Self::CCompiler => install_packages("gcc libc6-dev"),
            Self::Python => install_packages("python3 python3-pip"),
            Self::Clients => process::run(&mut process::program("clients/install.sh", "")),
            Self::Postgres => install_packages("postgresql"),
        };
        installed.map_err(|problem| format!("{} is missing, and {problem}. {}", self.name(), self.advice()))
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Rustfmt => "rustfmt",
            Self::Clippy => "clippy",
            Self::CCompiler => "a C compiler called `cc`",
            Self::Python => "python3 with pip",
            Self::Clients => "a client of Azure's",
            Self::Postgres => "PostgreSQL",
        }
    }

    pub(crate) const fn advice(self) -> &'static str {
        match self {
            Self::Rustfmt => "Install it with: rustup component add rustfmt",
            Self::Clippy => "Install it with: rustup component add clippy",
            Self::CCompiler => {
                "Install it with: apt-get install gcc libc6-dev (or your system's counterpart)"
            }
            Self::Python => {
                "Install it with: apt-get install python3 python3-pip (or your system's counterpart)"
            }
            Self::Clients => "Install them with: clients/install.sh",
            Self::Postgres => "Install it with: apt-get install postgresql (15 or newer)",
        }
    }
}

fn add_component(component: &str) -> Result<(), String> {
    process::run(process::program("rustup", "component add").arg(component))
}

/// Installs packages of Debian, parted by blanks.
fn install_packages(packages: &str) -> Result<(), String> {
    if !process::answers("apt-get", "--version") {
        return Err("this system has no apt-get to install it with".to_owned());
    }
    if process::output("id", "-u").is_none_or(|user| user.trim() != "0") {
        return Err("only root may install it".to_owned());
    }
    process::run(&mut process::program("apt-get", "update --quiet"))?;
    let arguments = format!("install --quiet --yes --no-install-recommends {packages}");
    let mut install = process::program("apt-get", &arguments);
    process::run(install.env("DEBIAN_FRONTEND", "noninteractive"))
}
