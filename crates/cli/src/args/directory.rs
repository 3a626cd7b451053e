//! `directory`, `user`, `application` and `group`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::texts;

/// What is done with directories.
#[derive(Debug, Subcommand)]
pub(crate) enum DirectoryCommand {
    /// Create a directory: whose users, applications and groups are kept here.
    #[command(after_help = "\
Without a partner or customer the directory is the platform's.

Examples:
  meterbridge directory create --name Northwind --domain northwind.example --partner <PARTNER-ID>
  meterbridge directory create --name Fjordbank --domain fjordbank.example --customer <CUSTOMER-ID>")]
    Create {
        /// Its id: the tenant [default: the first tenant of the customer, else a new one].
        #[arg(long, value_name = "TENANT-ID", value_parser = texts::guid)]
        id: Option<String>,
        /// Its name, for people.
        #[arg(long, value_name = "NAME")]
        name: String,
        /// The domain that its users' names end in.
        #[arg(long, value_name = "DOMAIN")]
        domain: String,
        /// The partner whose it is.
        #[arg(long, value_name = "PARTNER-ID", value_parser = texts::guid, conflicts_with = "customer")]
        partner: Option<String>,
        /// The customer whose it is.
        #[arg(long, value_name = "CUSTOMER-ID", value_parser = texts::guid)]
        customer: Option<String>,
    },
    /// Show a directory.
    #[command(after_help = "Example:\n  meterbridge directory show northwind.example")]
    Show {
        /// Its id or domain.
        #[arg(value_name = "DIRECTORY")]
        directory: String,
    },
    /// Delete a directory that has no users, applications and groups any more.
    #[command(after_help = "Example:\n  meterbridge directory delete northwind.example")]
    Delete {
        /// Its id or domain.
        #[arg(value_name = "DIRECTORY")]
        directory: String,
    },
    /// List the directories that you manage.
    #[command(after_help = "Example:\n  meterbridge directory list")]
    List,
}

/// In which directory.
#[derive(Debug, Args)]
pub(crate) struct DirectoryArg {
    /// The directory: its id or domain.
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) directory: String,
}

/// Where a password is read.
#[derive(Debug, Args)]
pub(crate) struct PasswordArgs {
    /// A file that holds the password and nothing else; `-` is standard input [default: it is asked for at the
    /// terminal].
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
}

/// Which user.
#[derive(Debug, Args)]
pub(crate) struct UserArg {
    /// The user: its name or object id.
    #[arg(value_name = "USER")]
    pub(crate) user: String,
}

/// What is done with users.
#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Create a user, in the directory that has the domain of its name.
    #[command(after_help = "\
Examples:
  meterbridge user create anna@northwind.example --display-name \"Anna Berg\"
  meterbridge user create anna@northwind.example --password-file - < password.txt")]
    Create {
        /// The name that the user signs in with.
        #[arg(value_name = "NAME@DOMAIN")]
        name: String,
        /// The name for people [default: the one that the user signs in with].
        #[arg(long, value_name = "NAME")]
        display_name: Option<String>,
        #[command(flatten)]
        password: PasswordArgs,
    },
    /// Show a user.
    #[command(after_help = "Example:\n  meterbridge user show anna@northwind.example")]
    Show(UserArg),
    /// Delete a user with every role that it has; whoever is signed in as that user is out at once.
    #[command(after_help = "Example:\n  meterbridge user delete anna@northwind.example")]
    Delete(UserArg),
    /// List the users of a directory.
    #[command(after_help = "Example:\n  meterbridge user list --directory northwind.example")]
    List(DirectoryArg),
    /// Give a user another password. Who signed in with the old one has to sign in again.
    #[command(after_help = "Example:\n  meterbridge user password anna@northwind.example")]
    Password {
        #[command(flatten)]
        user: UserArg,
        #[command(flatten)]
        password: PasswordArgs,
    },
    /// Change your own password. Wherever you are signed in, here too, you have to sign in again.
    #[command(after_help = "\
Only one of the two passwords can come from standard input.

Examples:
  meterbridge user change-password
  meterbridge user change-password --old-password-file old.txt --password-file new.txt")]
    ChangePassword {
        /// A file that holds the password that it is now; `-` is standard input [default: it is asked for at the
        /// terminal].
        #[arg(long, value_name = "FILE")]
        old_password_file: Option<PathBuf>,
        #[command(flatten)]
        password: PasswordArgs,
    },
    /// Keep a user from signing in; whoever is signed in as that user is out at once.
    #[command(after_help = "Example:\n  meterbridge user disable anna@northwind.example")]
    Disable(UserArg),
    /// Let a disabled user sign in again.
    #[command(after_help = "Example:\n  meterbridge user enable anna@northwind.example")]
    Enable(UserArg),
}

