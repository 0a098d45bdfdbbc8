//! `mailpoort share`: the secure shares, beside a gate that serves. `list` shows no address, subject or name of a file;
//! `recover` writes what the school's escrow key opens; `statement` prints what recipients were told of the handling of their data; `selftest` makes, opens and withdraws an invented share.

use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use futures_util::TryStreamExt;
use jiff::Timestamp;
use serde_json::json;

use crate::act;
use crate::act::share::TakenBack;
use crate::commands::kept::beside;
use crate::commands::{complain, fail, process, say};
use crate::config::Config;
use crate::gate::house::notice_texts;
use crate::message::Mailbox;
use crate::outbox::{Outbox, Retry};
use crate::problem::Problem;
use crate::seal::write_whole;
use crate::secret::Secret;
use crate::share::{
    Drafted, How, ItemKind, KeysMode, Look, NewItem, NewRecipient, NewShare, Overview, Scope, ShareError, Shares,
    Unlock, Visitor,
};
use crate::store;
use crate::store::held::Taken;
use crate::vault::share::{EscrowKey, Place};

/// What to do with shares.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// The shares: since when, for how many, what became of them
    List(List),
    /// Withdraw a share from its recipients, for a reason that its sender reads; its sender's own copy stays
    Withdraw(Withdraw),
    /// Delete a share for everybody, for a reason that its sender reads
    Delete(Delete),
    /// Open a share with the school's escrow key, and write its items into a folder
    Recover(Recover),
    /// Print the privacy statement as it stood in a version that log and journal name
    Statement(Statement),
    /// Make, open and withdraw an invented share in a folder of its own: what the machine must be able to do
    Selftest(Selftest),
}

/// Arguments of `share list`.
#[derive(Debug, Args)]
pub(super) struct List {
    /// The configuration file
    #[arg(long, default_value = "/etc/mailpoort/mailpoort.toml")]
    config: PathBuf,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

/// Arguments of `share withdraw`.
#[derive(Debug, Args)]
pub(super) struct Withdraw {
    /// The configuration file
    #[arg(long, default_value = "/etc/mailpoort/mailpoort.toml")]
    config: PathBuf,
    /// Only from this one: the number that `share list --json` has for him
    #[arg(long)]
    recipient: Option<usize>,
    /// Why: the journal keeps it, and the sender reads it
    #[arg(long)]
    reason: String,
    /// The id of the share, from the list
    share: String,
}

/// Arguments of `share delete`.
#[derive(Debug, Args)]
pub(super) struct Delete {
    /// The configuration file
    #[arg(long, default_value = "/etc/mailpoort/mailpoort.toml")]
    config: PathBuf,
    /// Why: the journal keeps it, and the sender reads it
    #[arg(long)]
    reason: String,
    /// The id of the share, from the list
    share: String,
}

/// Arguments of `share recover`.
#[derive(Debug, Args)]
pub(super) struct Recover {
    /// The configuration file
    #[arg(long, default_value = "/etc/mailpoort/mailpoort.toml")]
    config: PathBuf,
    /// The file with the private half of `escrow_recipient`
    #[arg(long)]
    identity: PathBuf,
    /// A folder that is not there yet
    #[arg(long)]
    to: PathBuf,
    /// The id of the share, from the list
    share: String,
}

/// Arguments of `share statement`.
#[derive(Debug, Args)]
pub(super) struct Statement {
    /// The configuration file
    #[arg(long, default_value = "/etc/mailpoort/mailpoort.toml")]
    config: PathBuf,
    /// The id of the school
    #[arg(long)]
    school: String,
    /// The version, as log and journal name it
    version: String,
}

/// Arguments of `share selftest`.
#[derive(Debug, Args)]
pub(super) struct Selftest {
    /// The configuration file
    #[arg(long, default_value = "/etc/mailpoort/mailpoort.toml")]
    config: PathBuf,
}

pub(super) fn run(command: &Command) -> ExitCode {
    let done = match command {
        Command::List(arguments) => with_shares(&arguments.config, |shares| list(shares, arguments.json)),
        Command::Withdraw(arguments) => taken_back(&arguments.config, Back::withdrawn(arguments)),
        Command::Delete(arguments) => taken_back(&arguments.config, Back::deleted(arguments)),
        Command::Recover(arguments) => with_shares(&arguments.config, |shares| recover(shares, arguments)),
        Command::Statement(arguments) => with_shares(&arguments.config, |shares| statement(shares, arguments)),
        Command::Selftest(arguments) => selftest(&arguments.config),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(problems) => fail(&problems),
    }
}

/// Does something with the shares of a configuration.
fn with_shares<W: Future<Output = Result<(), Problem>>>(
    file: &Path,
    work: impl FnOnce(Shares) -> W,
) -> Result<(), Vec<Problem>> {
    let config = Config::load(file)?;
    let kept = beside(&config, file).map_err(|problem| vec![problem])?;
    let missing = || {
        let remedy = "give the configuration of the gate with --config; [share] makes shares";
        vec![Problem::new(file, "there is no [share]", remedy)]
    };
    let (share, folder) = (config.share.ok_or_else(missing)?, config.data_dir.ok_or_else(missing)?);
    let shares = Shares::open(&folder, kept, share.settings).map_err(|problem| vec![problem])?;
    process::wait_for(work(shares)).and_then(|done| done).map_err(|problem| vec![problem])
}

fn trouble(error: impl std::fmt::Display) -> Problem {
    Problem::new("shares", error.to_string(), "look at the data folder with `mailpoort doctor`")
}

async fn statement(shares: Shares, Statement { school, version, .. }: &Statement) -> Result<(), Problem> {
    let text = shares.statement(school, version).await.map_err(trouble)?;
    let text = text.ok_or_else(|| {
        let remedy = "take school and version from the journal: an event share_opened names both";
        Problem::new("shares", "nobody has opened a share under such a version", remedy)
    })?;
    say(text.trim_end());
    Ok(())
}

/// More than anybody reads.
const MOST: usize = 10_000;

async fn list(shares: Shares, as_json: bool) -> Result<(), Problem> {
    let all = shares.all(MOST).await.map_err(trouble)?;
    if !as_json {
        say(format!(
            "{:<32}  {:<10}  {:<16}  {:>4}  {:>6}  {:>9}  state",
            "share", "mail", "made", "for", "opened", "octets"
        ));
    }
    for share in &all {
        say(if as_json { told(share).to_string() } else { line(share) });
    }
    Ok(())
}

fn state(share: &Overview) -> &'static str {
    match (share.over_at, share.withdrawn_at) {
        (Some(_), _) => "over",
        (None, Some(_)) => "withdrawn",
        (None, None) => "ready",
    }
}

