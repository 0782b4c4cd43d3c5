//! Chromium without a window, told what to do by its own protocol.

use std::{
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, bail};
use homeport_e2e::{Outcome, until_ok};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{self, Message, WebSocket};

/// A browser on a slow machine takes seconds to come up.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running browser with one page.
pub struct Chromium {
    child: Child,
    page: Option<WebSocket<TcpStream>>,
    calls: u64,
    /// What it told of by itself.
    events: Vec<Value>,
}

impl Chromium {
    /// Starts it over a directory of its own.
    pub fn start(directory: &Path) -> anyhow::Result<Self> {
        if directory.exists() {
            std::fs::remove_dir_all(directory)?;
        }
        let child = Command::new("chromium")
            // Its own sandbox is nothing that root can have.
            .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-component-update"])
            .arg("--remote-debugging-port=0")
            .arg(format!("--user-data-dir={}", directory.display()))
            .arg("about:blank")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("the package chromium is needed")?;
        let mut browser = Self { child, page: None, calls: 0, events: Vec::new() };
        browser.page = Some(until_ok("the browser has a page", PATIENCE, || page(directory))?);
        for domain in ["Page", "Runtime", "Log", "Network"] {
            browser.call(&format!("{domain}.enable"), &json!({}))?;
        }
        Ok(browser)
    }

    /// Goes to an address.
    pub fn open(&mut self, url: &str) -> Outcome {
        let answer = self.call("Page.navigate", &json!({ "url": url }))?;
        match answer["errorText"].as_str() {
            Some(error) => bail!("{url}: {error}"),
            None => Ok(()),
        }
    }

    /// What an expression comes to in the page.
    pub fn evaluate(&mut self, expression: &str) -> anyhow::Result<Value> {
        let wanted = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let mut answer = self.call("Runtime.evaluate", &wanted)?;
        if !answer["exceptionDetails"].is_null() {
            bail!("{expression}: {}", answer["exceptionDetails"]);
        }
        Ok(answer["result"]["value"].take())
    }

    /// What stands in its console as an error.
    pub fn complaints(&self) -> Vec<String> {
        let texts = self.events.iter().filter_map(|event| {
            let parameters = &event["params"];
            match event["method"].as_str()? {
                "Log.entryAdded" if parameters["entry"]["level"] == "error" => Some(&parameters["entry"]["text"]),
                "Runtime.exceptionThrown" => Some(&parameters["exceptionDetails"]),
                "Runtime.consoleAPICalled" if parameters["type"] == "error" => Some(&parameters["args"]),
                _ => None,
            }
        });
        texts.map(Value::to_string).collect()
    }

    /// Every address that it asked.
    pub fn requests(&self) -> Vec<String> {
        let sent = self.events.iter().filter(|event| event["method"] == "Network.requestWillBeSent");
        sent.filter_map(|event| event["params"]["request"]["url"].as_str()).map(str::to_owned).collect()
    }

    fn call(&mut self, method: &str, parameters: &Value) -> anyhow::Result<Value> {
        let page = self.page.as_mut().context("the browser has no page")?;
        self.calls += 1;
        let call = json!({ "id": self.calls, "method": method, "params": parameters });
        page.send(Message::text(call.to_string()))?;
        loop {
            let mut said: Value = match page.read()? {
                Message::Text(text) => serde_json::from_str(text.as_str())?,
                _ => continue,
            };
            if said["id"] != self.calls {
                self.events.push(said);
            } else if said["error"].is_null() {
                return Ok(said["result"].take());
            } else {
                bail!("{method}: {}", said["error"]);
            }
        }
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A connection to its first page. The port is written down in its directory.
fn page(directory: &Path) -> anyhow::Result<WebSocket<TcpStream>> {
    let text = std::fs::read_to_string(directory.join("DevToolsActivePort"))?;
    let port = text.lines().next().context("the file is empty")?;
    let list: Value = reqwest::blocking::get(format!("http://127.0.0.1:{port}/json/list"))?.json()?;
    let page = list.as_array().into_iter().flatten().find(|target| target["type"] == "page").context("no page")?;
    let url = page["webSocketDebuggerUrl"].as_str().context("no address")?;
    let stream = TcpStream::connect(format!("127.0.0.1:{port}"))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let (socket, _) =
        tungstenite::client(url, stream).map_err(|error| anyhow::anyhow!("the handshake failed: {error}"))?;
    Ok(socket)
}
