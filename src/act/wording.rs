//! The phrases of a notice that depend on numbers and places, in Dutch and English.
//!
//! Whole sentences stand in the templates (rules/texts), where a school can edit them; here is only what
//! grammar makes of counts, lists, days and places. Takes values without found data, and adds none.

use jiff::civil::DateTime;

use super::found::{Found, Part, ToldUnit, UnreadPart, Where};
use super::incident::{Incident, Told};
use crate::decide::Offer;
use crate::detect::Kind;
use crate::extract::{Layer, Why};
use crate::school::{Contact, Language};

/// "dinsdag 24 november, 14.07 uur".
pub(super) fn moment(at: DateTime, language: Language) -> String {
    format!("{}, {}", language.day(at.date()), clock(at, language))
}

/// "14.07 uur".
pub(super) fn clock(at: DateTime, language: Language) -> String {
    let (hour, minute) = (at.hour(), at.minute());
    language.of(format!("{hour}.{minute:02} uur"), format!("{hour}:{minute:02}"))
}

/// The words as a sentence begins.
pub(super) fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// "a, b en c".
pub(super) fn list(items: &[String], language: Language) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} {} {last}", first.join(", "), language.of("en", "and")),
    }
}

/// The first ten of a list of recipients, and how many more there are.
pub(super) fn people(told: &[Told], language: Language) -> String {
    const MOST: usize = 10;
    let guardian = || language.of("een ouder of verzorger", "a parent or guardian").to_string();
    let named = |told: &Told| match told {
        Told::Typed(typed) => typed.clone(),
        Told::Discreet => guardian(),
    };
    let typed: Vec<String> = told.iter().map(named).collect();
    if typed.len() <= MOST + 1 {
        return list(&typed, language);
    }
    let rest = typed.len() - MOST;
    let mut shown: Vec<String> = typed.into_iter().take(MOST).collect();
    shown.push(language.of(format!("nog {rest} anderen"), format!("{rest} others")));
    list(&shown, language)
}

/// "Je mail "Lijst groep 5"", or without the subject; a part of a mail says so.
pub(super) fn mail(incident: &Incident, language: Language) -> String {
    let what = match (incident.part_of_mail, language) {
        (false, Language::Nl) => "Je mail",
        (true, Language::Nl) => "Dit deel van je mail",
        (false, Language::En) => "Your mail",
        (true, Language::En) => "This part of your mail",
    };
    match &incident.subject {
        Some(subject) => format!("{what} “{subject}”"),
        None => what.to_string(),
    }
}

/// " met klas5.csv", for the subject.
pub(super) fn with_file(incident: &Incident, language: Language) -> String {
    incident.file.as_ref().map(|name| format!(" {} {name}", language.of("met", "with"))).unwrap_or_default()
}

/// What the list of findings is called.
pub(super) fn heading(incident: &Incident, language: Language) -> String {
    let heading = match (incident.found.is_empty(), incident.unread.is_empty()) {
        (false, _) => language.of("Wat staat erin?", "What is in it?"),
        (true, false) => language.of("Wat konden we niet nakijken?", "What could we not check?"),
        (true, true) => language.of("Wat is er aan de hand?", "What is the matter?"),
    };
    heading.to_string()
}

/// The only reader.
pub(super) fn you(language: Language) -> String {
    language.of("jou", "you").to_string()
}

/// Who got it: nobody, and because of whom.
pub(super) fn outcome(incident: &Incident, language: Language) -> String {
    let mut sentences = Vec::new();
    if !incident.reached.is_empty() {
        // Not "has got": it may be on its way still.
        let reached = people(&incident.reached, language);
        sentences
            .push(language.of(format!("De mail gaat wel naar {reached}."), format!("The mail does go to {reached}.")));
    }
    let others = incident.cause.len() < incident.not_reached.len();
    if others {
        let cause = people(&incident.cause, language);
        sentences.push(language.of(
            format!("Niemand van hen heeft de mail gekregen. We hielden hem tegen vanwege {cause}."),
            format!("None of them got it. We stopped it because of {cause}."),
        ));
    }
    if incident.part_of_mail {
        sentences.push(
            language
                .of(
                    "In Aan of Cc staan nog meer mensen. Hun deel gaat apart; zij kunnen de mail wel gekregen hebben.",
                    "There are more people in To or Cc. Their part goes separately; they may have got the mail.",
                )
                .to_string(),
        );
    }
    sentences.join(" ")
}