fn told(share: &Overview) -> serde_json::Value {
    let opened = share.recipients.iter().filter(|one| one.opened_at.is_some()).count();
    json!({
        "share": share.id, "school": share.school, "mail": share.mail, "made_at": share.made_at,
        "open_by": share.open_by, "ends_at": share.ends_at, "recipients": share.recipients.len(), "opened": opened,
        "items": share.items.len(), "octets": octets(share), "state": state(share),
        "each": share.recipients.iter().enumerate().map(|(place, one)| json!({
            "recipient": place + 1, "opened": one.opened_at.is_some(), "withdrawn": one.withdrawn_at.is_some(),
        })).collect::<Vec<_>>(),
    })
}

fn line(share: &Overview) -> String {
    let opened = share.recipients.iter().filter(|one| one.opened_at.is_some()).count();
    let made = Timestamp::from_millisecond(share.made_at).map(|at| at.strftime("%Y-%m-%d %H:%M").to_string());
    format!(
        "{:<32}  {:<10}  {:<16}  {:>4}  {opened:>6}  {:>9}  {}",
        share.id,
        share.mail,
        made.unwrap_or_default(),
        share.recipients.len(),
        octets(share),
        state(share)
    )
}

fn octets(share: &Overview) -> u64 {
    share.items.iter().map(|item| item.size).sum()
}

/// What is taken back, and why.
struct Back<'a> {
    share: &'a str,
    /// From one recipient alone, by his number.
    recipient: Option<usize>,
    /// From its sender too.
    deleted: bool,
    reason: &'a str,
}

impl<'a> Back<'a> {
    fn withdrawn(arguments: &'a Withdraw) -> Self {
        let Withdraw { share, recipient, reason, .. } = arguments;
        Self { share, recipient: *recipient, deleted: false, reason }
    }

    fn deleted(arguments: &'a Delete) -> Self {
        Self { share: &arguments.share, recipient: None, deleted: true, reason: &arguments.reason }
    }
}

/// A reason is a few words at least.
const SHORTEST_REASON: usize = 5;

