//! What the demo prints: a table of what became of each mail and why, and how to go on.

use std::net::SocketAddr;

use super::samples::{Became, Outcome};
use crate::decide::{self, Policy};

/// Columns of a terminal that nobody has made wider.
const WIDTH: usize = 79;
/// Where the words behind "why" and the like begin.
const INDENT: usize = 12;

/// The table. `web` is the address of the page, without a slash at the end.
pub(super) fn table(outcomes: &[Outcome], policy: &Policy, web: &str) -> String {
    let head = format!(" #  {:<51}{:<10}{}", "what", "became", "policy line");
    let rows = outcomes.iter().enumerate().map(|(at, outcome)| row(at + 1, outcome, policy, web));
    let rule = "-".repeat(WIDTH);
    format!("{head}\n{rule}\n{}", rows.collect::<Vec<_>>().join("\n"))
}

fn row(number: usize, outcome: &Outcome, policy: &Policy, web: &str) -> String {
    let became = match &outcome.became {
        Became::Passed(_) => "passed",
        Became::Blocked(_) => "blocked",
        Became::Shared(_) => "shared",
        Became::Refused => "refused",
        Became::Lost => "LOST",
    };
    let line = outcome.line.as_ref().and_then(|line| line.routes.first()).map_or("-", |route| route.line.as_str());
    let mut text = format!("{number:>2}  {:<51}{became:<10}{line}\n", outcome.sample.what);
    text.push_str(&detail("to", outcome.sample.recipient));
    text.push_str(&detail("why", &why(outcome, policy)));
    text.push_str(&detail("so", &consequence(outcome, web)));
    text
}

/// What was found, and the policy line's own reason.
fn why(outcome: &Outcome, policy: &Policy) -> String {
    let Some(line) = &outcome.line else { return "the journal says nothing of it".into() };
    let Some(route) = line.routes.first() else { return "refused before it was judged".into() };
    let found = Some(line.found()).filter(|found| !found.is_empty()).unwrap_or_else(|| "nothing found".into());
    match policy.line(&route.line) {
        Some(policy_line) => format!("{found}; recipient is {}: {}", route.class, policy_line.why),
        None if route.route == "share" => format!("{found}; its sender asked for it, with [veilig] in the subject"),
        None if route.line == decide::CLEAN => format!("{found}, so no line of the policy speaks against it"),
        None => found,
    }
}

fn consequence(outcome: &Outcome, web: &str) -> String {
    match &outcome.became {
        Became::Passed(mail) => format!("the next hop has it: {web}/mail/{}", mail.number),
        Became::Blocked(notice) => {
            format!(
                "nobody got it; its sender got this notice, and may choose behind its link: {web}/mail/{}",
                notice.number
            )
        }
        Became::Shared(receipt) => {
            format!(
                "its recipient got a link, and its sender this receipt with the code to pass on: {web}/mail/{}",
                receipt.number
            )
        }
        Became::Refused => {
            format!("nobody got it; a program reads no notices, so it was told at once: {}", outcome.reply)
        }
        Became::Lost => format!("this is a fault of mailpoort, please report it: {}", outcome.reply),
    }
}

fn detail(label: &str, words: &str) -> String {
    let mut text = String::new();
    let mut column = WIDTH;
    for word in words.split_whitespace() {
        let length = word.chars().count();
        if column + 1 + length > WIDTH {
            let label = if text.is_empty() { label } else { "" };
            let end = if text.is_empty() { "" } else { "\n" };
            text.push_str(&format!("{end}      {label:<6}"));
            column = INDENT;
        } else {
            text.push(' ');
            column += 1;
        }
        text.push_str(word);
        column += length;
    }
    text + "\n"
}

/// Where to look, and how to send one's own mail.
pub(super) fn guide(smtp: SocketAddr, web: &str, journal: &str) -> String {
    let port = smtp.port();
    format!(
        "What went out, the notices and the journal:  {web}/
The journal as a file, while the demo runs:  {journal}

Send your own (a sender at delinde.example gets a notice when it is stopped):
  swaks --server {smtp} --from juf@delinde.example --to iemand@voorbeeld.example \\
        --header 'Subject: Proef' --body 'Het BSN van Noor Aalbers is 999991000.'
or, without swaks:
  python3 -c 'import smtplib; smtplib.SMTP(\"127.0.0.1\", {port}).sendmail(
    \"juf@delinde.example\", [\"iemand@voorbeeld.example\"],
    \"From: juf@delinde.example\\nSubject: Proef\\n\\nHet BSN van Noor Aalbers is 999991000.\\n\")'
Pupils of the invented school: Noor Aalbers, Yusuf Demir, Pien van de Riet ...
Follow the link in a notice to the desk: the code that it mails arrives on the same page as the notices.
Open the link of the secure message yourself: its code stands in the receipt.
Nothing leaves this machine. Stop with Ctrl-C."
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn details_stay_within_the_terminal() {
        let text = detail("why", &"woorden en nog meer woorden ".repeat(10));
        assert!(text.lines().count() > 3 && text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
        assert!(text.starts_with("      why   woorden"), "{text}");
        assert_eq!(detail("to", &"x".repeat(200)).lines().count(), 1);
    }
}
