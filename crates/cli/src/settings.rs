//! What follows from the command line before anything is done: who is asked, as whom, and about when.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use client::{Client, Credential};
use jiff::tz::TimeZone;
use server::{Clock, Tls};

use crate::args::{PeriodArgs, ServerArgs};
use crate::environment::SystemClock;
use crate::failure::Failure;
use crate::sign_ins::SignIns;

/// The most bytes a file with a secret, a token or a certificate may have.
const SMALL_FILE_BYTES_MAX: u64 = 1024 * 1024;

/// The client of whoever asks: of an operator whose credential is given, else of whoever signed in to the server.
///
/// # Errors
/// If there is neither, the sign-in is over, or what is named cannot be used.
pub(crate) async fn caller(args: &ServerArgs) -> Result<Client, Failure> {
    let client = anonymous_client(args, None)?;
    if let Some(credential) = operator_credential(args)? {
        return Ok(client.with_credential(credential));
    }
    let sign_ins = SignIns::of(args)?;
    let Some(sign_in) = sign_ins.find(client.server())? else {
        let what = format!("Nobody is signed in to {}.", client.server());
        return Err(Failure::new(what).coded("NoCredential").hint(
            "Sign in with `meterbridge login`, or give an operator's credential with METERBRIDGE_CREDENTIAL or \
             --credential-file FILE; `meterbridge init` prints it once.",
        ));
    };
    let client = anonymous_client(args, sign_in.ca.as_deref())?;
    let sign_in = if sign_in.is_due(SystemClock.now()) {
        let renewed = sign_in.renewed(&client).await?;
        sign_ins.keep(client.server(), renewed.clone())?;
        renewed
    } else {
        sign_in
    };
    let signed_in = client.with_credential(sign_in.credential());
    if !sign_in.proves_itself() {
        return Ok(signed_in);
    }
    Ok(signed_in.renewing(move || {
        let (client, sign_ins, sign_in) = (client.clone(), sign_ins.clone(), sign_in.clone());
        Box::pin(async move {
            let renewed = sign_in.renewed(&client).await.ok()?;
            let credential = renewed.credential();
            // What cannot be kept is good for this command all the same.
            let _ = sign_ins.keep(client.server(), renewed);
            Some(credential)
        })
    }))
}

/// The operator's credential, if one is given.
///
/// # Errors
/// If its file cannot be used.
pub(crate) fn operator_credential(args: &ServerArgs) -> Result<Option<Credential>, Failure> {
    // A file that is named wins over the environment, which the parser cannot tell from an option.
    let text = match (&args.credential_file, &args.credential) {
        (Some(path), _) => first_line(&small_text(path)?).to_owned(),
        (None, Some(text)) if text.trim().lines().count() > 1 => return Err(several_lines()),
        (None, Some(text)) => text.trim().to_owned(),
        (None, None) => return Ok(None),
    };
    if text.is_empty() {
        return Err(Failure::new("The credential is empty.").coded("NoCredential"));
    }
    Ok(Some(Credential::new(&text)))
}

/// What `init` prints begins with the credential; a password may follow.
fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default().trim()
}

fn several_lines() -> Failure {
    Failure::new("The operator's credential that is given has several lines, and a credential is one.")
        .coded("InvalidSettings")
        .hint(
            "The first line of what `meterbridge init` printed is the credential, and the second one a user's password. \
             Give the file with --credential-file, or set METERBRIDGE_CREDENTIAL=$(head -n 1 FILE).",
        )
}

/// A client with this credential.
///
/// # Errors
/// If the URL or the CA cannot be used.
pub(crate) fn client(args: &ServerArgs, credential: Credential) -> Result<Client, Failure> {
    Ok(anonymous_client(args, None)?.with_credential(credential))
}

/// A client without a credential. The server is trusted by this CA certificate, if the command line names none.
///
/// # Errors
/// If the URL or the CA cannot be used.
pub(crate) fn anonymous_client(args: &ServerArgs, ca: Option<&Path>) -> Result<Client, Failure> {
    client_of(&args.url, args, ca)
}

/// The same for a server of this URL, whichever one the command line names.
///
/// # Errors
/// As [`anonymous_client`].
pub(crate) fn client_of(url: &str, args: &ServerArgs, ca: Option<&Path>) -> Result<Client, Failure> {
    let builder = Client::builder(url);
    let builder = match ca_file(args).as_deref().or(ca) {
        Some(path) => builder.ca_pem(small_file(path)?),
        None => builder,
    };
    Ok(builder.build()?)
}