fn taken_back(file: &Path, back: Back<'_>) -> Result<(), Vec<Problem>> {
    let config = Config::load(file)?;
    if back.reason.trim().chars().count() < SHORTEST_REASON {
        let problem = Problem::new("--reason", "there is no reason", "write in a sentence why: its sender reads it");
        return Err(vec![problem]);
    }
    let texts = notice_texts(config.texts.as_deref())?;
    with_shares(file, async |shares: Shares| {
        let none =
            || Problem::new("shares", "there is no such share, or recipient", "look at `mailpoort share list --json`");
        let share = shares.share(back.share).await.map_err(trouble)?.ok_or_else(none)?;
        let school = config.schools.iter().find(|one| one.school.id == share.school).ok_or_else(none)?;
        let one = match back.recipient {
            Some(number) => Some(number.checked_sub(1).and_then(|at| share.recipients.get(at)).ok_or_else(none)?),
            None => None,
        };
        let what = match one {
            _ if back.deleted => TakenBack::Deleted,
            Some(one) => TakenBack::From(one.address.clone()),
            None => TakenBack::All,
        };
        let about = (&texts, &school.school, config.language, &config.time_zone);
        let letter = act::share::taken_back(about, &share, (&what, back.reason), Timestamp::now());
        let letter = letter.ok_or_else(|| trouble(ShareError::Letter))?;
        if back.deleted {
            let stay = shares.delete_for(&share.id, back.reason, letter).await.map_err(trouble)?;
            say(format!("Nobody can open it any more. {stay} files are noise now, and go at the next start."));
        } else {
            let scope = one.map_or(Scope::All, |one| Scope::Recipient(one.rid.clone()));
            shares.withdraw_for(&share.id, &scope, back.reason, letter).await.map_err(trouble)?;
            say("It was withdrawn: the next request finds nothing.");
        }
        say("Its sender is told, and the journal has the reason.");
        Ok(())
    })
}

async fn recover(shares: Shares, arguments: &Recover) -> Result<(), Problem> {
    let identity = std::fs::read_to_string(&arguments.identity).map_err(|error| {
        Problem::new(&arguments.identity, format!("it cannot be read: {error}"), "give the file that age-keygen wrote")
    })?;
    let key = EscrowKey::read(&identity).ok_or_else(|| {
        Problem::new(&arguments.identity, "it holds no age identity", "give the file that age-keygen wrote")
    })?;
    let opened = shares.recovered(&arguments.share, &key).await.map_err(|error| match error {
        ShareError::Gone => {
            let what = "this key opens nothing of this share, or the share is over";
            Problem::new(&arguments.identity, what, "look at the list, and at `escrow_recipient` when it was made")
        }
        error => trouble(error),
    })?;
    std::fs::create_dir(&arguments.to).map_err(|error| {
        Problem::new(&arguments.to, format!("the folder cannot be made: {error}"), "give one that is not there yet")
    })?;
    for (number, (item, reading)) in opened.into_iter().enumerate() {
        let octets = reading.pieces().try_concat().await.map_err(trouble)?;
        // Names are a sender's: they name no path here.
        let name = format!("{}-{}", number + 1, plain(item.name.expose(), item.kind));
        write_whole(&arguments.to.join(&name), &octets).map_err(trouble)?;
    }
    say(format!("The items are in {}. The journal says that they were opened.", arguments.to.display()));
    Ok(())
}

fn plain(name: &str, kind: ItemKind) -> String {
    let kept = |c: char| if c.is_alphanumeric() || "._-".contains(c) { c } else { '_' };
    let name: String = name.chars().map(kept).take(100).collect();
    if name.is_empty() { kind.word().to_owned() } else { name }
}