/// How the sender acts: on the desk, or by sending again.
pub(super) fn how(incident: &Incident, language: Language) -> String {
    let how = match (&incident.link, language) {
        (Some(_), Language::Nl) => "Je hoeft de mail niet opnieuw te maken. Kies op deze pagina wat je wilt doen:",
        (Some(_), Language::En) => "You need not write the mail again. Choose on this page what to do:",
        (None, Language::Nl) => {
            "In je map Verzonden items staat nog een kopie. Die kun je aanpassen en opnieuw versturen. Kies wat past:"
        }
        (None, Language::En) => {
            "There is still a copy in your Sent Items. You can change it and send it again. Choose what fits:"
        }
    };
    how.to_string()
}

/// What happens when the sender does nothing.
pub(super) fn if_nothing(incident: &Incident, language: Language) -> String {
    match incident.kept_until {
        Some(until) => {
            let until = language.day(until);
            language.of(
                format!("Doe je niets? Dan wissen we de mail op {until}. Er wordt dan niets verstuurd."),
                format!("If you do nothing, we delete the mail on {until}. Nothing is sent then."),
            )
        }
        None => language
            .of(
                "Doe je niets? Dan wordt er niets verstuurd. Wij bewaren de mail niet.",
                "If you do nothing, nothing is sent. We do not keep the mail.",
            )
            .to_string(),
    }
}

/// What the desk offers, a choice each; empty without a desk.
pub(super) fn desk(incident: &Incident, language: Language) -> Vec<String> {
    let said = |offer: &Offer| match offer {
        Offer::Bcc => Some(language.of(
            "Versturen als bcc: dan zien de ontvangers elkaars adres niet.",
            "Send it as Bcc: the recipients do not see each other's address then.",
        )),
        Offer::Reason => Some(language.of("Toch versturen, met een reden.", "Send it anyway, with a reason.")),
        Offer::SecondPerson => Some(language.of(
            "Toch versturen, als een tweede persoon het goed vindt.",
            "Send it anyway, when a second person agrees.",
        )),
        Offer::Delete => Some(language.of("Niet versturen en nu wissen.", "Do not send it, and delete it now.")),
        Offer::Mistake => Some(language.of("Melden dat het niet klopt.", "Report that this is a mistake.")),
        Offer::RemoveColumns if !remove_columns(incident, language).is_empty() => Some(language.of(
            "Versturen zonder de kolommen waarin iets staat. Je ziet eerst wat er overblijft.",
            "Send it without the columns in which something was found. You see first what remains.",
        )),
        Offer::Share => Some(language.of(
            "Versturen als veilig bericht: de ontvanger opent het met een code die jij doorgeeft.",
            "Send it as a secure message: the recipient opens it with a code that you pass on.",
        )),
        // Help has a line of its own.
        Offer::RemoveColumns | Offer::Help => None,
    };
    let offers = incident.offers.iter().filter(|_| incident.link.is_some());
    offers.filter_map(said).map(str::to_string).collect()
}