/// The CA certificate to trust: the one that is named, else that of a server on this machine. A data directory that is named
/// as an option wins over what the environment names.
pub(crate) fn ca_file(args: &ServerArgs) -> Option<PathBuf> {
    let of_data = || {
        args.data
            .as_deref()
            .map(Tls::ca_certificate_path)
            .filter(|path| path.exists())
    };
    if args.trusted.by_data {
        return of_data().or_else(|| args.ca.clone());
    }
    args.ca.clone().or_else(of_data)
}

/// A file that holds one short text.
///
/// # Errors
/// If it cannot be read or holds something else.
pub(crate) fn small_text(path: &Path) -> Result<String, Failure> {
    let not_text = |_| Failure::new(format!("{} cannot be used.", path.display())).because("it is not text");
    Ok(String::from_utf8(small_file(path)?)
        .map_err(not_text)?
        .trim()
        .to_owned())
}

/// The bytes of a short file.
///
/// # Errors
/// If it cannot be read or is too long.
pub(crate) fn small_file(path: &Path) -> Result<Vec<u8>, Failure> {
    let mut content = Vec::new();
    let file = fs::File::open(path).map_err(|error| Failure::file(path, &error))?;
    file.take(SMALL_FILE_BYTES_MAX + 1)
        .read_to_end(&mut content)
        .map_err(|error| Failure::file(path, &error))?;
    if content.len() as u64 > SMALL_FILE_BYTES_MAX {
        let why = format!("it has more than {SMALL_FILE_BYTES_MAX} bytes");
        return Err(Failure::new(format!("{} cannot be used.", path.display())).because(why));
    }
    Ok(content)
}

/// The whole of a document; `-` is standard input.
///
/// # Errors
/// If it cannot be read.
pub(crate) fn document(path: &Path) -> Result<Vec<u8>, Failure> {
    let mut content = Vec::new();
    let read = if path.as_os_str() == "-" {
        std::io::stdin().lock().read_to_end(&mut content)
    } else {
        fs::File::open(path).and_then(|mut file| file.read_to_end(&mut content))
    };
    read.map_err(|error| Failure::file(path, &error))?;
    Ok(content)
}

/// The period that is meant: this month, unless another is named.
pub(crate) fn period(args: &PeriodArgs, clock: &dyn Clock) -> String {
    args.period.clone().unwrap_or_else(|| {
        let today = clock.now().to_zoned(TimeZone::UTC).date();
        format!("{:04}-{:02}", today.year(), today.month())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Trusted;

    struct At(&'static str);

    impl Clock for At {
        fn now(&self) -> jiff::Timestamp {
            self.0.parse().unwrap()
        }
    }

    #[test]
    fn the_period_is_this_month_in_utc_unless_another_is_named() {
        let period = |named: Option<&str>, now| {
            period(
                &PeriodArgs {
                    period: named.map(str::to_owned),
                },
                &At(now),
            )
        };
        assert_eq!(period(None, "2026-11-30T23:59:59Z"), "2026-11");
        assert_eq!(period(None, "2026-12-01T00:30:00+01:00"), "2026-11");
        assert_eq!(period(Some("2025-02"), "2026-11-21T00:00:00Z"), "2025-02");
    }

    fn server(file: Option<PathBuf>, given: Option<&str>) -> ServerArgs {
        ServerArgs {
            url: "https://localhost:8443".into(),
            ca: None,
            credential_file: file,
            credential: given.map(str::to_owned),
            data: None,
            trusted: Trusted::default(),
            config: None,
        }
    }

    #[test]
    fn a_credential_in_a_file_wins_and_is_its_first_line() {
        let directory = tempfile::tempdir().unwrap();
        let file = |name: &str, content: &str| {
            let path = directory.path().join(name);
            fs::write(&path, content).unwrap();
            Some(path)
        };
        let of = |file, given| operator_credential(&server(file, given));
        for content in ["mbo_file\n", "mbo_file\nSomePassword\n", "\r\nmbo_file\r\n"] {
            assert_eq!(
                of(file("good", content), Some("mbo_given")).unwrap(),
                Some(Credential::new("mbo_file")),
                "{content:?}"
            );
        }
        assert_eq!(
            of(None, Some("mbo_given\n")).unwrap(),
            Some(Credential::new("mbo_given"))
        );
        assert_eq!(of(None, None).unwrap(), None);
        assert_eq!(of(file("empty", " \n"), None).unwrap_err().exit_code(), 1);
        let missing = of(Some(directory.path().join("none")), None).unwrap_err();
        assert!(missing.what().contains("none"), "{missing:?}");
    }

    #[test]
    fn a_credential_with_a_password_below_it_is_said_to_be_the_first_line() {
        let failure = operator_credential(&server(None, Some("mbo_given\nSomePassword"))).unwrap_err();
        assert!(failure.what().contains("several lines"), "{failure:?}");
        assert!(failure.hint_text().unwrap().contains("head -n 1"), "{failure:?}");
    }
}
