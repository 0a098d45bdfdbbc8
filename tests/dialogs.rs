//! SMTP transcripts as data: tests/dialogs/*.txt, each against a gate and a next hop of its own.
//!
//! After chasquid's .cmy files. A line is a word, a colon and its argument; `#` begins a comment.
//! First the set-up, if it is not the usual one:
//!   smtp, client, next_hop, scan, top: a line for that table of the configuration (`client` replaces the network)
//!   hop: a rule for the next hop (see inside/next_hop.rs); also later, from then on
//! then the dialog:
//!   c: a line that the client sends; lines that follow each other go out in one write
//!   r: the same without CRLF; both know \r \n \0 \t \\ and \xNN
//!   s: the gate's next line, exact, or its beginning when it ends in `*`
//!   s+: as s, for the last line of the next whole reply
//!   mail: a file of tests/dialogs/mails, dots stuffed, as content with its end
//!   hello: greeting, EHLO and its answer
//!   again: N and a text that the client sends N times
//!   tls: the client's handshake; connect: a new connection; closed: the gate has hung up
//!   hold: others hold that much of the memory; 0 gives it back
//!   release: lets the next hop go on; hang up: the next hop hangs up all connections, saying this
//! and what the next hop got:
//!   h: its next command that begins so; h never: no command began so
//!   delivered: how many messages it has taken; each dialog says this
//!   last: the last one holds this; last lacks: it does not
#![allow(clippy::unwrap_used, missing_docs)]

mod inside;

use std::path::{Path, PathBuf};

use inside::client::Client;
use inside::next_hop::NextHop;
use inside::on_the_wire;
use inside::poort::{Poort, Setup};
use mailpoort::smtp::budget::Reservation;

#[test]
fn every_dialog_goes_as_written() {
    let mut files: Vec<PathBuf> = std::fs::read_dir("tests/dialogs")
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|file| file.extension().is_some_and(|extension| extension == "txt"))
        .collect();
    files.sort();
    assert!(files.len() >= DIALOGS, "only {} dialogs were found", files.len());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let mut wrong = Vec::new();
    runtime.block_on(async {
        let mut running = tokio::task::JoinSet::new();
        for file in files {
            running.spawn(async move {
                let result = tokio::spawn(run(file.clone())).await;
                result.unwrap_or_else(|panic| Err(format!("{panic}"))).map_err(|why| format!("{}{why}", file.display()))
            });
        }
        while let Some(result) = running.join_next().await {
            wrong.extend(result.unwrap().err());
        }
    });
    wrong.sort();
    assert!(wrong.is_empty(), "{} dialogs went otherwise:\n{}", wrong.len(), wrong.join("\n"));
}

/// A file that is lost should be noticed.
const DIALOGS: usize = 86;

async fn run(file: PathBuf) -> Result<(), String> {
    let text = std::fs::read_to_string(&file).unwrap();
    let lines: Vec<(usize, &str, &str)> = text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
        .map(|(n, line)| {
            let (word, argument) = line.split_once(':').unwrap_or_else(|| panic!("line {}: no colon", n + 1));
            (n + 1, word, argument.strip_prefix(' ').unwrap_or(argument))
        })
        .collect();
    if !lines.iter().any(|(_, word, _)| *word == "delivered") {
        return Err(": says nowhere how much was delivered".into());
    }
    let hop = NextHop::start().await;
    let mut setup = Setup::default();
    let mut from = 0;
    for (_, word, argument) in &lines {
        match *word {
            "smtp" => setup.smtp.push((*argument).to_string()),
            "client" => setup.client.push((*argument).to_string()),
            "next_hop" => setup.next_hop.push((*argument).to_string()),
            "scan" => setup.scan.push((*argument).to_string()),
            "top" => setup.top.push((*argument).to_string()),
            "hop" => hop.rule(argument),
            _ => break,
        }
        from += 1;
    }
    let poort = Poort::start(&setup, &hop).await;
    let client = Client::connect(poort.address).await;
    let mut dialog = Dialog { poort, hop, client, unsent: Vec::new(), heard_by_hop: 0, held: None };
    for (line, word, argument) in &lines[from..] {
        dialog.step(word, argument).await.map_err(|why| format!(":{line}: {why}"))?;
    }
    Ok(())
}

struct Dialog {
    poort: Poort,
    hop: NextHop,
    client: Client,
    /// What the client will send in one write.
    unsent: Vec<u8>,
    /// How many of the next hop's commands `h` has looked at.
    heard_by_hop: usize,
    /// Memory that others hold.
    held: Option<Reservation>,
}

