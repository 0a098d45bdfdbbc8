//! A real browser (Chromium, headless) that a test drives, with page scripts switched off: what a parent's phone does.
//!
//! DevTools over a pipe (`--remote-debugging-pipe`): JSON, a zero octet behind each message, on descriptors 3 and 4, which
//! a shell opens from two FIFOs. What the test evaluates runs beside the page, whose own scripts stay off.
// Each test uses its own part of this.
#![allow(dead_code, missing_docs, clippy::unwrap_used)]

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

/// A browser with one page.
pub struct Chrome {
    child: Child,
    to: File,
    from: BufReader<File>,
    asked: u64,
    session: Option<String>,
    loaded: usize,
    scripted: bool,
    pub folder: TempDir,
}

impl Chrome {
    /// Starts it. None when this machine has none.
    pub fn start(width: u32, language: &str) -> Option<Self> {
        Self::start_with(width, language, &[])
    }

    /// The same with options of its own.
    pub fn start_with(width: u32, language: &str, options: &[String]) -> Option<Self> {
        let paths = std::env::var_os("PATH")?;
        let found = |name: &str| std::env::split_paths(&paths).map(|path| path.join(name)).find(|file| file.is_file());
        let chromium = found("chromium").or_else(|| found("google-chrome"))?;
        let folder = tempfile::tempdir().unwrap();
        let (into, out) = (folder.path().join("in"), folder.path().join("out"));
        assert!(Command::new("mkfifo").args([&into, &out]).status().unwrap().success());
        let child = Command::new("sh")
            .args(["-c", "exec \"$0\" \"$@\" 3<\"$FIFO_IN\" 4>\"$FIFO_OUT\""])
            .arg(chromium)
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"])
            .arg(format!("--user-data-dir={}", folder.path().join("profile").display()))
            .args(options)
            .args(["--remote-debugging-pipe", "about:blank"])
            .env("FIFO_IN", &into)
            .env("FIFO_OUT", &out)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // In the order in which the shell opens them: each waits for the other side.
        let to = OpenOptions::new().write(true).open(&into).unwrap();
        let from = BufReader::new(File::open(&out).unwrap());
        let mut chrome = Self { child, to, from, asked: 0, session: None, loaded: 0, scripted: false, folder };
        let target = chrome.call("Target.createTarget", json!({ "url": "about:blank" }))["targetId"].clone();
        let attached = chrome.call("Target.attachToTarget", json!({ "targetId": target, "flatten": true }));
        chrome.session = attached["sessionId"].as_str().map(str::to_owned);
        chrome.call("Page.enable", json!({}));
        chrome.call("Network.enable", json!({}));
        chrome.call("Emulation.setScriptExecutionDisabled", json!({ "value": true }));
        chrome.call("Network.setExtraHTTPHeaders", json!({ "headers": { "Accept-Language": language } }));
        let screen = json!({ "width": width, "height": 844, "deviceScaleFactor": 1, "mobile": width < 600 });
        chrome.call("Emulation.setDeviceMetricsOverride", screen);
        let downloads = chrome.folder.path().join("downloads");
        std::fs::create_dir(&downloads).unwrap();
        chrome.call("Browser.setDownloadBehavior", json!({ "behavior": "allow", "downloadPath": downloads }));
        Some(chrome)
    }

    /// Opens a page.
    pub fn open(&mut self, url: &str) {
        let before = self.loaded;
        self.call("Page.navigate", json!({ "url": url }));
        self.wait(before);
    }

    /// Presses what leads to another page.
    pub fn press(&mut self, selector: &str) {
        let before = self.loaded;
        self.on(selector, "click()");
        self.wait(before);
    }

    /// Switches the pages' own scripts on or off, from the next page on.
    pub fn scripts(&mut self, on: bool) {
        self.call("Emulation.setScriptExecutionDisabled", json!({ "value": !on }));
        self.scripted = on;
    }

    /// Gives this machine a device with a fingerprint reader, as laptops and phones have (WebAuthn); its id.
    pub fn device(&mut self) -> String {
        self.call("WebAuthn.enable", json!({}));
        let options = json!({
            "protocol": "ctap2", "transport": "internal", "hasResidentKey": true, "hasUserVerification": true,
            "isUserVerified": true, "automaticPresenceSimulation": true,
        });
        let device = self.call("WebAuthn.addVirtualAuthenticator", json!({ "options": options }));
        device["authenticatorId"].as_str().unwrap().to_owned()
    }

    /// Asks the browser itself.
    pub fn ask(&mut self, method: &str, params: Value) -> Value {
        self.call(method, params)
    }