/// One point for each place, its columns and kinds behind it, then the number of pupils.
pub(super) fn found(incident: &Incident, language: Language) -> Vec<String> {
    let mut points: Vec<(&Where, Vec<String>)> = Vec::new();
    for found in &incident.found {
        let phrase = what(found, language);
        match points.iter_mut().find(|(at, _)| *at == &found.at) {
            Some((_, phrases)) => phrases.push(phrase),
            None => points.push((&found.at, vec![phrase])),
        }
    }
    let mut lines: Vec<String> = points
        .into_iter()
        .map(|(at, phrases)| capital(&format!("{}: {}.", place(at, language), phrases.join("; "))))
        .collect();
    if incident.more > 0 {
        let more = incident.more;
        lines.push(language.of(
            if more == 1 {
                "Er is nog 1 andere vondst.".to_string()
            } else {
                format!("Er zijn nog {more} andere vondsten.")
            },
            if more == 1 { "There is 1 more finding.".to_string() } else { format!("There are {more} more findings.") },
        ));
    }
    if incident.pupils > 1 {
        let pupils = incident.pupils;
        lines.push(language.of(
            format!("Het gaat om {pupils} verschillende leerlingen."),
            format!("This concerns {pupils} different pupils."),
        ));
    }
    lines.extend(incident.unread.iter().map(|part| unread(part, language)));
    lines
}

/// "kolom C (bsn): 27 burgerservicenummers (BSN), het eerste staat in rij 2 en eindigt op 82".
fn what(found: &Found, language: Language) -> String {
    let count = kind(found.kind, found.values, language);
    let heading = |heading: &String| format!(" ({heading})");
    let told: Vec<String> =
        found.columns.iter().map(|c| c.letter.clone() + &c.heading.as_ref().map(heading).unwrap_or_default()).collect();
    let columns = if told.is_empty() { String::new() } else { format!("{}: ", columns(&told, language)) };
    format!("{columns}{count}{}", first(found, language))
}

/// "kolom A, C en D".
fn columns(told: &[String], language: Language) -> String {
    let word = language.of("kolom", if told.len() == 1 { "column" } else { "columns" });
    format!("{word} {}", list(told, language))
}

/// Where the first is, and on what it ends.
fn first(found: &Found, language: Language) -> String {
    let (row, line) = language.of(("in rij", "rond regel"), ("in row", "near line"));
    let at = match (found.row, found.line) {
        (Some(n), _) => Some(format!("{row} {n}")),
        (None, Some(n)) => Some(format!("{line} {n}")),
        _ => None,
    };
    let ends = found.ends.as_ref().map(|ends| format!("{} {ends}", language.of("eindigt op", "ends in")));
    let many = found.values > 1;
    match (at, ends, many, language) {
        (None, None, ..) => String::new(),
        (Some(at), Some(ends), true, Language::Nl) => format!(", het eerste staat {at} en {ends}"),
        (Some(at), Some(ends), true, Language::En) => format!(", the first is {at} and {ends}"),
        (Some(at), None, true, Language::Nl) => format!(", te beginnen {at}"),
        (Some(at), None, true, Language::En) => format!(", starting {at}"),
        (None, Some(ends), true, Language::Nl) => format!(", het eerste {ends}"),
        (None, Some(ends), true, Language::En) => format!(", the first {ends}"),
        (Some(at), Some(ends), false, Language::Nl) => format!(" {at}, het {ends}"),
        (Some(at), Some(ends), false, Language::En) => format!(" {at}, it {ends}"),
        (Some(at), None, false, _) => format!(" {at}"),
        (None, Some(ends), false, Language::Nl) => format!(", het {ends}"),
        (None, Some(ends), false, Language::En) => format!(", it {ends}"),
    }
}

/// "27 burgerservicenummers (BSN)", "een naam van een leerling".
pub fn kind(kind: Kind, count: usize, language: Language) -> String {
    let (one, many) = language.of(kind_nl(kind), kind_en(kind));
    if count == 1 { format!("{} {one}", language.of("een", "one")) } else { format!("{count} {many}") }
}

