//! Programs of people, which run where nothing can be kept secret. Each directory knows them, so nobody else is to be
//! taken for one of them.

use domain::ids::ApplicationId;
use uuid::Uuid;

use crate::{Error, Kind};

const NATIVE_CLIENTS: [(Uuid, &str); 3] = [
    (
        Uuid::from_u128(0x04b0_7795_8ddb_461a_bbee_02f9_e1bf_7b46),
        "Azure CLI",
    ),
    (
        Uuid::from_u128(0x1950_a258_227b_4e31_a9cf_7174_9594_5fc2),
        "Azure PowerShell",
    ),
    (
        Uuid::from_u128(0x6d65_7465_7262_4269_8467_6500_0000_0001),
        "Meterbridge command line",
    ),
];

/// What nobody else's name may hold, however it is written: letters alone, as [`skeleton`] leaves them.
const RESERVED: [&str; 6] = [
    "azurecli",
    "azurecommandline",
    "azurepowershell",
    "azpowershell",
    "meterbridgecli",
    "meterbridgecommandline",
];

/// The name of a program of people, if this is one.
#[must_use]
pub fn native_client(id: ApplicationId) -> Option<&'static str> {
    let found = NATIVE_CLIENTS.iter().find(|(native, _)| *native == id.as_uuid());
    found.map(|(_, name)| *name)
}

/// Whether an application may have this id and this name: it is shown to people who are asked whether to sign in to it.
pub(super) fn check(id: ApplicationId, name: &str) -> Result<(), Error> {
    if let Some(native) = native_client(id) {
        let message = format!(
            "The id {id} is that of {native}, which every directory knows by it. Leave the id out, or choose another one."
        );
        return Err(Error::new(Kind::Invalid, "ReservedApplicationId", message).about("id"));
    }
    if name.chars().any(is_invisible) {
        let message = "The name holds a character that is not shown, or that changes the order in which others are. \
                       Expected letters, digits, punctuation and blanks.";
        return Err(Error::new(Kind::Invalid, "InvalidName", message).about("name"));
    }
    let letters = skeleton(name);
    if let Some(reserved) = RESERVED.iter().find(|it| letters.contains(&skeleton(it))) {
        let message = format!(
            "People who are asked whether to sign in would take the name for that of another program ('{reserved}'). \
             Choose one that says what this application does."
        );
        return Err(Error::new(Kind::Invalid, "ReservedApplicationName", message).about("name"));
    }
    Ok(())
}

/// Control characters, those without width, and those that turn text around (Unicode's `Bidi_Control`).
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// The letters of a name in lower case, each as the one that it looks like.
fn skeleton(name: &str) -> String {
    let lower = name.chars().flat_map(char::to_lowercase);
    let plain = lower.map(half_width).map(plain);
    plain.filter(|c| c.is_alphanumeric()).collect()
}

/// The letter of usual width, of one that is as wide as a Chinese sign.
fn half_width(c: char) -> char {
    const WIDER_BY: u32 = 0xfee0;
    let usual = matches!(c, 'ａ'..='ｚ').then(|| char::from_u32(u32::from(c) - WIDER_BY));
    usual.flatten().unwrap_or(c)
}

/// The Latin letter that a character looks like: of those that the reserved names are made of.
const fn plain(c: char) -> char {
    match c {
        'а' | 'α' | 'á' | 'à' | 'â' | 'ä' | 'ã' | 'å' | '@' | '4' => 'a',
        'с' | 'ç' | 'ϲ' => 'c',
        'ԁ' => 'd',
        'е' | 'ё' | 'é' | 'è' | 'ê' | 'ë' | '3' | 'ε' => 'e',
        'ɡ' => 'g',
        'һ' => 'h',
        // These four are taken for one another.
        'і' | 'ӏ' | 'ι' | 'í' | 'ì' | 'î' | 'ï' | 'ı' | '1' | 'l' | '|' | '!' => 'i',
        'м' => 'm',
        'п' | 'η' | 'ñ' => 'n',
        'о' | 'ο' | 'ó' | 'ò' | 'ô' | 'ö' | '0' => 'o',
        'р' | 'ρ' => 'p',
        'г' | 'ʀ' => 'r',
        'ѕ' | '5' | '$' => 's',
        'т' | 'τ' => 't',
        'υ' | 'ú' | 'ù' | 'û' | 'ü' | 'ս' => 'u',
        'ԝ' | 'ω' => 'w',
        'ᴢ' | 'ʐ' | '2' => 'z',
        c => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(id: u128, name: &str) -> Option<&'static str> {
        let id = ApplicationId::from_uuid(Uuid::from_u128(id));
        check(id, name).err().map(|error| error.code)
    }

    #[test]
    fn nobody_makes_an_application_that_people_take_for_az_or_powershell() {
        for name in [
            "Azure CLI",
            "azure-cli",
            "Microsoft Azure CLI",
            "AZURE  C L I",
            "Azure C1I",
            "Azure ClI",
            "Аzure СLІ",
            "Ａｚｕｒｅ ＣＬＩ",
            "Azure PowerShe11",
            "azure_powershell (verified)",
            "Meterbridge command line",
            "meterbridge-cli",
        ] {
            assert_eq!(refused(1, name), Some("ReservedApplicationName"), "{name}");
        }
        for name in ["Azure\u{200b} CLI", "Az\u{202e}ILC eru", "two\nlines", "a\u{0}"] {
            assert_eq!(refused(1, name), Some("InvalidName"), "{name:?}");
        }
        for name in [
            "Nightly registration",
            "Abrechnung für Nord",
            "Meterbridge export",
            "Azure bills",
            "请求 2",
        ] {
            assert_eq!(refused(1, name), None, "{name}");
        }
    }

    #[test]
    fn the_ids_and_names_of_the_programs_themselves_are_reserved() {
        for (id, name) in NATIVE_CLIENTS {
            assert_eq!(native_client(ApplicationId::from_uuid(id)), Some(name));
            assert_eq!(refused(id.as_u128(), "Nightly"), Some("ReservedApplicationId"));
            assert_eq!(refused(1, name), Some("ReservedApplicationName"), "{name}");
        }
    }
}