    /// Does something in the page, and waits for nothing.
    pub fn run(&mut self, script: &str) {
        let told = self.call("Runtime.evaluate", json!({ "expression": script, "userGesture": true }));
        assert!(told["exceptionDetails"].is_null(), "{script}: {told}");
    }

    /// Before something that leads to another page.
    pub fn begin(&self) -> usize {
        self.loaded
    }

    /// Waits for that page.
    pub fn end(&mut self, before: usize) {
        self.wait(before);
    }

    /// What axe finds wrong with the page. Nothing where scripts are off: it waits for timers, which are too.
    pub fn axe(&mut self) -> String {
        if !self.scripted {
            return String::new();
        }
        let script =
            std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/axe/axe.min.js"))
                .unwrap();
        self.call("Runtime.evaluate", json!({ "expression": script }));
        let run = "axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] })\
                   .then(found => found.violations.map(one => one.id + ': ' + one.nodes.map(n => n.html).join(' | ')).join('\\n'))";
        let told =
            self.call("Runtime.evaluate", json!({ "expression": run, "awaitPromise": true, "returnByValue": true }));
        told["result"]["value"].as_str().unwrap_or_else(|| panic!("{told}")).to_owned()
    }

    /// Presses what is a download.
    pub fn take(&mut self, selector: &str) {
        self.on(selector, "click()");
    }

    /// Types into a field.
    pub fn fill(&mut self, selector: &str, text: &str) {
        self.on(selector, &format!("value = {}", json!(text)));
    }

    /// Chooses a file.
    pub fn choose(&mut self, selector: &str, file: &Path) {
        let root = self.call("DOM.getDocument", json!({}))["root"]["nodeId"].clone();
        let node = self.call("DOM.querySelector", json!({ "nodeId": root, "selector": selector }))["nodeId"].clone();
        self.call("DOM.setFileInputFiles", json!({ "nodeId": node, "files": [file] }));
    }

    /// What is read on the page.
    pub fn text(&mut self) -> String {
        self.eval("document.body.innerText")
    }

    /// A property of the first that fits.
    pub fn the(&mut self, selector: &str, property: &str) -> String {
        self.eval(&format!("String(document.querySelector({}).{property})", json!(selector)))
    }

    /// How much wider than the screen the page is.
    pub fn sideways(&mut self) -> String {
        self.eval("String(document.documentElement.scrollWidth - document.documentElement.clientWidth)")
    }

    /// Draws the page.
    pub fn draw(&mut self, file: &Path) {
        use base64::Engine;
        let drawn = self.call("Page.captureScreenshot", json!({ "captureBeyondViewport": true }));
        let octets = base64::engine::general_purpose::STANDARD.decode(drawn["data"].as_str().unwrap()).unwrap();
        std::fs::write(file, octets).unwrap();
    }

    fn on(&mut self, selector: &str, act: &str) {
        let done = self.eval(&format!(
            "(() => {{ const one = document.querySelector({}); if (!one) return 'none'; one.{act}; return 'done'; }})()",
            json!(selector)
        ));
        assert_eq!(done, "done", "{selector} is not on the page:\n{}", self.text());
    }

    fn eval(&mut self, script: &str) -> String {
        let told = self.call("Runtime.evaluate", json!({ "expression": script, "returnByValue": true }));
        told["result"]["value"].as_str().unwrap_or_else(|| panic!("{script}: {told}")).to_owned()
    }

    fn wait(&mut self, before: usize) {
        while self.loaded == before {
            self.hear();
        }
    }

    fn call(&mut self, method: &str, params: Value) -> Value {
        self.asked += 1;
        let mut order = json!({ "id": self.asked, "method": method, "params": params });
        // What is about the browser as a whole has no page.
        if let Some(session) = self.session.as_ref().filter(|_| !method.starts_with("Browser.")) {
            order["sessionId"] = json!(session);
        }
        self.to.write_all(format!("{order}\0").as_bytes()).unwrap();
        loop {
            let heard = self.hear();
            if heard["id"] == json!(self.asked) {
                assert!(heard["error"].is_null(), "{method}: {heard}");
                return heard["result"].clone();
            }
        }
    }

    fn hear(&mut self) -> Value {
        let mut octets = Vec::new();
        assert!(self.from.read_until(0, &mut octets).unwrap() > 0, "the browser ended");
        octets.pop();
        let heard: Value = serde_json::from_slice(&octets).unwrap();
        self.loaded += usize::from(heard["method"] == "Page.loadEventFired");
        heard
    }
}

impl Drop for Chrome {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
