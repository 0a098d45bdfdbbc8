//! A browser that asks for pages over a real connection: it keeps cookies and knows the page that it shows.
// Each test binary uses its own part of this.
#![allow(dead_code, missing_docs, clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A browser: it keeps cookies and knows the page that it shows.
#[derive(Clone)]
pub struct Browser {
    address: SocketAddr,
    host: &'static str,
    /// What it asks for in `Accept-Language`.
    pub language: &'static str,
    pub cookies: BTreeMap<String, String>,
    pub at: String,
    /// The page that it shows.
    pub page: String,
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
    /// The same, when it is no text.
    pub octets: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub fn location(&self) -> String {
        self.header("location").unwrap().to_owned()
    }
}

impl Browser {
    pub fn new(address: SocketAddr, host: &'static str) -> Self {
        Self { address, host, language: "", cookies: BTreeMap::new(), at: String::new(), page: String::new() }
    }

    pub async fn get(&mut self, path: &str) -> Answer {
        let answer = self.ask("GET", path, &[], None).await;
        self.at = path.to_owned();
        self.page = answer.body.clone();
        answer
    }

    /// Sends the form of the page that is shown, with its token.
    pub async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let token = self.token();
        let mut fields = fields.to_vec();
        fields.push(("token", &token));
        let answer = self.send(path, &fields, &[("Sec-Fetch-Site", "same-origin"), ("Origin", "null")]).await;
        if answer.status != 303 {
            self.page = answer.body.clone();
        }
        answer
    }

    /// Sends these fields and headers, and nothing else.
    pub async fn send(&mut self, path: &str, fields: &[(&str, &str)], headers: &[(&str, &str)]) -> Answer {
        let body: Vec<String> = fields.iter().map(|(key, value)| format!("{key}={}", encoded(value))).collect();
        self.ask("POST", path, headers, Some(body.join("&"))).await
    }

    /// The token of the page that is shown.
    pub fn token(&self) -> String {
        let found = self.page.split_once("name=\"token\" value=\"");
        found.map(|(_, rest)| rest.split('"').next().unwrap().to_owned()).unwrap_or_default()
    }

    /// Sends the form of the page that is shown, with its token, as forms with files are sent: name, file name, content.
    pub async fn upload(&mut self, path: &str, parts: &[(&str, Option<&str>, &[u8])]) -> Answer {
        let token = self.token();
        let parts = [&[("token", None, token.as_bytes())], parts].concat();
        let mut body = Vec::new();
        for (name, file, content) in parts {
            let file = file.map(|file| format!("; filename=\"{file}\"\r\nContent-Type: application/octet-stream"));
            let head = format!(
                "--grens\r\nContent-Disposition: form-data; name=\"{name}\"{}\r\n\r\n",
                file.unwrap_or_default()
            );
            body.extend([head.as_bytes(), content, b"\r\n"].concat());
        }
        body.extend(b"--grens--\r\n");
        let headers = [("Sec-Fetch-Site", "same-origin"), ("Content-Type", "multipart/form-data; boundary=grens")];
        let answer = self.ask_octets("POST", path, &headers, Some(body)).await;
        if answer.status != 303 {
            self.page = answer.body.clone();
        }
        answer
    }

    pub async fn ask(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<String>) -> Answer {
        let form = [("Content-Type", "application/x-www-form-urlencoded")];
        let headers = if body.is_some() { [headers, &form].concat() } else { headers.to_vec() };
        self.ask_octets(method, path, &headers, body.map(String::into_bytes)).await
    }

    async fn ask_octets(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Vec<u8>>,
    ) -> Answer {
        let mut request = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", self.host);
        if !self.language.is_empty() {
            request += &format!("Accept-Language: {}\r\n", self.language);
        }
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        if !cookies.is_empty() {
            request += &format!("Cookie: {}\r\n", cookies.join("; "));
        }
        for (name, value) in headers {
            request += &format!("{name}: {value}\r\n");
        }
        if let Some(body) = &body {
            request += &format!("Content-Length: {}\r\n", body.len());
        }
        let request = [request.as_bytes(), b"\r\n", &body.unwrap_or_default()].concat();
        let mut tcp = TcpStream::connect(self.address).await.unwrap();
        tcp.write_all(&request).await.unwrap();
        let mut answer = Vec::new();
        // A download that is broken off ends without an end.
        let _ = tcp.read_to_end(&mut answer).await;
        let answer = read(&answer);
        for (_, cookie) in answer.headers.iter().filter(|(name, _)| name == "set-cookie") {
            let (name, rest) = cookie.split_once('=').unwrap();
            if cookie.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), rest.split(';').next().unwrap().to_owned());
            }
        }
        answer
    }
}

fn read(answer: &[u8]) -> Answer {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(answer[..end].to_vec()).unwrap();
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let header = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.to_owned()));
    let headers: Vec<(String, String)> = lines.filter_map(header).collect();
    let mut octets = answer[end + 4..].to_vec();
    if headers.iter().any(|(name, value)| name == "transfer-encoding" && value == "chunked") {
        octets = unchunked(&octets);
    }
    Answer { status, headers, body: String::from_utf8_lossy(&octets).into_owned(), octets }
}

fn unchunked(mut octets: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    while let Some(end) = octets.windows(2).position(|two| two == b"\r\n") {
        let size = usize::from_str_radix(std::str::from_utf8(&octets[..end]).unwrap(), 16).unwrap();
        let Some(chunk) = octets.get(end + 2..end + 2 + size) else { break };
        whole.extend_from_slice(chunk);
        octets = octets.get(end + 4 + size..).unwrap_or_default();
    }
    whole
}

fn encoded(value: &str) -> String {
    value
        .bytes()
        .map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") })
        .collect()
}
