//! Mail as teachers write it, through the whole line under the shipped policy: what must not leave as plain mail, and
//! what must not be stopped.
//!
//! `tests/schoolmail/*.txt`: mails; `@ recipients | subject`, then the body, then what is attached behind a line
//! `--- csv|docx|xlsx|eml: name`. `groep 3` stands for all guardians of that group, in Bcc. All invented, and written
//! before anybody looked at what is found in them. Each mail is sent as plain text, as both forms or as a page.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mailpoort::decide::{Ask, Classes, Decision, KnownDomains, KnowsAll, KnowsNoHosts, Mode, Policy, Route};
use mailpoort::detect::{Kind, Rules};
use mailpoort::gate::house::{Bench, Tenant};
use mailpoort::gate::{Scan, scan};
use mailpoort::message::{Day, Envelope, Limits, Mail, Mailbox, Recipient};
use mailpoort::roster::{Roster, Source};
use mailpoort::school::{Contact, School};

#[path = "support/zip.rs"]
mod zip;

const ROSTER: &str = include_str!("schoolmail/roster.csv");

struct Written {
    to: Vec<String>,
    bcc: bool,
    subject: String,
    body: String,
    files: Vec<(String, String, String)>,
}

fn written(text: &str) -> Vec<Written> {
    let text = format!("\n{text}");
    text.split("\n@ ").skip(1).map(one).collect()
}

fn one(mail: &str) -> Written {
    let (first, rest) = mail.split_once('\n').unwrap_or((mail, ""));
    let (to, subject) = first.split_once(" |").unwrap();
    let mut parts = rest.split("\n--- ");
    let body = parts.next().unwrap().to_owned();
    let file = |part: &str| {
        let (head, content) = part.split_once('\n').unwrap();
        let (kind, name) = head.split_once(": ").unwrap();
        (kind.to_owned(), name.to_owned(), content.to_owned())
    };
    let bcc = to.contains("groep ");
    let to = to.split(", ").flat_map(|to| to.strip_prefix("groep ").map_or(vec![to.to_owned()], guardians)).collect();
    Written { to, bcc, subject: subject.trim().to_owned(), body, files: parts.map(file).collect() }
}

