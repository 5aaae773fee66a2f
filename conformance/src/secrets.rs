//! Where a secret is shown, in whatever spelling.

/// What stands in a report instead of a secret.
const REDACTED: &str = "[secret]";

/// Whether `text` contains the secret as it is, percent-encoded, escaped or in base64.
pub(crate) fn is_shown(secret: &str, text: &str) -> bool {
    spellings(secret)
        .iter()
        .any(|spelling| text.contains(spelling.as_str()))
}

/// The text without the secret, for a report that others will read.
pub(crate) fn redacted(secrets: &[String], text: &str) -> String {
    let mut text = text.to_owned();
    for spelling in secrets.iter().flat_map(|secret| spellings(secret)) {
        text = text.replace(&spelling, REDACTED);
    }
    text
}

fn spellings(secret: &str) -> Vec<String> {
    if secret.is_empty() {
        return Vec::new();
    }
    let mut all = vec![
        secret.to_owned(),
        percent_encoded(secret, true),
        percent_encoded(secret, false),
        secret.escape_debug().to_string(),
        base64(secret.as_bytes(), b"+/"),
        base64(secret.as_bytes(), b"-_"),
    ];
    all.sort_unstable();
    all.dedup();
    all
}

fn percent_encoded(text: &str, upper: bool) -> String {
    let encode = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            char::from(byte).to_string()
        }
        other if upper => format!("%{other:02X}"),
        other => format!("%{other:02x}"),
    };
    text.bytes().map(encode).collect()
}

/// Base64 without padding, so that it is found in padded text too.
fn base64(bytes: &[u8], last_two: &[u8; 2]) -> String {
    const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let letter = |sextet: u32| {
        let place = (sextet & 63) as usize;
        char::from(*LETTERS.get(place).unwrap_or(&last_two[place & 1]))
    };
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let group = chunk
            .iter()
            .fold(0, |group, byte| group << 8 | u32::from(*byte))
            << (8 * (3 - chunk.len()));
        for place in 0..=chunk.len() {
            text.push(letter(group >> (18 - 6 * place)));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_found_in_every_spelling() {
        for text in ["p@ss/w", "p%40ss%2Fw", "p%40ss%2fw", "cEBzcy93"] {
            assert!(is_shown("p@ss/w", &format!("x{text}y")), "{text}");
        }
        assert!(!is_shown("p@ss/w", "p@ss"));
        assert!(!is_shown("", "anything"));
    }

    #[test]
    fn base64_is_what_others_write() {
        for (plain, encoded) in [
            ("f", "Zg"),
            ("fo", "Zm8"),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg"),
        ] {
            assert_eq!(base64(plain.as_bytes(), b"+/"), encoded);
        }
        assert_eq!(base64(&[0xfb, 0xff, 0xfe], b"+/"), "+//+");
        assert_eq!(base64(&[0xfb, 0xff, 0xfe], b"-_"), "-__-");
    }

    #[test]
    fn a_redacted_text_holds_no_secret() {
        let secrets = ["p@ss".to_owned()];
        assert_eq!(
            redacted(&secrets, "redis://:p%40ss@host p@ss"),
            "redis://:[secret]@host [secret]"
        );
    }
}