fn kind_nl(kind: Kind) -> (&'static str, &'static str) {
    match kind {
        Kind::Bsn => ("burgerservicenummer (BSN)", "burgerservicenummers (BSN)"),
        Kind::EducationNumber => ("onderwijsnummer", "onderwijsnummers"),
        Kind::PupilName => ("naam van een leerling", "namen van leerlingen"),
        Kind::Health => ("gegeven over gezondheid", "gegevens over gezondheid"),
        Kind::Care => ("gegeven over zorg of begeleiding", "gegevens over zorg of begeleiding"),
        Kind::BeliefOrigin => ("gegeven over geloof, afkomst of verblijf", "gegevens over geloof, afkomst of verblijf"),
        Kind::Criminal => ("gegeven over politie of een strafbaar feit", "gegevens over politie of strafbare feiten"),
        Kind::StudentNumber => ("leerlingnummer", "leerlingnummers"),
        Kind::BirthDate => ("geboortedatum", "geboortedatums"),
        Kind::DocumentNumber => {
            ("nummer van een paspoort, ID-kaart of rijbewijs", "nummers van paspoorten, ID-kaarten of rijbewijzen")
        }
        Kind::EckId => ("ECK iD van een leerling", "ECK iD's van leerlingen"),
        Kind::Iban => ("rekeningnummer", "rekeningnummers"),
        Kind::Phone => ("telefoonnummer", "telefoonnummers"),
        Kind::Postcode => ("postcode", "postcodes"),
        Kind::Marks => ("cijfer of toetsresultaat", "cijfers of toetsresultaten"),
        Kind::Conduct => ("gegeven over gedrag", "gegevens over gedrag"),
        Kind::Password => ("wachtwoord of code", "wachtwoorden of codes"),
        Kind::LockedWithPassword => ("wachtwoord van een bestand op slot", "wachtwoorden van bestanden op slot"),
        Kind::ShareCode => ("code van een veilig bericht", "codes van veilige berichten"),
        Kind::Employment => ("gegeven uit een loonstrook of contract", "gegevens uit loonstroken of contracten"),
        Kind::ChatExport => ("chatgesprek van anderen", "chatgesprekken van anderen"),
    }
}

fn kind_en(kind: Kind) -> (&'static str, &'static str) {
    match kind {
        Kind::Bsn => ("citizen service number (BSN)", "citizen service numbers (BSN)"),
        Kind::EducationNumber => ("education number", "education numbers"),
        Kind::PupilName => ("name of a pupil", "names of pupils"),
        Kind::Health => ("item about health", "items about health"),
        Kind::Care => ("item about care or support", "items about care or support"),
        Kind::BeliefOrigin => ("item about belief, origin or residence", "items about belief, origin or residence"),
        Kind::Criminal => ("item about the police or an offence", "items about the police or offences"),
        Kind::StudentNumber => ("pupil number", "pupil numbers"),
        Kind::BirthDate => ("date of birth", "dates of birth"),
        Kind::DocumentNumber => {
            ("number of a passport, ID card or driving licence", "numbers of passports, ID cards or driving licences")
        }
        Kind::EckId => ("ECK iD of a pupil", "ECK iDs of pupils"),
        Kind::Iban => ("bank account number", "bank account numbers"),
        Kind::Phone => ("phone number", "phone numbers"),
        Kind::Postcode => ("postcode", "postcodes"),
        Kind::Marks => ("mark or test result", "marks or test results"),
        Kind::Conduct => ("item about behaviour", "items about behaviour"),
        Kind::Password => ("password or code", "passwords or codes"),
        Kind::LockedWithPassword => ("password of a locked file", "passwords of locked files"),
        Kind::ShareCode => ("code of a secure message", "codes of secure messages"),
        Kind::Employment => ("item from a payslip or contract", "items from payslips or contracts"),
        Kind::ChatExport => ("chat of other people", "chats of other people"),
    }
}