fn guardians(group: &str) -> Vec<String> {
    let rows = ROSTER.lines().skip(1).map(|row| row.split(';').collect::<Vec<_>>());
    let of_group = rows.filter(|row| row[4] == group);
    of_group.flat_map(|row| [row[6].to_owned(), row[7].to_owned()]).filter(|mail| !mail.is_empty()).collect()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn page(body: &str) -> String {
    let lines = body.lines().map(|line| match line {
        "" => "<div><br></div>\r\n".to_owned(),
        line => format!("<div>{}</div>\r\n", escaped(line).replace('\t', "&nbsp; ")),
    });
    format!("<html><body style=\"font-family:Calibri\">{}</body></html>", lines.collect::<String>())
}

fn docx(content: &str) -> Vec<u8> {
    let paragraphs: String =
        content.lines().map(|line| format!("<w:p><w:r><w:t>{}</w:t></w:r></w:p>", escaped(line))).collect();
    let document = format!(
        "<?xml version=\"1.0\"?><w:document xmlns:w=\"http://schemas.openxmlformats.org/wordprocessingml/2006/main\">\
         <w:body>{paragraphs}</w:body></w:document>"
    );
    package(
        "word/document.xml",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml",
        &[("word/document.xml", document)],
    )
}

fn xlsx(content: &str) -> Vec<u8> {
    let cell = |(column, value): (usize, &str), row: usize| {
        let at = format!("{}{}", char::from(b'A' + column as u8), row + 1);
        match value.parse::<u64>() {
            Ok(number) => format!("<c r=\"{at}\"><v>{number}</v></c>"),
            Err(_) => format!("<c r=\"{at}\" t=\"inlineStr\"><is><t>{}</t></is></c>", escaped(value)),
        }
    };
    let row = |(at, line): (usize, &str)| {
        let cells: String = line.split('\t').enumerate().map(|value| cell(value, at)).collect();
        format!("<row r=\"{}\">{cells}</row>", at + 1)
    };
    let main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
    let rels = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let rows: String = content.lines().enumerate().map(row).collect();
    package(
        "xl/workbook.xml",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml",
        &[
            (
                "xl/workbook.xml",
                format!(
                    "<workbook xmlns=\"{main}\" xmlns:r=\"{rels}\"><sheets><sheet name=\"Blad1\" sheetId=\"1\" \
                     r:id=\"rId1\"/></sheets></workbook>"
                ),
            ),
            (
                "xl/_rels/workbook.xml.rels",
                format!(
                    "<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\">\
                     <Relationship Id=\"rId1\" Type=\"{rels}/worksheet\" Target=\"worksheets/sheet1.xml\"/>\
                     </Relationships>"
                ),
            ),
            (
                "xl/worksheets/sheet1.xml",
                format!("<worksheet xmlns=\"{main}\"><sheetData>{rows}</sheetData></worksheet>"),
            ),
        ],
    )
}

/// A package of Office Open XML with this main part (ECMA-376 part 2).
fn package(main: &str, essence: &str, parts: &[(&str, String)]) -> Vec<u8> {
    let types = format!(
        "<Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\"><Default Extension=\"rels\" \
         ContentType=\"application/vnd.openxmlformats-package.relationships+xml\"/><Default Extension=\"xml\" \
         ContentType=\"application/xml\"/><Override PartName=\"/{main}\" ContentType=\"{essence}\"/></Types>"
    );
    let rels = format!(
        "<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\"><Relationship \
         Id=\"rId1\" Type=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument\" \
         Target=\"{main}\"/></Relationships>"
    );
    let mut files =
        vec![zip::stored("[Content_Types].xml", types.as_bytes()), zip::stored("_rels/.rels", rels.as_bytes())];
    files.extend(parts.iter().map(|(name, content)| zip::stored(name, content.as_bytes())));
    zip::zip(&files)
}

fn raw(mail: &Written, form: usize) -> String {
    let to = if mail.bcc { "leerkracht@devlonder.example".to_owned() } else { mail.to.join(", ") };
    let text = format!(
        "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n{}\r\n",
        STANDARD.encode(&mail.body)
    );
    let html = format!(
        "Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n{}\r\n",
        STANDARD.encode(page(&mail.body))
    );
    let body = match form {
        0 => text,
        1 => format!(
            "Content-Type: multipart/alternative; boundary=alt\r\n\r\n--alt\r\n{text}--alt\r\n{html}--alt--\r\n"
        ),
        _ => html,
    };
    let files: String = mail.files.iter().map(|file| format!("--mixed\r\n{}", attached(file))).collect();
    format!(
        "From: Leerkracht De Vlonder <leerkracht@devlonder.example>\r\nTo: {to}\r\nSubject: \
         =?utf-8?B?{}?=\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; \
         boundary=mixed\r\n\r\n--mixed\r\n{body}{files}--mixed--\r\n",
        STANDARD.encode(&mail.subject)
    )
}

fn attached((kind, name, content): &(String, String, String)) -> String {
    let octets = match kind.as_str() {
        "docx" => docx(content),
        "xlsx" => xlsx(content),
        // The start of one of 800 by 600, which is all that is looked at.
        "jpg" => {
            [&b"\xff\xd8\xff\xc0\x00\x11\x08\x02\x58\x03\x20\x03\x01\x22\x00\x02\x11\x01\x03\x11\x01"[..], &[7; 40_000]]
                .concat()
        }
        "eml" => return format!("Content-Type: message/rfc822\r\n\r\n{}\r\n", content.replace('\n', "\r\n")),
        _ => content.clone().into_bytes(),
    };
    format!(
        "Content-Type: application/octet-stream; name=\"{name}\"\r\nContent-Disposition: attachment; \
         filename=\"{name}\"\r\nContent-Transfer-Encoding: base64\r\n\r\n{}\r\n",
        STANDARD.encode(octets)
    )
}

struct Gate {
    bench: Bench,
    tenant: Tenant,
}

impl Gate {
    fn new() -> Self {
        let source = Source { name: PathBuf::from("roster.csv"), octets: ROSTER.as_bytes().to_vec() };
        let (roster, _) = Roster::read(&[source]).map_err(|problems| format!("{problems:?}")).unwrap();
        let contact = Contact { name: String::new(), role: String::new(), phone: None, mail: None, hours: None };
        let school = School {
            id: "vlonder".into(),
            name: "De Vlonder".into(),
            domains: vec!["devlonder.example".into()],
            gate_address: Mailbox::parse("mailpoort@devlonder.example").unwrap(),
            privacy: contact.clone(),
            director: None,
            deputy: None,
            helpdesk: contact,
            fg: None,
            channels: BTreeMap::new(),
        };
        let classes = Classes::new(&school.domains, BTreeMap::new());
        let bench = Bench {
            limits: Limits::default(),
            rules: Rules::shipped().unwrap(),
            policy: Policy::shipped().unwrap(),
            domains: KnownDomains::new(classes.domains()).and_providers(),
            means: mailpoort::decide::Means::default(),
            share_tag: None,
            share_answers: false,
            share_codes: Arc::default(),
            acquaintance: Arc::new(KnowsAll),
            hosts: Arc::new(KnowsNoHosts),
            classes,
            mode: Mode::Enforce,
            readers: None,
            recognisers: None,
            told: None,
        };
        Self { bench, tenant: Tenant::new(school, Some(&roster), None) }
    }

    fn judge(&self, mail: &Written, form: usize) -> Scan {
        let recipient = |to: &String| Recipient { mailbox: Mailbox::parse(to).unwrap(), parameters: String::new() };
        let envelope = Envelope {
            sender: Mailbox::parse("leerkracht@devlonder.example").ok(),
            recipients: mail.to.iter().map(recipient).collect(),
            ..Envelope::default()
        };
        let mail = Mail { envelope, raw: raw(mail, form).into_bytes(), day: Day::new(2024, 11, 20) };
        scan(&mail, &self.tenant, &self.bench)
    }
}

/// What stands against a mail, for whoever reads a failing test: places and kinds.
fn shown(mail: &Written, scan: &Scan, decision: &Decision) -> String {
    let found = scan.findings.iter().filter(|finding| finding.is_sure(0.5));
    let found: Vec<String> = found
        .map(|finding| format!("{} {:?} {:.2}", finding.kind.word(), finding.found.expose(), finding.confidence))
        .collect();
    format!("{} | {}: {} {} {}", mail.to[0], mail.subject, decision.line, decision.class, found.join(", "))
}

fn file(name: &str) -> Vec<Written> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/schoolmail").join(name);
    written(&std::fs::read_to_string(path).unwrap())
}

