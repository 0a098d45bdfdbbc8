//! What a formula says beside its result: the texts in it, and numbers long enough to identify somebody.

mod tokens;

pub(super) use tokens::{Dialect, words_of_tokens};

/// The texts and long numbers of a formula as written, on one line; none when it has none.
pub(super) fn words(formula: &str) -> Option<String> {
    let mut out = String::new();
    let mut rest = formula;
    while let Some(at) = rest.find(|c: char| c == '"' || c.is_ascii_digit()) {
        // Digits right behind a letter are a cell's place or a part of a name.
        let before = rest.get(..at).and_then(|before| before.chars().next_back());
        let found = rest.get(at..).unwrap_or_default();
        if found.starts_with('"') {
            let (text, behind) = text(found.get(1..).unwrap_or_default());
            add(&text, &mut out);
            rest = behind;
        } else {
            let end = found.find(|c: char| !c.is_ascii_digit()).unwrap_or(found.len());
            let (number, behind) = found.split_at_checked(end).unwrap_or((found, ""));
            if number.len() >= 7 && !before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '$' | '.')) {
                add(number, &mut out);
            }
            rest = behind;
        }
    }
    (!out.is_empty()).then_some(out)
}

/// A text up to its closing quote, a doubled one standing for one, and what stands behind it.
fn text(mut rest: &str) -> (String, &str) {
    let mut out = String::new();
    loop {
        let Some((before, behind)) = rest.split_once('"') else { return (out + rest, "") };
        out.push_str(before);
        match behind.strip_prefix('"') {
            Some(behind) => {
                out.push('"');
                rest = behind;
            }
            None => return (out, behind),
        }
    }
}

fn add(word: &str, out: &mut String) {
    if word.trim().is_empty() {
        return;
    }
    if !out.is_empty() {
        out.push(' ');
    }
    out.push_str(word);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_long_numbers() {
        for (formula, said) in [
            ("IF(A1=\"a \"\"b\"\"\",\"\",\"c\")", Some("a \"b\" c")),
            ("VLOOKUP(999918564,A1000000:$B$1000000,2)", Some("999918564")),
            ("SUM(A1:A3)*1000", None),
            ("\"open", Some("open")),
            ("", None),
        ] {
            assert_eq!(words(formula).as_deref(), said, "{formula}");
        }
    }
}
