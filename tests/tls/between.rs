//! Somebody between us and the name server, who answers some questions otherwise: a DNS proxy with faults.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use hickory_resolver::proto::op::{Message, ResponseCode};
use hickory_resolver::proto::rr::rdata::SOA;
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};

use crate::support::address;

const PORT: u16 = 5354;

/// What becomes of the answer to a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The server cannot.
    ServFail,
    /// Nobody answers.
    Silence,
    /// The records without their signatures.
    Unsigned,
    /// "No such record", with the SOA of a zone that is not signed.
    Denied,
    /// "No such record", and nothing else.
    DeniedBarely,
    /// Another address, for a zone that is not signed.
    Forged,
}

/// The proxy. It listens as long as the runtime runs.
#[derive(Clone)]
pub struct Between {
    /// Where it listens.
    pub listening: SocketAddr,
    to: SocketAddr,
    faults: Arc<Mutex<Faults>>,
}

#[derive(Default)]
struct Faults {
    by_question: HashMap<(String, RecordType), Fault>,
    all: Option<Fault>,
    strip_all: bool,
    authentic: bool,
    asked: HashMap<(String, RecordType), usize>,
}

impl Between {
    /// Stands before a name server; each of a test has a number of its own.
    pub async fn start(to: SocketAddr, number: usize) -> Self {
        let port = PORT + u16::try_from(number).unwrap();
        let listening = SocketAddr::new(address(7).parse().unwrap(), port);
        let between = Self { listening, to, faults: Arc::default() };
        let (udp, tcp) = (UdpSocket::bind(listening).await.unwrap(), TcpListener::bind(listening).await.unwrap());
        tokio::spawn(between.clone().datagrams(Arc::new(udp)));
        tokio::spawn(between.clone().streams(tcp));
        between
    }

    /// From now on this question is answered otherwise.
    pub fn set(&self, name: &str, kind: RecordType, fault: Fault) {
        self.faults.lock().unwrap().by_question.insert((name.to_owned(), kind), fault);
    }

    /// From now on all questions are; with none, no question.
    pub fn set_all(&self, fault: Option<Fault>) {
        let mut faults = self.faults.lock().unwrap();
        faults.by_question.clear();
        faults.all = fault;
    }

    /// From now on no answer has signatures: a resolver that knows nothing of DNSSEC.
    pub fn strip_all(&self) {
        self.faults.lock().unwrap().strip_all = true;
    }

    /// From now on answers have the AD bit, as those of a validating resolver.
    pub fn claim_authentic(&self) {
        self.faults.lock().unwrap().authentic = true;
    }

    /// How often a question came.
    pub fn asked(&self, name: &str, kind: RecordType) -> usize {
        self.faults.lock().unwrap().asked.get(&(name.to_owned(), kind)).copied().unwrap_or_default()
    }

    async fn datagrams(self, socket: Arc<UdpSocket>) {
        let mut question = vec![0; 4096];
        while let Ok((length, from)) = socket.recv_from(&mut question).await {
            let (between, socket, question) = (self.clone(), Arc::clone(&socket), question[..length].to_vec());
            tokio::spawn(async move {
                if let Some(answer) = between.answer(&question).await {
                    // What is long goes by TCP, as with any server.
                    let answer = if answer.len() <= 1200 { answer } else { truncated(&question) };
                    let _ = socket.send_to(&answer, from).await;
                }
            });
        }
    }

    async fn streams(self, listener: TcpListener) {
        while let Ok((mut line, _)) = listener.accept().await {
            let between = self.clone();
            tokio::spawn(async move {
                while let Some(question) = read(&mut line).await {
                    let Some(answer) = between.answer(&question).await else { continue };
                    if write(&mut line, &answer).await.is_none() {
                        break;
                    }
                }
            });
        }
    }

    async fn answer(&self, question: &[u8]) -> Option<Vec<u8>> {
        let asked = Message::from_vec(question).ok()?;
        let query = asked.queries.first()?;
        let key = (query.name().to_ascii().trim_end_matches('.').to_ascii_lowercase(), query.query_type());
        let (fault, strip_all, authentic) = {
            let mut faults = self.faults.lock().unwrap();
            *faults.asked.entry(key.clone()).or_default() += 1;
            (faults.by_question.get(&key).copied().or(faults.all), faults.strip_all, faults.authentic)
        };
        if fault == Some(Fault::Silence) {
            return None;
        }
        let mut line = TcpStream::connect(self.to).await.ok()?;
        write(&mut line, question).await?;
        let mut answer = Message::from_vec(&read(&mut line).await?).ok()?;
        let deny = |answer: &mut Message| {
            answer.answers.clear();
            answer.authorities.clear();
            answer.additionals.clear();
            answer.metadata.response_code = ResponseCode::NoError;
        };
        match fault {
            Some(Fault::ServFail) => {
                deny(&mut answer);
                answer.metadata.response_code = ResponseCode::ServFail;
            }
            Some(Fault::Unsigned) => answer.answers.retain(|record| !record.record_type().is_rrsig()),
            Some(Fault::Denied) => {
                deny(&mut answer);
                let (zone, name) = (Name::from_ascii("unsigned.").unwrap(), Name::from_ascii("ns.test.").unwrap());
                let soa = SOA::new(name.clone(), name, 1, 3600, 900, 3600, 60);
                answer.authorities.push(Record::from_rdata(zone, 300, RData::SOA(soa)));
            }
            Some(Fault::DeniedBarely) => deny(&mut answer),
            Some(Fault::Forged) => {
                deny(&mut answer);
                let address = RData::A("192.0.2.66".parse().unwrap());
                answer.answers.push(Record::from_rdata(query.name().clone(), 300, address));
            }
            Some(Fault::Silence) | None => {}
        }
        if strip_all {
            for section in [&mut answer.answers, &mut answer.authorities, &mut answer.additionals] {
                let signs = [RecordType::RRSIG, RecordType::NSEC, RecordType::DS, RecordType::DNSKEY];
                section.retain(|record| !signs.contains(&record.record_type()));
            }
        }
        answer.metadata.authentic_data = authentic;
        answer.to_vec().ok()
    }
}

fn truncated(question: &[u8]) -> Vec<u8> {
    let mut answer = Message::from_vec(question).unwrap().into_response();
    answer.metadata.truncation = true;
    answer.to_vec().unwrap()
}

async fn read(line: &mut TcpStream) -> Option<Vec<u8>> {
    let length = line.read_u16().await.ok()?;
    let mut octets = vec![0; length.into()];
    line.read_exact(&mut octets).await.ok()?;
    Some(octets)
}

async fn write(line: &mut TcpStream, octets: &[u8]) -> Option<()> {
    line.write_u16(u16::try_from(octets.len()).ok()?).await.ok()?;
    line.write_all(octets).await.ok()
}