#[test]
fn no_number_and_no_illness_of_a_pupil_leaves_as_plain_mail() {
    let (gate, mails) = (Gate::new(), file("leaks.txt"));
    assert_eq!(mails.len(), 50);
    let mut plain = Vec::new();
    for (at, mail) in mails.iter().enumerate() {
        let scan = gate.judge(mail, at % 3);
        let passed = scan.verdict.decisions.iter().find(|decision| decision.route == Route::Pass);
        plain.extend(passed.map(|decision| shown(mail, &scan, decision)));
    }
    assert!(plain.is_empty(), "{} of 50:\n{}", plain.len(), plain.join("\n"));
}

#[test]
fn ordinary_mail_to_parents_goes_its_way() {
    let (gate, mails) = (Gate::new(), file("ordinary.txt"));
    assert_eq!(mails.len(), 200);
    let (mut blocked, mut shared, mut tls) = (Vec::new(), Vec::new(), Vec::new());
    for (at, mail) in mails.iter().enumerate() {
        let scan = gate.judge(mail, at % 3);
        let strictest = scan.verdict.decisions.iter().max_by_key(|decision| decision.asked).unwrap();
        let said = shown(mail, &scan, strictest);
        match strictest.asked {
            Ask::Pass => {}
            Ask::Tls => tls.push(said),
            Ask::Share | Ask::ShareWithPurpose => shared.push(said),
            Ask::Block(_) | Ask::Defer => blocked.push(said),
        }
    }
    println!("{} blocked, {} shared, {} by TLS", blocked.len(), shared.len(), tls.len());
    let all = format!("blocked\n{}\n\nshared\n{}\n\ntls\n{}", blocked.join("\n"), shared.join("\n"), tls.join("\n"));
    assert!(blocked.len() <= 2 && shared.len() <= 10, "{} blocked, {} shared\n{all}", blocked.len(), shared.len());
}