/// "bijlage klas5.csv", "de tekst van je mail"; a nested message says in which.
fn place(at: &Where, language: Language) -> String {
    let part = match (&at.part, language) {
        (Part::Subject, Language::Nl) => "het onderwerp".to_string(),
        (Part::Subject, Language::En) => "the subject".to_string(),
        (Part::Header, Language::Nl) => "de adresregels".to_string(),
        (Part::Header, Language::En) => "the address lines".to_string(),
        (Part::Body, Language::Nl) => "de tekst van de mail".to_string(),
        (Part::Body, Language::En) => "the text of the mail".to_string(),
        (Part::FileName, Language::Nl) => "de naam van een bijlage".to_string(),
        (Part::FileName, Language::En) => "the name of an attachment".to_string(),
        (Part::File(name), _) => attachment(name.as_deref(), language),
    };
    let around = at.within.as_ref().map(|within| attachment(within.as_deref(), language));
    let hidden_sheet = matches!((&at.unit, at.layer), (ToldUnit::Sheet(_), Layer::Hidden));
    let layer = match hidden_sheet {
        true => Some(language.of("in een verborgen blad, rij of kolom", "in a hidden sheet, row or column")),
        false => layer(at.layer, language),
    };
    let phrases = [around, Some(part), unit(&at.unit, language), layer.map(str::to_string)];
    phrases.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// "blad Leerlingen", "pagina 3".
fn unit(unit: &ToldUnit, language: Language) -> Option<String> {
    Some(match unit {
        ToldUnit::Document => return None,
        ToldUnit::Sheet(Some(name)) => format!("{} {name}", language.of("blad", "sheet")),
        ToldUnit::Sheet(None) => language.of("een van de bladen", "one of the sheets").to_string(),
        ToldUnit::Slide(number) => format!("{} {number}", language.of("dia", "slide")),
        ToldUnit::Page(number) => format!("{} {number}", language.of("pagina", "page")),
    })
}

/// "in een opmerking"; nothing for what everybody sees.
fn layer(layer: Layer, language: Language) -> Option<&'static str> {
    let (nl, en) = match layer {
        Layer::Body => return None,
        Layer::Margin => ("in de kop- of voettekst", "in the header or footer"),
        Layer::Note => ("in een voetnoot", "in a footnote"),
        Layer::Comment => ("in een opmerking", "in a comment"),
        Layer::Deleted => (
            "in tekst die verwijderd lijkt maar er nog in zit (bijgehouden wijzigingen)",
            "in text that looks deleted but is still there (tracked changes)",
        ),
        Layer::Hidden => ("in een verborgen deel", "in a hidden part"),
        Layer::TextBox => ("in een tekstvak", "in a text box"),
        Layer::SpeakerNotes => ("in de sprekersnotities", "in the speaker notes"),
        Layer::Field => ("in een invulveld", "in a form field"),
        Layer::Annotation => ("in een aantekening", "in an annotation"),
        Layer::AltText => ("in de beschrijving van een afbeelding", "in the description of a picture"),
        Layer::Chart => ("in een grafiek", "in a chart"),
        Layer::Property => (
            "in de eigenschappen van het bestand (titel, auteur of trefwoorden)",
            "in the properties of the file (title, author or keywords)",
        ),
        Layer::Behind => (
            "achter de cellen (namen, keuzelijsten of formules)",
            "behind the cells (names, lists of choices or formulas)",
        ),
        Layer::Ocr => ("in een afbeelding van tekst", "in a picture of text"),
    };
    Some(language.of(nl, en))
}

fn attachment(name: Option<&str>, language: Language) -> String {
    match name {
        Some(name) => format!("{} {name}", language.of("bijlage", "attachment")),
        None => language.of("een bijlage", "an attachment").to_string(),
    }
}

