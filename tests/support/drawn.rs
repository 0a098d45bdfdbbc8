//! Pages in a real browser (headless Chromium): nothing runs sideways off a phone, everything that is pressed is large
//! enough, every field has its label; and pictures for people.
//!
//! The pages have no script, so a small proxy stands between, which serves pages that were had before and, where something
//! is measured, adds a script, for which it takes the policy away. Each page is checked by axe-core too
//! (support/axe); with `MAILPOORT_PICTURES` (a folder) each page is drawn there, on a phone
//! and on a desk, light and dark. Without Chromium on this machine nothing is checked, and that is said.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stderr)]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// WCAG 2.2, 1.4.10: a page of 320 px has no scroll bar below.
const NARROW: u32 = 320;

/// Measures the page, and says so in its title.
const MEASURE: &str = r#"
addEventListener('load', async () => {
  const told = [];
  const root = document.documentElement;
  if (root.scrollWidth > root.clientWidth) told.push('runs off the side: ' + root.scrollWidth + ' > ' + root.clientWidth);
  for (const one of document.querySelectorAll('a, button, input:not([type=hidden]), textarea')) {
    const box = one.getBoundingClientRect();
    const inText = one.matches('p a') || one.matches('.skip');
    if (!inText && (box.width < 24 || box.height < 24)) told.push('too small: ' + one.outerHTML);
  }
  for (const one of document.querySelectorAll('input:not([type=hidden]), textarea'))
    if (!one.labels.length) told.push('no label: ' + one.outerHTML);
  const ids = [...document.querySelectorAll('[id]')].map(one => one.id);
  if (new Set(ids).size < ids.length) told.push('an id twice: ' + ids);
  for (const one of document.querySelectorAll('[aria-describedby], [aria-labelledby]'))
    for (const id of (one.getAttribute('aria-describedby') || one.getAttribute('aria-labelledby')).split(' '))
      if (!document.getElementById(id)) told.push('points at nothing: ' + id);
  if (document.querySelectorAll('h1').length != 1) told.push('not one h1');
  if (!root.lang || !document.title) told.push('no language or no title');
  if (window.axe) {
    const found = await axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']});
    for (const one of found.violations) told.push('axe ' + one.id + ': ' + one.nodes.map(n => n.html).join(' | '));
    told.push('axe rules passed: ' + found.passes.length);
  }
  const out = document.createElement('pre');
  out.id = 'measured';
  out.textContent = 'width ' + innerWidth + '\n' + told.join('\n');
  document.body.append(out);
});
"#;

/// Draws these pages, by name, and looks for what is wrong with them: a line each.
pub async fn wrong_with(language: &str, pages: BTreeMap<String, String>, styles: Styles) -> Vec<String> {
    let Some(chromium) = chromium() else {
        eprintln!("no chromium on this machine: the pages are not drawn");
        return Vec::new();
    };
    let axe =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/axe/axe.min.js")).unwrap();
    let proxy = Proxy::open(pages.clone(), styles, axe).await;
    let measured = proxy.measure(&chromium).await;
    let mut wrong = Vec::new();
    for name in pages.keys() {
        let told = measured.get(name).unwrap_or_else(|| panic!("{language} {name} was not measured: {measured:?}"));
        assert_eq!(told.first().map(String::as_str), Some("width 320"), "{language} {name}: {told:?}");
        let bad = told.iter().skip(1).filter(|line| !line.is_empty() && !line.starts_with("axe rules passed"));
        wrong.extend(bad.map(|line| format!("{language} {name}: {line}")));
        assert!(told.iter().any(|line| line.starts_with("axe rules passed")), "axe did not run: {told:?}");
    }
    if let Ok(folder) = std::env::var("MAILPOORT_PICTURES") {
        for name in pages.keys() {
            proxy.draw(&chromium, name, &Path::new(&folder).join(format!("{language}-{name}"))).await;
        }
    }
    wrong
}

fn chromium() -> Option<PathBuf> {
    let paths = std::env::var_os("PATH")?;
    let found = |name: &str| std::env::split_paths(&paths).map(|path| path.join(name)).find(|file| file.is_file());
    found("chromium").or_else(|| found("chromium-browser")).or_else(|| found("google-chrome"))
}

/// Style sheets: path and content.
pub type Styles = &'static [(&'static str, &'static str)];

/// Serves pages that were had before, as they are at `/page/NAME` and with the measure at `/measure/NAME`.
struct Proxy {
    address: SocketAddr,
}

