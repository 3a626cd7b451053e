//! Bills on paper, and who is named on them.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::path::Path;

use client::Client;
use serde::Serialize;
use wire::api::{Profile, SetProfile};

use super::running::{Meant, not_one};
use crate::args::{PrintArgs, PrintForm, SetProfileArgs, TraderArgs};
use crate::commands::{minute, or_dash};
use crate::environment::SystemClock;
use crate::failure::Failure;
use crate::printer::Printer;
use crate::settings::period;

/// A file that was written.
#[derive(Debug, Serialize)]
struct Written {
    file: String,
    bytes: usize,
}

pub(super) async fn print(client: &Client, args: &PrintArgs, printer: &Printer) -> Result<(), Failure> {
    let form = form(args)?;
    // Before the server is asked: what cannot be written need not be made.
    if !args.replace && args.file.exists() {
        return Err(there_already(&args.file));
    }
    let document = match &args.number {
        Some(number) => client.invoice_document(number, form).await?,
        None => {
            let period = period(&args.period, &SystemClock);
            let meant = Meant {
                seller: args.seller.as_deref(),
                buyer: args.buyer.as_deref(),
                currency: args.currency.as_deref(),
            };
            let found = meant.find(client, &period).await?;
            let (seller, buyer, currency) = found.map_err(|accounts| not_one(&accounts, &period))?;
            client
                .running_document(&period, (&seller, &buyer, &currency), form)
                .await?
        }
    };
    write(&args.file, &document, args.replace)?;
    let written = Written {
        file: args.file.display().to_string(),
        bytes: document.len(),
    };
    printer.show(&written, || {
        format!("Wrote {} ({} bytes).", written.file, written.bytes)
    })
}

/// The form that is asked for, or that the name of the file says.
fn form(args: &PrintArgs) -> Result<&'static str, Failure> {
    let ending = args
        .file
        .extension()
        .and_then(|ending| ending.to_str())
        .unwrap_or_default();
    let by_name = || match ending.to_ascii_lowercase().as_str() {
        "pdf" => Some(PrintForm::Pdf),
        "html" | "htm" => Some(PrintForm::Html),
        "csv" => Some(PrintForm::Csv),
        _ => None,
    };
    match args.form.or_else(by_name) {
        Some(PrintForm::Pdf) => Ok("pdf"),
        Some(PrintForm::Html) => Ok("html"),
        Some(PrintForm::Csv) => Ok("csv"),
        None => {
            let what = format!("{} does not say which form it is to have.", args.file.display());
            Err(Failure::usage(what).hint("Let its name end in .pdf, .html or .csv, or give --as."))
        }
    }
}

/// Writes a whole file.
pub(super) fn write(file: &Path, document: &[u8], replace: bool) -> Result<(), Failure> {
    let mut options = OpenOptions::new();
    options
        .write(true)
        .create(true)
        .truncate(true)
        .create_new(!replace);
    let mut opened = options.open(file).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => there_already(file),
        _ => Failure::file(file, &error),
    })?;
    opened
        .write_all(document)
        .map_err(|error| Failure::file(file, &error))
}

fn there_already(file: &Path) -> Failure {
    let what = format!("{} is there already; nothing was written.", file.display());
    Failure::new(what).hint("Name another file, or write over it with --replace.")
}

pub(super) async fn profile(client: &Client, of: &TraderArgs, printer: &Printer) -> Result<(), Failure> {
    let profile = match (&of.seller, &of.buyer) {
        (Some(seller), _) => client.seller_profile(seller).await?,
        (None, buyer) => client.buyer_profile(buyer.as_deref().unwrap_or_default()).await?,
    };
    printer.show(&profile, || text(&profile))
}

pub(super) async fn set_profile(
    client: &Client,
    args: SetProfileArgs,
    printer: &Printer,
) -> Result<(), Failure> {
    let new = SetProfile {
        legal_name: args.legal_name,
        address: args.address,
        tax_number: args.tax_number,
        locale: args.locale,
    };
    let profile = match (&args.of.seller, &args.of.buyer) {
        (Some(seller), _) => client.set_seller_profile(seller, &new).await?,
        (None, buyer) => {
            let buyer = buyer.as_deref().unwrap_or_default();
            client.set_buyer_profile(buyer, &new).await?
        }
    };
    printer.show(&profile, || text(&profile))
}

fn text(profile: &Profile) -> String {
    let mut text = profile.legal_name.clone();
    for line in &profile.address {
        text.push('\n');
        text.push_str(line);
    }
    let tax_number = or_dash(profile.tax_number.as_deref());
    let (locale, set_at) = (&profile.locale, minute(&profile.set_at));
    format!("{text}\n\nTax number  {tax_number}\nLocale      {locale}\nSet         {set_at}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::PeriodArgs;

    fn args(file: &Path, form: Option<PrintForm>) -> PrintArgs {
        PrintArgs {
            number: Some("MB-000001".to_owned()),
            running: false,
            period: PeriodArgs { period: None },
            seller: None,
            buyer: None,
            currency: None,
            file: file.to_owned(),
            form,
            replace: false,
        }
    }

    #[test]
    fn the_form_goes_by_the_name_of_the_file_unless_it_is_given() {
        for (file, given, expected) in [
            ("a.pdf", None, Some("pdf")),
            ("a.HTM", None, Some("html")),
            ("a.b.csv", None, Some("csv")),
            ("a.txt", Some(PrintForm::Csv), Some("csv")),
            ("a.txt", None, None),
            ("pdf", None, None),
        ] {
            let form = form(&args(Path::new(file), given)).ok();
            assert_eq!(form, expected, "{file} {given:?}");
        }
    }

    #[test]
    fn an_invoice_does_not_take_the_place_of_a_file_that_nobody_wanted_to_lose() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("a.pdf");
        write(&file, b"one", false).unwrap();
        let refused = write(&file, b"other", false).unwrap_err();
        assert!(refused.what().contains("is there already"), "{refused:?}");
        assert_eq!(std::fs::read(&file).unwrap(), b"one");
        write(&file, b"2", true).unwrap();
        assert_eq!(std::fs::read(&file).unwrap(), b"2");
    }
}