fn unread(part: &UnreadPart, language: Language) -> String {
    let why = match (part.why, language) {
        (Why::UnknownFormat, Language::Nl) => "dit soort bestand kunnen we niet lezen",
        (Why::UnknownFormat, Language::En) => "we cannot read this kind of file",
        (Why::Media, Language::Nl) => "foto's, geluid en film kunnen we niet controleren",
        (Why::Media, Language::En) => "we cannot check photos, sound or film",
        (Why::SignatureImage, Language::Nl) => "een plaatje bij de ondertekening kunnen we niet lezen",
        (Why::SignatureImage, Language::En) => "we cannot read a picture in the signature",
        (Why::ScanWithoutOcr, Language::Nl) => "dit is een scan of foto van tekst, en die kunnen we niet lezen",
        (Why::ScanWithoutOcr, Language::En) => "this is a scan or photo of text, and we cannot read those",
        (Why::Encrypted, Language::Nl) => "dit zit op slot, dus we kunnen niet zien wat erin staat",
        (Why::Encrypted, Language::En) => "this is locked, so we cannot see what is in it",
        (Why::SmimePgp, Language::Nl) => "dit is versleuteld voor de ontvanger, dus we kunnen niet zien wat erin staat",
        (Why::SmimePgp, Language::En) => "this is encrypted for the recipient, so we cannot see what is in it",
        (Why::ReaderDied, Language::Nl) => "onze controle kwam niet door dit bestand heen",
        (Why::ReaderDied, Language::En) => "our check could not get through this file",
        (Why::Ambiguous, Language::Nl) => "dit is zo opgebouwd dat niet elk mailprogramma hetzelfde laat zien",
        (Why::Ambiguous, Language::En) => "this is built in such a way that mail programs show different things",
        (Why::OverLimit, Language::Nl) => "dit is te groot om te controleren",
        (Why::OverLimit, Language::En) => "this is too large to check",
        (Why::Damaged, Language::Nl) => "dit is beschadigd, dus we kunnen niet zien wat erin staat",
        (Why::Damaged, Language::En) => "this is damaged, so we cannot see what is in it",
        (Why::ScannerFailed, Language::Nl) => "onze controle kwam hier niet doorheen",
        (Why::ScannerFailed, Language::En) => "our check could not get through this",
    };
    capital(&format!("{}: {why}.", place(&part.at, language)))
}

/// "Haal kolom C en D uit klas5.csv." when all that must go stands in columns of one file; empty otherwise.
pub(super) fn remove_columns(incident: &Incident, language: Language) -> String {
    let must_go = |found: &&Found| incident.names || found.kind != Kind::PupilName;
    let found: Vec<&Found> = incident.found.iter().filter(must_go).collect();
    let Some((first, Part::File(name))) = found.first().map(|first| (first, &first.at.part)) else {
        return String::new();
    };
    let in_columns = found.iter().all(|found| found.at == first.at && !found.columns.is_empty());
    let wanted = incident.offers.contains(&Offer::RemoveColumns) && incident.unread.is_empty();
    if !wanted || !in_columns || incident.more > 0 {
        return String::new();
    }
    let file = name.clone().unwrap_or_else(|| language.of("de bijlage", "the attachment").to_string());
    let file = match unit(&first.at.unit, language) {
        Some(unit) => format!("{unit} {} {file}", language.of("van", "of")),
        None => file,
    };
    let mut letters: Vec<String> =
        found.iter().flat_map(|found| &found.columns).map(|column| column.letter.clone()).collect();
    letters.sort_by_key(|letter| (letter.len(), letter.clone()));
    letters.dedup();
    if letters.len() >= first.columns_of_table {
        // Nothing would be left; a shorter list is then the only way to send it.
        if incident.advice.iter().any(|advised| advised.most_pupils.is_some()) {
            return String::new();
        }
        return language.of(
            format!("Verstuur {file} niet per mail: in elke kolom staan gegevens van leerlingen."),
            format!("Do not send {file} by mail: each column has information about pupils."),
        );
    }
    let columns = columns(&letters, language);
    language.of(
        format!("Haal {columns} uit {file}. Verstuur de mail daarna opnieuw, als de ander genoeg heeft aan de rest."),
        format!("Take {columns} out of {file}. Then send the mail again, if the rest is enough for the other."),
    )
}

/// "Ilse Bakker, privacycoördinator (ma-do, 040-555 01 23)".
pub(super) fn contact(contact: &Contact) -> String {
    let by = contact.phone.as_ref().or(contact.mail.as_ref());
    let reach: Vec<&str> = [contact.hours.as_ref(), by].into_iter().flatten().map(String::as_str).collect();
    // "de helpdesk", whose function is "helpdesk", needs no second word.
    let who = if contact.name.to_lowercase().contains(&contact.role.to_lowercase()) {
        contact.name.clone()
    } else {
        format!("{}, {}", contact.name, contact.role)
    };
    if reach.is_empty() { who } else { format!("{who} ({})", reach.join(", ")) }
}

fn capital(sentence: &str) -> String {
    let mut chars = sentence.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}