impl Proxy {
    async fn open(pages: BTreeMap<String, String>, styles: Styles, axe: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (pages, axe) = (Arc::new(pages), Arc::new(axe));
        tokio::spawn(async move {
            while let Ok((mut tcp, _)) = listener.accept().await {
                let (pages, axe) = (Arc::clone(&pages), Arc::clone(&axe));
                tokio::spawn(async move {
                    let mut request = vec![0; 8192];
                    let read = tcp.read(&mut request).await.unwrap_or_default();
                    let request = String::from_utf8_lossy(&request[..read]).into_owned();
                    let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
                    let (kind, body) = serve(&path, &pages, styles, &axe);
                    let head = format!(
                        "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                        body.len()
                    );
                    let _ = tcp.write_all(&[head.as_bytes(), body.as_bytes()].concat()).await;
                });
            }
        });
        Self { address }
    }

    /// What was measured of every page, in one run.
    async fn measure(&self, chromium: &Path) -> BTreeMap<String, Vec<String>> {
        let address = format!("http://{}/all/", self.address);
        let dom =
            run(chromium, &["--virtual-time-budget=600000", "--window-size=800,900", "--dump-dom", &address]).await;
        let mut measured = BTreeMap::new();
        for part in dom.split("<pre class=\"measured\" id=\"").skip(1) {
            let (name, rest) = part.split_once("\">").unwrap();
            let told = rest.split("</pre>").next().unwrap().replace("&lt;", "<").replace("&gt;", ">");
            measured.insert(name.to_owned(), told.lines().map(str::to_owned).collect());
        }
        measured
    }

    /// Draws a page on a phone and on a desk, light and dark.
    async fn draw(&self, chromium: &Path, name: &str, file: &Path) {
        for (what, size, dark) in
            [("phone", "500,1900", false), ("desk", "1100,1300", false), ("dark", "500,1900", true)]
        {
            let frame = if what == "desk" { "page" } else { "phone" };
            let address = format!("http://{}/{frame}/{name}", self.address);
            let picture = format!("--screenshot={}-{what}.png", file.display());
            let size = format!("--window-size={size}");
            let mut options = vec!["--hide-scrollbars", &picture, &size];
            if dark {
                options.push("--blink-settings=preferredColorScheme=0");
            }
            options.push(&address);
            run(chromium, &options).await;
        }
    }
}

fn serve(path: &str, pages: &BTreeMap<String, String>, styles: Styles, axe: &str) -> (&'static str, String) {
    let html = "text/html; charset=utf-8";
    let name = path.rsplit('/').next().unwrap_or_default();
    match path.split('/').nth(1).unwrap_or_default() {
        "axe.js" => ("text/javascript", axe.to_owned()),
        "page" => (html, pages.get(name).cloned().unwrap_or_default()),
        "measure" => {
            let script = format!("<script src=\"/axe.js\"></script><script>{MEASURE}</script></body>");
            (html, pages.get(name).cloned().unwrap_or_default().replace("</body>", &script))
        }
        // A browser without a screen is never narrower than it likes, and a frame is.
        "phone" => (
            html,
            format!(
                "<body style=\"margin:0\"><iframe src=\"/page/{name}\" width=360 height=1880 style=\"border:0\"></iframe>"
            ),
        ),
        "all" => (html, framed(&pages.keys().collect::<Vec<_>>())),
        other => match styles.iter().find(|(name, _)| *name == other) {
            Some((_, style)) => ("text/css", (*style).to_owned()),
            None => (html, String::new()),
        },
    }
}

/// A narrow frame for one page after another; what each says is copied out of it.
fn framed(names: &[&String]) -> String {
    format!(
        "<!DOCTYPE html><body><script>(async () => {{ for (const name of {names:?}) {{ \
         const frame = document.createElement('iframe'); frame.width = {NARROW}; frame.height = 800; \
         frame.style.border = 0; frame.src = '/measure/' + name; document.body.append(frame); \
         let told; while (!told) {{ await new Promise(done => setTimeout(done, 20)); \
         told = frame.contentDocument && frame.contentDocument.getElementById('measured'); }} \
         const pre = document.createElement('pre'); pre.className = 'measured'; pre.id = name; \
         pre.textContent = told.textContent; document.body.append(pre); frame.remove(); }} }})()</script>"
    )
}

async fn run(chromium: &Path, options: &[&str]) -> String {
    let profile = tempfile::tempdir().unwrap();
    let mut command = Command::new("timeout");
    command
        .arg("120")
        .arg(chromium)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .args(options)
        .stdin(Stdio::null())
        .stderr(Stdio::null());
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    assert!(output.status.success(), "chromium: {}", output.status);
    String::from_utf8_lossy(&output.stdout).into_owned()
}