/// Which application.
#[derive(Debug, Args)]
pub(crate) struct ApplicationArg {
    /// The application.
    #[arg(value_name = "APPLICATION-ID", value_parser = texts::guid)]
    pub(crate) application: String,
}

/// What is done with applications.
#[derive(Debug, Subcommand)]
pub(crate) enum ApplicationCommand {
    /// Create an application: a program that signs in by itself, once it has a secret or a certificate.
    #[command(after_help = "\
Example:
  meterbridge application create --directory northwind.example --name \"Nightly registration\"")]
    Create {
        #[command(flatten)]
        directory: DirectoryArg,
        /// Its application id [default: a new one].
        #[arg(long, value_name = "APPLICATION-ID", value_parser = texts::guid)]
        id: Option<String>,
        /// Its name, for people.
        #[arg(long, value_name = "NAME")]
        name: String,
    },
    /// Show an application, with the ids of its secrets and certificates.
    #[command(after_help = "Example:\n  meterbridge application show <APPLICATION-ID>")]
    Show(ApplicationArg),
    /// Delete an application with its secrets, its certificates and every role that it has.
    #[command(after_help = "\
Its id is not given again. To keep it from signing in for a while, disable it.

Example:
  meterbridge application delete <APPLICATION-ID>")]
    Delete(ApplicationArg),
    /// List the applications of a directory.
    #[command(after_help = "Example:\n  meterbridge application list --directory northwind.example")]
    List(DirectoryArg),
    /// Keep an application from signing in.
    #[command(after_help = "Example:\n  meterbridge application disable <APPLICATION-ID>")]
    Disable(ApplicationArg),
    /// Let a disabled application sign in again.
    #[command(after_help = "Example:\n  meterbridge application enable <APPLICATION-ID>")]
    Enable(ApplicationArg),
    /// Make a client secret and print it, this once: only its digest is kept.
    #[command(after_help = "\
Example:
  meterbridge application add-secret <APPLICATION-ID> --expires 2027-06-01 > secret.txt")]
    AddSecret {
        #[command(flatten)]
        application: ApplicationArg,
        /// The first hour in which it is not good any more [default: in a year].
        #[arg(long, value_name = "HOUR", value_parser = texts::hour)]
        expires: Option<String>,
    },
    /// Let an application prove itself with the key of a certificate.
    #[command(after_help = "\
Only the certificate of the file is sent, and no private key that stands beside it.

Example:
  meterbridge application add-certificate <APPLICATION-ID> program.pem")]
    AddCertificate {
        #[command(flatten)]
        application: ApplicationArg,
        /// The certificate (PEM); `-` is standard input.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Remove a secret or a certificate: nothing is proven with it any more.
    #[command(
        after_help = "Example:\n  meterbridge application remove-credential <APPLICATION-ID> <CREDENTIAL-ID>"
    )]
    RemoveCredential {
        #[command(flatten)]
        application: ApplicationArg,
        /// The secret or certificate, as `application show` names it.
        #[arg(value_name = "CREDENTIAL-ID", value_parser = texts::guid)]
        credential_id: String,
    },
}

/// Which group.
#[derive(Debug, Args)]
pub(crate) struct GroupArg {
    /// The group.
    #[arg(value_name = "GROUP-ID", value_parser = texts::guid)]
    pub(crate) group: String,
}

/// Who is in a group.
#[derive(Debug, Args)]
pub(crate) struct MemberArgs {
    #[command(flatten)]
    pub(crate) group: GroupArg,
    /// The member: the name or object id of a user, or a program's application id or that of its service principal.
    #[arg(value_name = "MEMBER")]
    pub(crate) member: String,
}

/// What is done with groups.
#[derive(Debug, Subcommand)]
pub(crate) enum GroupCommand {
    /// Create a group: what is given to it, all its members have.
    #[command(after_help = "\
Example:
  meterbridge group create --directory northwind.example --name \"Billing desk\"")]
    Create {
        #[command(flatten)]
        directory: DirectoryArg,
        /// Its name, for people.
        #[arg(long, value_name = "NAME")]
        name: String,
    },
    /// Show a group with its members.
    #[command(after_help = "Example:\n  meterbridge group show <GROUP-ID>")]
    Show(GroupArg),
    /// Delete a group with every role that it has. Its members stay.
    #[command(after_help = "Example:\n  meterbridge group delete <GROUP-ID>")]
    Delete(GroupArg),
    /// List the groups of a directory.
    #[command(after_help = "Example:\n  meterbridge group list --directory northwind.example")]
    List(DirectoryArg),
    /// Take somebody into a group.
    #[command(after_help = "Example:\n  meterbridge group add-member <GROUP-ID> anna@northwind.example")]
    AddMember(MemberArgs),
    /// Take somebody out of a group.
    #[command(after_help = "Example:\n  meterbridge group remove-member <GROUP-ID> anna@northwind.example")]
    RemoveMember(MemberArgs),
}
