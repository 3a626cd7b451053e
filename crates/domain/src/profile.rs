//! Profiles: how those who sell and buy are named on paper, and how their numbers and dates are written.

use std::fmt;
use std::str::FromStr;

use crate::chain::{Buyer, Seller};
use crate::ids::{PartnerId, SubscriptionId};

/// Who sells or buys. A partner does both, under one name and address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Trader {
    /// Whoever operates the platform.
    Platform,
    /// A partner.
    Partner(PartnerId),
    /// Whoever a subscription was sold to.
    Subscription(SubscriptionId),
}

impl From<Seller> for Trader {
    fn from(seller: Seller) -> Self {
        match seller {
            Seller::Platform => Self::Platform,
            Seller::Partner(partner) => Self::Partner(partner),
        }
    }
}

impl From<Buyer> for Trader {
    fn from(buyer: Buyer) -> Self {
        match buyer {
            Buyer::Partner(partner) => Self::Partner(partner),
            Buyer::Subscription(subscription) => Self::Subscription(subscription),
        }
    }
}

impl fmt::Display for Trader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Platform => fmt::Display::fmt(&Seller::Platform, f),
            Self::Partner(partner) => write!(f, "partner {partner}"),
            Self::Subscription(subscription) => write!(f, "subscription {subscription}"),
        }
    }
}

/// How numbers and dates are written. Words stay English.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Locale {
    /// As in international standards: `1 234.50`, `2026-10-31`.
    #[default]
    Neutral,
    /// The United States.
    EnUs,
    /// The United Kingdom.
    EnGb,
    /// Germany.
    DeDe,
    /// Austria.
    DeAt,
    /// Switzerland.
    DeCh,
    /// France.
    FrFr,
    /// The Netherlands.
    NlNl,
    /// Spain.
    EsEs,
    /// Italy.
    ItIt,
    /// Japan.
    JaJp,
}

impl Locale {
    /// Every locale.
    pub const ALL: [Self; 11] = [
        Self::Neutral,
        Self::EnUs,
        Self::EnGb,
        Self::DeDe,
        Self::DeAt,
        Self::DeCh,
        Self::FrFr,
        Self::NlNl,
        Self::EsEs,
        Self::ItIt,
        Self::JaJp,
    ];

    /// The locale as it is written: a tag of BCP 47, or `neutral`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Neutral => "neutral",
            Self::EnUs => "en-US",
            Self::EnGb => "en-GB",
            Self::DeDe => "de-DE",
            Self::DeAt => "de-AT",
            Self::DeCh => "de-CH",
            Self::FrFr => "fr-FR",
            Self::NlNl => "nl-NL",
            Self::EsEs => "es-ES",
            Self::ItIt => "it-IT",
            Self::JaJp => "ja-JP",
        }
    }
}

impl fmt::Display for Locale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Locale {
    type Err = InvalidProfile;

    fn from_str(text: &str) -> Result<Self, InvalidProfile> {
        let same = |locale: &Self| locale.as_str().eq_ignore_ascii_case(text);
        Self::ALL.into_iter().find(same).ok_or(InvalidProfile::Locale)
    }
}

/// What paper says of who sells or buys.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Profile {
    /// The name that it does business under.
    pub legal_name: String,
    /// Its address, line by line.
    pub address: Vec<String>,
    /// The number that it is taxed under.
    pub tax_number: Option<String>,
    /// How numbers and dates are written on what it sells.
    pub locale: Locale,
}

/// The most lines that an address may have.
pub const ADDRESS_LINES_MAX: usize = 8;
/// The most characters that a line of a profile may have.
pub const PROFILE_LINE_CHARS_MAX: usize = 120;

/// A profile that no paper can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidProfile {
    /// Nothing, more than fits on a line, or what is no text.
    #[error("expected {0} of 1 to {PROFILE_LINE_CHARS_MAX} characters on one line")]
    Line(&'static str),
    /// Too many lines.
    #[error("an address has at most {ADDRESS_LINES_MAX} lines")]
    TooManyLines,
    /// Not one that is known.
    #[error(
        "expected a locale: neutral, en-US, en-GB, de-DE, de-AT, de-CH, fr-FR, nl-NL, es-ES, it-IT or ja-JP"
    )]
    Locale,
}

impl Profile {
    /// Whether paper can show it.
    ///
    /// # Errors
    /// [`InvalidProfile`].
    pub fn check(&self) -> Result<(), InvalidProfile> {
        let fits = |text: &str| {
            let chars = text.chars().count();
            (1..=PROFILE_LINE_CHARS_MAX).contains(&chars)
                && !text.trim().is_empty()
                && !text.chars().any(char::is_control)
        };
        if !fits(&self.legal_name) {
            return Err(InvalidProfile::Line("a legal name"));
        }
        if self.address.len() > ADDRESS_LINES_MAX {
            return Err(InvalidProfile::TooManyLines);
        }
        if !self.address.iter().all(|line| fits(line)) {
            return Err(InvalidProfile::Line("a line of an address"));
        }
        if !self.tax_number.as_deref().is_none_or(fits) {
            return Err(InvalidProfile::Line("a tax number"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_that_would_break_the_page_is_refused() {
        let profile = |name: &str, address: &[&str], tax: Option<&str>| Profile {
            legal_name: name.to_owned(),
            address: address.iter().map(|&line| line.to_owned()).collect(),
            tax_number: tax.map(str::to_owned),
            locale: Locale::DeAt,
        };
        let long = "x".repeat(121);
        for (profile, expected) in [
            (profile("Contoso", &[], None), Ok(())),
            (profile("Contoso", &["1 Way", "Town"], Some("ATU1")), Ok(())),
            (profile(" ", &[], None), Err(InvalidProfile::Line("a legal name"))),
            (
                profile("a\nb", &[], None),
                Err(InvalidProfile::Line("a legal name")),
            ),
            (
                profile(&long, &[], None),
                Err(InvalidProfile::Line("a legal name")),
            ),
            (
                profile("a", &["", "b"], None),
                Err(InvalidProfile::Line("a line of an address")),
            ),
            (profile("a", &["b"; 9], None), Err(InvalidProfile::TooManyLines)),
            (
                profile("a", &[], Some("")),
                Err(InvalidProfile::Line("a tax number")),
            ),
        ] {
            assert_eq!(profile.check(), expected, "{profile:?}");
        }
    }

    #[test]
    fn a_locale_is_read_as_it_is_written_in_any_case() {
        for locale in Locale::ALL {
            let written = locale.to_string();
            assert_eq!(written.parse(), Ok(locale));
            assert_eq!(written.to_uppercase().parse(), Ok(locale));
        }
        assert_eq!("tlh".parse::<Locale>(), Err(InvalidProfile::Locale));
    }
}