/// All of it in a folder of its own, so that nothing of it is left anywhere.
fn selftest(file: &Path) -> Result<(), Vec<Problem>> {
    let config = Config::load(file)?;
    let one = |problem: Problem| vec![problem];
    let none = || one(Problem::new(file, "there is no [share]", "add it; deploy/mailpoort.toml documents it"));
    let (share, folder) = (config.share.ok_or_else(none)?, config.data_dir.ok_or_else(none)?);
    let own = folder.join(format!("share-selftest-{}", std::process::id()));
    let tested = process::wait_for(async {
        let outbox = Outbox::open(&own, Retry::default())?;
        let mut settings = share.settings;
        settings.keys = KeysMode::Strict;
        if let Place::S3(bucket) = &mut settings.place {
            bucket.prefix = format!("{}/selftest-{}", bucket.prefix, std::process::id()).trim_matches('/').to_owned();
        }
        let shares = Shares::open(&own, outbox.clone(), settings)?;
        shares.recover().await.map_err(trouble)?;
        let tested = try_all(&shares, &outbox).await.map_err(trouble);
        shares.files().disclaim().await.map_err(trouble)?;
        tested
    });
    let _ = std::fs::remove_dir_all(&own);
    let failed: Vec<&str> = tested.and_then(|done| done).map_err(one)?;
    if failed.is_empty() {
        say("A share was made, opened and withdrawn; looking at its link changed nothing.");
        return Ok(());
    }
    failed.iter().for_each(complain);
    Err(one(Problem::new(file, "the self-test failed", "report these lines to the makers of mailpoort")))
}

const CONTENT: &[u8] = b"selftest";

async fn try_all(shares: &Shares, outbox: &Outbox) -> Result<Vec<&'static str>, ShareError> {
    let mut failed = Vec::new();
    let mut want = |holds: bool, what| {
        if !holds {
            failed.push(what)
        }
    };
    let Drafted::Draft(mut draft) = shares.draft(invented().ok_or(ShareError::System)?).await? else {
        return Err(ShareError::System);
    };
    let made = draft.made().clone();
    let taken = Taken {
        school: "selftest".to_owned(),
        items: Vec::new(),
        held: None,
        owed: Vec::new(),
        share: draft.rows(Vec::new()),
        notes: Vec::new(),
        once: Default::default(),
        journal: None,
    };
    outbox.take(taken).await?;
    draft.kept();
    let link = made.links.first().ok_or(ShareError::System)?;
    let (rid, secret) = (link.rid.as_str(), link.secret.written());
    let before = shares.events(&made.id).await?.len();
    want(matches!(shares.look(rid, &secret).await?, Look::Ready(_)), "the link leads nowhere");
    want(matches!(shares.look(rid, &made.sender.secret.written()).await?, Look::Nothing), "a wrong secret is taken");
    want(shares.events(&made.id).await?.len() == before, "looking changed something");
    let visitor = Visitor::default();
    want(
        matches!(shares.unlock(rid, &secret, "0000 0000 0000", visitor.clone()).await?, Unlock::Wrong { .. }),
        "a wrong code is taken",
    );
    let code = link.code.as_ref().map(|code| code.grouped().to_owned()).unwrap_or_default();
    let Unlock::Open { opened, .. } = shares.unlock(rid, &secret, &code, visitor).await? else {
        want(false, "the right code is refused");
        return Ok(failed);
    };
    let item = shares.items(&opened).await?.into_iter().next().ok_or(ShareError::Gone)?;
    let body = shares.read(&opened, &item.id, None, How::Viewed).await?;
    want(body.stream.try_concat().await.is_ok_and(|octets| octets == CONTENT), "the item is not what was shared");
    shares.withdraw(&made.id, &Scope::All, "").await?;
    let again = shares.read(&opened, &item.id, None, How::Viewed).await;
    want(matches!(again, Err(ShareError::Gone)), "what was withdrawn can be read");
    shares.delete(&made.id, "").await?;
    want(shares.files().names().await?.is_empty(), "files are left of a share that was deleted");
    Ok(failed)
}

fn invented() -> Option<NewShare> {
    let mailbox = |typed: &str| Mailbox::parse(typed).ok();
    let recipient = NewRecipient {
        mailbox: mailbox("recipient@selftest.invalid")?,
        family: Secret::new("one".to_owned()),
        phones: Vec::new(),
        line: "selftest".to_owned(),
        level: crate::level::Level::default(),
    };
    Some(NewShare {
        school: "selftest".to_owned(),
        mail: format!("{:010}", store::now() % 10_000_000_000),
        incident: [0; 16],
        sender: mailbox("sender@selftest.invalid")?,
        sender_name: None,
        subject: Secret::new("selftest".to_owned()),
        message_id: None,
        items: vec![NewItem {
            kind: ItemKind::Text,
            name: Secret::new(String::new()),
            media_type: "text/plain".to_owned(),
            content_id: None,
            content: Box::new(Cursor::new(CONTENT)),
        }],
        recipients: vec![recipient],
        is_password: false,
        purpose: None,
        open_subject: false,
    })
}