impl Dialog {
    async fn step(&mut self, word: &str, argument: &str) -> Result<(), String> {
        match word {
            "c" => {
                self.unsent.extend(octets(argument));
                self.unsent.extend_from_slice(b"\r\n");
                return Ok(());
            }
            "r" => {
                self.unsent.extend(octets(argument));
                return Ok(());
            }
            "mail" => {
                let file = Path::new("tests/dialogs/mails").join(argument);
                let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
                self.unsent.extend_from_slice(format!("{}.\r\n", on_the_wire(&text)).as_bytes());
                return Ok(());
            }
            "again" => {
                let (times, text) = argument.split_once(' ').unwrap();
                (0..times.parse().unwrap()).for_each(|_| self.unsent.extend(octets(text)));
                return Ok(());
            }
            _ => {}
        }
        self.client.send(&std::mem::take(&mut self.unsent)).await;
        self.check(word, argument).await
    }

    async fn check(&mut self, word: &str, argument: &str) -> Result<(), String> {
        match word {
            "s" => fits(argument, self.client.line().await.as_deref().unwrap_or("(hung up)")),
            "s+" => {
                let (_, reply) = self.client.reply().await;
                fits(argument, reply.lines().last().unwrap_or_default())
            }
            "hello" => {
                self.client.expect(220).await;
                self.client.send(b"EHLO postfix.delinde.example\r\n").await;
                self.client.expect(250).await;
                Ok(())
            }
            "tls" => {
                self.client.handshake().await;
                Ok(())
            }
            "connect" => {
                self.client = Client::connect(self.poort.address).await;
                Ok(())
            }
            "closed" => match self.client.line().await {
                None => Ok(()),
                Some(line) => Err(format!("the gate did not hang up but said {line}")),
            },
            "hop" => {
                self.hop.rule(argument);
                Ok(())
            }
            "hold" => {
                self.held = None;
                let mut held = self.poort.budget.reservation();
                assert!(held.grow(argument.parse().unwrap()));
                self.held = Some(held);
                Ok(())
            }
            "release" => {
                self.hop.release(argument);
                Ok(())
            }
            "hang up" => {
                self.hop.hang_up(argument).await;
                Ok(())
            }
            "h" => self.next_hop_hears(argument).await,
            "h never" => match self.hop.seen().count(argument) {
                0 => Ok(()),
                n => Err(format!("the next hop heard {argument} {n} times")),
            },
            "delivered" => {
                let taken = self.hop.seen().taken().len();
                if taken.to_string() == argument { Ok(()) } else { Err(format!("{taken} messages were delivered")) }
            }
            "last" | "last lacks" => {
                let seen = self.hop.seen();
                let text = seen.taken().last().map(|mail| mail.text()).unwrap_or_default();
                let wanted = String::from_utf8(octets(argument)).unwrap();
                let holds = text.contains(&wanted);
                if holds == (word == "last") {
                    Ok(())
                } else {
                    Err(format!("holds it: {holds}. The message is\n{text}"))
                }
            }
            _ => panic!("a dialog has no `{word}`"),
        }
    }

    async fn next_hop_hears(&mut self, beginning: &str) -> Result<(), String> {
        let from = self.heard_by_hop;
        let mut at = None;
        self.hop
            .until(&format!("the next hop hears {beginning}"), |seen| {
                at = seen.commands.iter().skip(from).position(|line| line.starts_with(beginning));
                at.is_some()
            })
            .await;
        self.heard_by_hop = from + at.unwrap_or(0) + 1;
        Ok(())
    }
}

fn fits(wanted: &str, heard: &str) -> Result<(), String> {
    let right = wanted.strip_suffix('*').map_or(heard == wanted, |beginning| heard.starts_with(beginning));
    if right { Ok(()) } else { Err(format!("wanted {wanted}\n    heard {heard}")) }
}

fn octets(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.extend_from_slice(&rest.as_bytes()[..at]);
        let (letter, after) = rest[at + 1..].split_at(1);
        rest = after;
        match letter {
            "r" => out.push(b'\r'),
            "n" => out.push(b'\n'),
            "t" => out.push(b'\t'),
            "0" => out.push(0),
            "x" => {
                out.push(u8::from_str_radix(&rest[..2], 16).unwrap());
                rest = &rest[2..];
            }
            _ => out.extend_from_slice(letter.as_bytes()),
        }
    }
    out.extend_from_slice(rest.as_bytes());
    out
}