/// Written by people who had not seen the rules, in five goes. Of the first eighty leaks 19 were judged to be plain mail, then
/// of sixty others 20, of eighty more 24, of forty 7, of forty 13, before the rules were widened each time; those that still are stand here
/// by subject. Of the 260 ordinary mails of the third go, half of them traps, 7 were stopped, 2 of the 120 of the fourth and 3 of
/// the 120 of the fifth.
#[test]
fn what_was_written_blind_is_judged_as_those_who_wrote_it_do() {
    const MISSED: [&str; 26] = [
        // An address or phone number beside a name passes by the shipped policy (row 11).
        "prijswinnaar kleurplaat",
        "adressen ouders",
        // Of colleagues, in words of its own.
        "referentie Sander",
        "Re: klacht juf Dorien",
        "spoed: gr 4 vanaf morgen",
        // "begrijpend lezen Lucas V, Noor I+".
        "Re: uitslag",
        // "afgewezen door de IND", a sentence after the pupil.
        "Londenreis 4V",
        // Told without a word for it: taken from home at night, questioned about Syria, found just in time.
        "training",
        "uw vraag mbt de nieuwe jongen",
        "Re: sleutel",
        // His own passwords, under "ww".
        "ww",
        // "schieding", "TOS" of a child in small letters.
        "gespreksverlsag owen",
        // Somebody by first name alone, who is on no roster.
        "gossip",
        "Joëlle 3H2",
        // An account in one line, under "inlog".
        "inlog",
        "voor vanavond, functioneringsdossier",
        // An offence of an applicant.
        "terugkoppeling sollicitatie",
        // Pupils of other schools and staff, by name and with nothing that says who they are.
        "Overdracht Fedde",
        "Referentie Karel Buwalda",
        "Re: your new classmate",
        "laptop swap",
        "ff spuien",
        "bestelling vrijdag",
        // "pillen voor haar drukte", "het crisispleeggezin" of a boy who is named later, a food bank in a quote.
        "Re: Re: ruzie",
        "route 4 wijziging",
        "FW: geld",
    ];
    // Bears that had their appendix out in the doll's house, who is arrested in a play, a novel that is called Gips, a goat
    // with pneumonia, a collection against cancer, and a comic.
    const STOPPED: [&str; 6] = [
        "Dokterstas",
        "Romeo en Julia, maar dan anders",
        "bibliotheekboek",
        "Geit is ziek",
        "KWF-collecte",
        "strip ingezonden",
    ];
    let (gate, leaks, ordinary) = (Gate::new(), file("blind_leaks.txt"), file("blind_ordinary.txt"));
    assert_eq!((leaks.len(), ordinary.len()), (300, 720));
    let plain = |mail: &Written, scan: &Scan| {
        let decision = scan.verdict.decisions.iter().find(|decision| decision.asked == Ask::Pass);
        let all = scan.verdict.decisions.iter().all(|decision| decision.asked == Ask::Pass);
        decision.filter(|_| all).map(|decision| shown(mail, scan, decision))
    };
    let mut wrong = Vec::new();
    for (at, mail) in leaks.iter().enumerate() {
        let scan = gate.judge(mail, at % 3);
        wrong.extend(plain(mail, &scan).filter(|_| !MISSED.contains(&&*mail.subject)));
    }
    for (at, mail) in ordinary.iter().enumerate() {
        let scan = gate.judge(mail, at % 3);
        let strictest = scan.verdict.decisions.iter().max_by_key(|decision| decision.asked).unwrap();
        let stopped = strictest.asked > Ask::Tls && !STOPPED.contains(&&*mail.subject);
        wrong.extend(stopped.then(|| shown(mail, &scan, strictest)));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// For a set that is measured and not kept: `MAILPOORT_SET` is a folder with `leaks.txt` and `ordinary.txt`.
#[test]
#[ignore = "measures a set of one's own"]
fn a_set_of_ones_own_is_judged() {
    let folder = PathBuf::from(std::env::var_os("MAILPOORT_SET").expect("MAILPOORT_SET names a folder"));
    let set = |name: &str| written(&std::fs::read_to_string(folder.join(name)).unwrap());
    let (gate, leaks, ordinary) = (Gate::new(), set("leaks.txt"), set("ordinary.txt"));
    let judged = |mails: &[Written], is_wrong: fn(Ask) -> bool| -> Vec<String> {
        let one = |(at, mail): (usize, &Written)| {
            let scan = gate.judge(mail, at % 3);
            let strictest = scan.verdict.decisions.iter().max_by_key(|decision| decision.asked).unwrap();
            is_wrong(strictest.asked).then(|| shown(mail, &scan, strictest))
        };
        mails.iter().enumerate().filter_map(one).collect()
    };
    let (missed, stopped) = (judged(&leaks, |ask| ask == Ask::Pass), judged(&ordinary, |ask| ask > Ask::Tls));
    println!("{} of {} leaks passed:\n{}\n", missed.len(), leaks.len(), missed.join("\n"));
    println!("{} of {} ordinary mails stopped:\n{}", stopped.len(), ordinary.len(), stopped.join("\n"));
}

/// Each word of the school's own list (portrait photo, learning disorder, contribution ..): lines with `+` tell it of a pupil,
/// lines with `-` look like it and tell nothing.
#[test]
fn every_word_of_the_list_has_its_detector() {
    let gate = Gate::new();
    for (name, kinds, missed) in [
        ("name", &[Kind::PupilName][..], 0),
        ("address", &[Kind::Postcode], 7),
        ("birth_date", &[Kind::BirthDate], 2),
        ("bsn", &[Kind::Bsn], 2),
        ("learning_disorder", &[Kind::Health, Kind::Care], 1),
        ("contribution", &[Kind::Care], 0),
    ] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/schoolmail/words/{name}.txt"));
        let (mut hits, mut misses) = (Vec::new(), Vec::new());
        let text = std::fs::read_to_string(path).unwrap();
        for line in text.lines() {
            let (sign, said) = line.split_at_checked(2).unwrap_or_default();
            let to = vec!["info@partij.example".to_owned()];
            let body = said.replace("\\n", "\n");
            let mail = Written { to, bcc: false, subject: "Bericht".to_owned(), body, files: Vec::new() };
            let scan = gate.judge(&mail, 0);
            let found = scan.findings.iter().any(|one| kinds.contains(&one.kind) && one.is_sure(0.5));
            match sign {
                "+ " if !found => hits.push(said),
                // A postcode that is nobody's is still one.
                "- " if found && name != "address" => misses.push(said),
                _ => {}
            }
        }
        let all = text.lines().filter(|line| line.starts_with("+ ")).count();
        assert!(all >= 20 && hits.len() <= missed && misses.is_empty(), "{name}: {hits:#?} {misses:#?}");
    }
}

/// A portrait is a picture with a pupil's name beside it, whatever the words for it are: its sender is told about consent.
/// Without the picture, and without a name, nobody is.
#[test]
fn a_portrait_has_its_detector_too() {
    let gate = Gate::new();
    let text = include_str!("schoolmail/words/photo.txt");
    let advised = |said: &str, picture: bool| {
        let jpeg = ("jpg".to_owned(), "IMG_4471.jpg".to_owned(), String::new());
        let files = if picture { vec![jpeg] } else { Vec::new() };
        let to = vec!["info@partij.example".to_owned()];
        let body = said.replace("\\n", "\n");
        let mail = Written { to, bcc: false, subject: "Bericht".to_owned(), body, files };
        let scan = gate.judge(&mail, 0);
        scan.verdict.decisions.iter().any(|decision| decision.advise && decision.line.starts_with("picture_"))
    };
    let told: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("+ ")).collect();
    let missed: Vec<&&str> = told.iter().filter(|said| !advised(said, true)).collect();
    // A first name by itself tells of nobody: eight of these; and one stands in a file name alone.
    assert!(told.len() - missed.len() >= 16 && told.len() >= 20, "{missed:#?}");
    assert!(told.iter().all(|said| !advised(said, false)));
    let others = text.lines().filter_map(|line| line.strip_prefix("- "));
    let wrong: Vec<&str> = others.filter(|said| advised(said, true)).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// A reply to what a mother wrote, which the teacher's mail program quotes below.
fn reply(to: &str, hers: &str) -> Written {
    let quoted: String = hers.lines().map(|line| format!("> {line}\n")).collect();
    let body = format!(
        "Dank u wel voor uw bericht, we houden er rekening mee.\n\nOp 12 nov. 2024 om 20:31 schreef Olga de Graaf \
         <mama.van.olivia@thuis.example>:\n\n{quoted}"
    );
    Written { to: vec![to.to_owned()], bcc: false, subject: "Re: Olivia".to_owned(), body, files: Vec::new() }
}

#[test]
fn a_quote_that_goes_back_to_who_wrote_it_is_no_leak_and_one_that_goes_on_is() {
    let gate = Gate::new();
    let hers = "Olivia heeft ADHD en slikt sinds maandag Ritalin.";
    let (author, other) = ("mama.van.olivia@thuis.example", "info@sportclub.example");
    for form in 0..3 {
        for (mail, line) in [
            (reply(author, hers), "16_outside"),
            (reply(other, hers), "04_health_stranger"),
            (reply(author, "Het BSN van Olivia is 312345677."), "05_own"),
        ] {
            let scan = gate.judge(&mail, form);
            let decision = &scan.verdict.decisions[0];
            assert!(decision.line.starts_with(line), "{form}: {}", shown(&mail, &scan, decision));
        }
        let both = format!("{}\n\n{hers}", reply(author, hers).body);
        let twice = Written { body: both, ..reply(author, hers) };
        let scan = gate.judge(&twice, form);
        let ritalin = scan.findings.iter().filter(|finding| finding.found.expose() == "Ritalin").count();
        assert_eq!(ritalin, 1, "{form}: found once");
    }
    let attached = "From: Olga <mama.van.olivia@thuis.example>\nSubject: Olivia\n\nOlivia heeft ADHD.";
    let files = vec![("eml".to_owned(), "bericht.eml".to_owned(), attached.to_owned())];
    let forwarded = Written { files, ..reply(author, "Hoi") };
    assert_eq!(&*gate.judge(&forwarded, 0).verdict.decisions[0].line, "16_outside");
}
