//! Shares whose files lie in a bucket: made, read in part, destroyed; a key that is refused, a provider that is away, a
//! bucket of somebody else, what a kill left.
//!
//! The provider is a small server of our own that keeps objects in memory and checks the signature of every request by
//! itself (AWS Signature Version 4), and that what was signed is what was sent. Nothing waits for the clock.
#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::BTreeMap;
use std::io::Cursor;
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use futures_util::TryStreamExt;
use hmac::{Hmac, KeyInit, Mac};
use jiff::tz::TimeZone;
use mailpoort::kill::Point;
use mailpoort::message::Mailbox;
use mailpoort::outbox::{Outbox, Retry};
use mailpoort::school::Calendar;
use mailpoort::secret::Secret;
use mailpoort::share::{
    Drafted, How, ItemKind, KeysMode, Lifetimes, Made, NewItem, NewRecipient, NewShare, Settings, ShareError, Shares,
    Unlock, Visitor,
};
use mailpoort::store::held::Taken;
use mailpoort::vault::share::{Bucket, Cost, Place};
use sha2::{Digest, Sha256};

const KEY_ID: &str = "MAILPOORTTEST";
const KEY: &str = "een-sleutel-die-niemand-raadt";
const REGION: &str = "nl-ams";
const BUCKET: &str = "delen";
const MB: usize = 1024 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn a_share_lies_in_a_bucket_sealed_and_is_destroyed_there() {
    let (provider, house) = opened(|bucket| bucket.encrypt = true).await;
    let content: Vec<u8> = (0..12 * MB).map(|n| (n % 251) as u8).collect();
    let made = share(&house, &[b"kanarie", &content]).await.unwrap();
    let names = provider.names();
    assert!(names.iter().all(|name| name.starts_with("mailpoort/")), "{names:?}");
    assert_eq!(names.len(), 3, "two items and the owner's mark: {names:?}");
    assert!(!provider.holds(b"kanarie"), "sealed before it leaves us");
    assert_eq!(provider.state().parts, [5 * MB, 5 * MB], "whole parts are of one size");
    assert!(provider.state().asked_to_encrypt > 0);
    let opened = open(&house, &made).await;
    let items = house.shares.items(&opened).await.unwrap();
    let read = |item: usize, range| {
        let (shares, opened, id) = (house.shares.clone(), opened.clone(), items[item].id.clone());
        async move { shares.read(&opened, &id, range, How::Viewed).await.unwrap().stream.try_concat().await.unwrap() }
    };
    assert_eq!(read(0, None).await, b"kanarie");
    assert!(read(1, None).await == content);
    assert_eq!(read(1, Some(9_000_000..9_000_010)).await, content[9_000_000..9_000_010]);
    house.shares.delete(&made.id, "").await.unwrap();
    assert_eq!(provider.names(), ["mailpoort/owner"]);
    assert_eq!(provider.state().refused, 0, "every request was signed as it should be");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_kill_left_goes_at_the_next_start_and_nothing_of_somebody_elses() {
    let (provider, house) = opened(|_| {}).await;
    let made = share(&house, &[b"blijft"]).await.unwrap();
    provider.state().objects.insert("mailpoort/aa/bb/aabbccdd".into(), b"over".to_vec());
    provider.state().objects.insert("anders/aa/bb/aabbccdd".into(), b"van een ander".to_vec());
    house.shares.recover().await.unwrap();
    let names = provider.names();
    assert_eq!(names.len(), 3, "{names:?}");
    assert!(
        names.contains(&"anders/aa/bb/aabbccdd".to_owned()) && !names.contains(&"mailpoort/aa/bb/aabbccdd".to_owned())
    );
    open(&house, &made).await;
    // Another installation that is given the same bucket would take these files for left over.
    let other = House::new(bucket(&provider));
    let refused = other.shares.recover().await.unwrap_err().to_string();
    assert!(refused.contains("another installation") && refused.contains("prefix"), "{refused}");
    assert_eq!(provider.names().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn trouble_says_whose_it_is_and_leaves_nothing() {
    let (provider, house) = opened(|_| {}).await;
    let with = |change: &dyn Fn(&mut Bucket)| {
        let mut bucket = bucket(&provider);
        change(&mut bucket);
        House::new(bucket)
    };
    for (wrong, says) in [
        (with(&|bucket| bucket.key = Secret::new("een-andere-sleutel".into())), "refuses our key"),
        (with(&|bucket| bucket.region = "us-east-1".into()), "refuses our key"),
        (with(&|bucket| bucket.bucket = "bestaat-niet".into()), "knows no such bucket"),
        (with(&|bucket| bucket.endpoint = "http://127.0.0.1:9".into()), "cannot be reached"),
    ] {
        let error = wrong.shares.recover().await.unwrap_err().to_string();
        assert!(error.contains(says) && !error.contains("sleutel"), "{says}: {error}");
        let error = share(&wrong, &[b"x"]).await.unwrap_err();
        assert!(error.to_string().contains(says), "{says}: {error}");
    }
    // It fails in the middle of a large file: what was sent of it is given up.
    provider.state().fails_at_part = Some(2);
    let before = provider.names();
    let error = share(&house, &[&vec![7; 12 * MB]]).await.unwrap_err();
    assert!(matches!(error, ShareError::Vault(_)), "{error}");
    assert_eq!((provider.names(), provider.state().uploads.len()), (before, 0));
    provider.state().fails_at_part = None;
    share(&house, &[b"en het gaat weer"]).await.unwrap();
}

/// Where [`shares_in_a_process_of_its_own`] has its folder and its bucket; without, it is not meant.
const IN: &str = "SHARES_IN";

#[tokio::test]
async fn shares_in_a_process_of_its_own() {
    let Ok(told) = std::env::var(IN) else { return };
    let (folder, endpoint) = told.split_once(' ').unwrap();
    let house = House::at(folder.into(), bucket_at(endpoint));
    house.shares.recover().await.unwrap();
    share(&house, &[b"een", b"twee"]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_death_between_the_blob_and_its_row_leaves_nothing_that_is_offered_or_stays() {
    for (point, blobs, lives) in [
        (Point::ShareItem, 1, false),
        (Point::ShareDrafted, 2, false),
        (Point::TakenRows, 2, false),
        (Point::Taken, 2, true),
    ] {
        let (provider, folder) = (Provider::start().await, tempfile::tempdir().unwrap());
        let endpoint = format!("http://{}", provider.address);
        let mut again = std::process::Command::new(std::env::current_exe().unwrap());
        again.args(["--exact", "shares_in_a_process_of_its_own"]).env("MAILPOORT_DIES_AT", point.word());
        again.env(IN, format!("{} {endpoint}", folder.path().display()));
        let ended = tokio::task::spawn_blocking(move || again.output().unwrap().status).await.unwrap();
        assert_eq!(ended.signal(), Some(DIED), "at {}", point.word());
        assert_eq!(provider.names().len(), blobs + 1, "the blobs and the owner's mark, at {}", point.word());
        let house = House::at(folder.path().to_owned(), bucket_at(&endpoint));
        let offered = house.shares.all(10).await.unwrap();
        assert_eq!(offered.len(), usize::from(lives), "at {}", point.word());
        house.shares.recover().await.unwrap();
        assert_eq!(provider.names().len(), if lives { blobs + 1 } else { 1 }, "after the sweep, at {}", point.word());
    }
}

/// SIGABRT: it died at the point, and of nothing else.
const DIED: i32 = 6;

/// Shares on a folder and a bucket.
struct House {
    shares: Shares,
    outbox: Outbox,
    _folder: Option<tempfile::TempDir>,
}

impl House {
    fn new(bucket: Bucket) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let house = Self::at(folder.path().to_owned(), bucket);
        Self { _folder: Some(folder), ..house }
    }

    fn at(folder: PathBuf, bucket: Bucket) -> Self {
        let outbox = Outbox::open(&folder, Retry::default()).unwrap();
        let settings = Settings {
            url: "https://veilig.delinde.example".into(),
            brands: BTreeMap::new(),
            desk: "https://poort.delinde.example".into(),
            lifetimes: Lifetimes::default(),
            calendar: Calendar::new(TimeZone::UTC, Vec::new()),
            keys: KeysMode::Strict,
            escrow: None,
            code_channels: Vec::new(),
            place: Place::S3(bucket),
            passkeys: true,
            remember: Vec::new(),
            country: "NL".into(),
            outside_eu: None,
        };
        let clock = Arc::new(mailpoort::store::now);
        let shares = Shares::with(&folder, outbox.clone(), settings, clock, Cost::TEST).unwrap();
        Self { shares, outbox, _folder: None }
    }
}

async fn opened(change: impl FnOnce(&mut Bucket)) -> (Provider, House) {
    let provider = Provider::start().await;
    let mut bucket = bucket(&provider);
    change(&mut bucket);
    let house = House::new(bucket);
    house.shares.recover().await.unwrap();
    (provider, house)
}

fn bucket(provider: &Provider) -> Bucket {
    bucket_at(&format!("http://{}", provider.address))
}

fn bucket_at(endpoint: &str) -> Bucket {
    Bucket {
        endpoint: endpoint.to_owned(),
        bucket: BUCKET.into(),
        region: REGION.into(),
        prefix: "mailpoort".into(),
        path_style: true,
        encrypt: false,
        key_id: KEY_ID.into(),
        key: Secret::new(KEY.into()),
    }
}

async fn share(house: &House, contents: &[&[u8]]) -> Result<Made, ShareError> {
    let item = |content: &&[u8]| NewItem {
        kind: ItemKind::Attachment,
        name: Secret::new("bestand.bin".into()),
        media_type: "application/octet-stream".into(),
        content_id: None,
        content: Box::new(Cursor::new(content.to_vec())),
    };
    let new = NewShare {
        school: "linde".into(),
        mail: "0001".into(),
        incident: mailpoort::store::now().to_be_bytes().repeat(2).try_into().unwrap(),
        sender: Mailbox::parse("juf@delinde.example").unwrap(),
        sender_name: None,
        subject: Secret::new("Verslag".into()),
        message_id: None,
        items: contents.iter().map(item).collect(),
        recipients: vec![NewRecipient {
            mailbox: Mailbox::parse("p.jansen@voorbeeld.example").unwrap(),
            family: Secret::new("jansen".into()),
            line: "12_health".into(),
            level: mailpoort::level::Level::default(),
            phones: Vec::new(),
        }],
        is_password: false,
        purpose: None,
        open_subject: false,
    };
    let Drafted::Draft(mut draft) = house.shares.draft(new).await? else { panic!("it is there") };
    let made = draft.made().clone();
    let share = draft.rows(Vec::new());
    let taken = Taken {
        school: "linde".into(),
        items: Vec::new(),
        held: None,
        owed: Vec::new(),
        share,
        once: Default::default(),
        journal: None,
        notes: Vec::new(),
    };
    house.outbox.take(taken).await?;
    draft.kept();
    Ok(made)
}

async fn open(house: &House, made: &Made) -> mailpoort::share::Opened {
    let link = &made.links[0];
    let code = link.code.as_ref().unwrap().grouped();
    match house.shares.unlock(&link.rid, &link.secret.written(), code, Visitor::default()).await.unwrap() {
        Unlock::Open { opened, .. } => *opened,
        _ => panic!("the code is right"),
    }
}

/// A provider of S3, as far as we need one.
struct Provider {
    address: SocketAddr,
    kept: Arc<Mutex<Kept>>,
}

#[derive(Default)]
struct Kept {
    objects: BTreeMap<String, Vec<u8>>,
    /// Uploads in parts: by id, the parts so far.
    uploads: BTreeMap<String, BTreeMap<usize, Vec<u8>>>,
    /// The sizes of parts that were not the last of theirs.
    parts: Vec<usize>,
    refused: usize,
    asked_to_encrypt: usize,
    fails_at_part: Option<usize>,
}

impl Provider {
    async fn start() -> Self {
        let kept = Arc::new(Mutex::new(Kept::default()));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = Router::new().fallback(answer).with_state(Arc::clone(&kept));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { address, kept }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().unwrap()
    }

    fn names(&self) -> Vec<String> {
        self.state().objects.keys().cloned().collect()
    }

    fn holds(&self, text: &[u8]) -> bool {
        self.state().objects.values().any(|object| object.windows(text.len()).any(|window| window == text))
    }
}

async fn answer(State(kept): State<Arc<Mutex<Kept>>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 64 * MB).await.unwrap();
    let mut kept = kept.lock().unwrap();
    if !is_signed(&parts.method, &parts.uri, &parts.headers, &body) {
        kept.refused += 1;
        return error(StatusCode::FORBIDDEN, "SignatureDoesNotMatch");
    }
    let path = parts.uri.path().trim_start_matches('/');
    let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
    if bucket != BUCKET {
        return error(StatusCode::NOT_FOUND, "NoSuchBucket");
    }
    kept.asked_to_encrypt += usize::from(parts.headers.contains_key("x-amz-server-side-encryption"));
    let query = query(&parts.uri);
    let asked = |name: &str| query.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
    let key = decoded(key);
    match (&parts.method, asked("uploadId")) {
        (&Method::GET, _) if key.is_empty() => listed(&kept, &asked("prefix").unwrap_or_default()),
        (&Method::POST, None) => {
            let id = format!("upload-{}", kept.uploads.len());
            kept.uploads.insert(id.clone(), BTreeMap::new());
            let told = format!("<Bucket>{bucket}</Bucket><Key>{key}</Key><UploadId>{id}</UploadId>");
            xml(&format!("<InitiateMultipartUploadResult>{told}</InitiateMultipartUploadResult>"))
        }
        (&Method::PUT, Some(id)) => {
            let number: usize = asked("partNumber").unwrap().parse().unwrap();
            if kept.fails_at_part == Some(number) {
                return error(StatusCode::BAD_REQUEST, "InvalidPart");
            }
            kept.uploads.get_mut(&id).unwrap().insert(number, body.to_vec());
            ([(header::ETAG, format!("\"{number}\""))], "").into_response()
        }
        (&Method::POST, Some(id)) => {
            let whole = kept.uploads.remove(&id).unwrap();
            let all: Vec<usize> = whole.values().map(Vec::len).collect();
            kept.parts.extend(&all[..all.len() - 1]);
            kept.objects.insert(key, whole.into_values().flatten().collect());
            xml("<CompleteMultipartUploadResult><ETag>\"whole\"</ETag></CompleteMultipartUploadResult>")
        }
        (&Method::DELETE, Some(id)) => {
            kept.uploads.remove(&id);
            StatusCode::NO_CONTENT.into_response()
        }
        (&Method::PUT, None) => {
            kept.objects.insert(key, body.to_vec());
            ([(header::ETAG, "\"one\"")], "").into_response()
        }
        (&Method::DELETE, None) => {
            kept.objects.remove(&key);
            StatusCode::NO_CONTENT.into_response()
        }
        (method, None) => match kept.objects.get(&key) {
            Some(object) => given(object, method == Method::HEAD, parts.headers.get(header::RANGE)),
            None => error(StatusCode::NOT_FOUND, "NoSuchKey"),
        },
        _ => error(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed"),
    }
}

fn given(object: &[u8], is_head: bool, range: Option<&header::HeaderValue>) -> Response {
    let base = Response::builder()
        .header(header::ETAG, "\"one\"")
        .header(header::LAST_MODIFIED, "Tue, 24 Nov 2026 13:07:00 GMT");
    let range = range.map(|range| {
        let (first, last) = range.to_str().unwrap().strip_prefix("bytes=").unwrap().split_once('-').unwrap();
        let first: usize = first.parse().unwrap();
        first..last.parse::<usize>().map_or(object.len(), |last| (last + 1).min(object.len()))
    });
    let answer = match range {
        Some(range) => {
            let told = format!("bytes {}-{}/{}", range.start, range.end - 1, object.len());
            let piece = Bytes::copy_from_slice(&object[range]);
            base.status(206).header(header::CONTENT_RANGE, told).body(Body::from(piece))
        }
        None if is_head => base.header(header::CONTENT_LENGTH, object.len()).body(Body::empty()),
        None => base.body(Body::from(object.to_vec())),
    };
    answer.unwrap()
}

fn listed(kept: &Kept, prefix: &str) -> Response {
    let object = |(name, object): (&String, &Vec<u8>)| {
        format!(
            "<Contents><Key>{name}</Key><LastModified>2026-11-24T13:07:00.000Z</LastModified><ETag>\"one\"</ETag>\
             <Size>{}</Size></Contents>",
            object.len()
        )
    };
    let found: String = kept.objects.iter().filter(|(name, _)| name.starts_with(prefix)).map(object).collect();
    xml(&format!("<ListBucketResult><IsTruncated>false</IsTruncated>{found}</ListBucketResult>"))
}

fn xml(body: &str) -> Response {
    ([(header::CONTENT_TYPE, "application/xml")], format!("<?xml version=\"1.0\"?>{body}")).into_response()
}

fn error(status: StatusCode, code: &str) -> Response {
    (status, format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code></Error>")).into_response()
}

/// Whether a request is signed with the key, for what it is (AWS Signature Version 4, in a header).
fn is_signed(method: &Method, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().trim();
    let Some(fields) = text("authorization").strip_prefix("AWS4-HMAC-SHA256 ") else { return false };
    let field = |name: &str| {
        let found = fields.split(',').find_map(|field| field.trim().strip_prefix(name));
        found.unwrap_or_default().trim_start_matches('=').to_owned()
    };
    let (credential, signed, signature) = (field("Credential"), field("SignedHeaders"), field("Signature"));
    let Some((id, scope)) = credential.split_once('/') else { return false };
    let date = text("x-amz-date");
    let day = date.split('T').next().unwrap_or_default();
    let payload = text("x-amz-content-sha256");
    let covers =
        ["host", "x-amz-date", "x-amz-content-sha256"].iter().all(|name| signed.split(';').any(|one| one == *name));
    if id != KEY_ID
        || scope != format!("{day}/{REGION}/s3/aws4_request")
        || !covers
        || payload != hex(&Sha256::digest(body))
    {
        return false;
    }
    let mut asked = query(uri);
    asked.sort();
    let asked: Vec<String> = asked.iter().map(|(key, value)| format!("{}={}", encoded(key), encoded(value))).collect();
    let lines: String = signed.split(';').map(|name| format!("{name}:{}\n", text(name))).collect();
    let canonical = format!("{method}\n{}\n{}\n{lines}\n{signed}\n{payload}", uri.path(), asked.join("&"));
    let told = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{}", hex(&Sha256::digest(canonical.as_bytes())));
    let mut key = format!("AWS4{KEY}").into_bytes();
    for step in [day, REGION, "s3", "aws4_request", &told] {
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
        mac.update(step.as_bytes());
        key = mac.finalize().into_bytes().to_vec();
    }
    hex(&key) == signature
}

fn query(uri: &Uri) -> Vec<(String, String)> {
    let pairs = uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
    let pair = |pair: &str| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decoded(key), decoded(value))
    };
    pairs.map(pair).collect()
}

fn decoded(text: &str) -> String {
    let mut octets = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        match (first, behind) {
            (b'%', [high, low, ..]) => {
                octets.push(u8::from_str_radix(&format!("{}{}", *high as char, *low as char), 16).unwrap());
                rest = &behind[2..];
            }
            _ => {
                octets.push(*first);
                rest = behind;
            }
        }
    }
    String::from_utf8(octets).unwrap()
}

fn encoded(text: &str) -> String {
    let octet = |b: u8| match b {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(b).to_string(),
        b => format!("%{b:02X}"),
    };
    text.bytes().map(octet).collect()
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}
