//! A next hop that takes everything and keeps it in memory; whoever is called `weg` it knows once only.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// A mail as it came: recipients and content with CRLF, dots unstuffed.
pub type Kept = (Vec<String>, Vec<u8>);

/// The next hop; its threads end with the test process.
#[derive(Clone, Default)]
pub struct Sink {
    kept: Arc<Mutex<Vec<Kept>>>,
    refuses: Arc<AtomicBool>,
    /// Whether somebody called `weg` was there once, and is gone since.
    left: Arc<AtomicBool>,
}

impl Sink {
    /// Listens at an address.
    pub fn listen(at: &str) -> Self {
        let (sink, listener) = (Self::default(), TcpListener::bind(at).unwrap());
        let keeper = sink.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let keeper = keeper.clone();
                std::thread::spawn(move || keeper.serve(stream));
            }
        });
        sink
    }

    /// Everything that came so far.
    pub fn kept(&self) -> Vec<Kept> {
        self.kept.lock().unwrap().clone()
    }

    /// From now on takes recipients, but no content: 451.
    #[allow(dead_code, reason = "not every test that has a sink has it refuse")]
    pub fn refuse_content(&self, refuses: bool) {
        self.refuses.store(refuses, Ordering::SeqCst);
    }

    fn serve(&self, stream: TcpStream) -> Option<()> {
        let mut writer = stream.try_clone().ok()?;
        let mut reader = BufReader::new(stream);
        let mut recipients = Vec::new();
        let mut say = |text: &str| writer.write_all(text.as_bytes()).ok();
        say("220 sink.example ESMTP\r\n")?;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            match line.get(..4).unwrap_or_default().to_ascii_uppercase().as_str() {
                "EHLO" => say("250-sink.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 DSN\r\n")?,
                "MAIL" | "RSET" => {
                    recipients.clear();
                    say("250 2.0.0 ok\r\n")?;
                }
                "RCPT" if line.contains("<weg@") && self.left.swap(true, Ordering::SeqCst) => {
                    say("550 5.1.1 nobody of that name\r\n")?
                }
                "RCPT" => {
                    recipients.push(line.trim_end().to_string());
                    say("250 2.1.5 ok\r\n")?;
                }
                "DATA" if self.refuses.load(Ordering::SeqCst) => say("451 4.3.2 not now\r\n")?,
                "DATA" => {
                    say("354 go on\r\n")?;
                    let content = content(&mut reader)?;
                    self.kept.lock().unwrap().push((std::mem::take(&mut recipients), content));
                    say("250 2.0.0 taken\r\n")?;
                }
                "QUIT" => return say("221 2.0.0 bye\r\n"),
                _ => say("502 5.5.1 what?\r\n")?,
            }
        }
    }
}

fn content(reader: &mut impl BufRead) -> Option<Vec<u8>> {
    let mut content = Vec::new();
    loop {
        let start = content.len();
        if reader.read_until(b'\n', &mut content).ok()? == 0 {
            return None;
        }
        if &content[start..] == b".\r\n" {
            content.truncate(start);
            return Some(content);
        }
        if content[start] == b'.' {
            content.remove(start);
        }
    }
}
