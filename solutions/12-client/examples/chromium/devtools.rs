//! A page in Chromium, driven by the [DevTools protocol](https://chromedevtools.github.io/devtools-protocol/).
//!
//! ```text
//!   you ──▶ {"id": 7, "method": "Page.navigate", "params": {"url": …}}
//!   you ◀── {"id": 7, "result": {"loaderId": …}}                            the answer has the same id
//!   you ◀── {"method": "Page.lifecycleEvent", "params": {"name": "load", …}}   an event has none
//! ```
//!
//! Each of these is one text message of the WebSocket.

use std::error::Error;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use base64::prelude::{BASE64_STANDARD, Engine};
use client_solution::{Client, Settings, connect};
use connection::Event;
use serde_json::{Value, json};

/// How long anything may take that Chromium does.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// A page, and the connection to its browser.
pub struct Page {
    client: Client,
    events: Receiver<Event>,
    /// Messages that arrived during the wait for a different one.
    kept: Vec<Value>,
    last_id: u64,
    /// Which of the browser's pages is meant. At first, it is the browser itself.
    session: Option<Value>,
}

impl Page {
    /// Connects to a browser, and opens a page in it.
    pub fn open(browser: &str, url: &str) -> Result<Self, Box<dyn Error>> {
        // A screenshot is one message, and a large one.
        let settings = Settings {
            max_message: 64 << 20,
            ..Settings::default()
        };
        let (client, events) = connect(&browser.parse()?, &settings)?;
        let mut page = Self {
            client,
            events,
            kept: Vec::new(),
            last_id: 0,
            session: None,
        };
        let target = page.call("Target.createTarget", json!({"url": "about:blank"}))?;
        let target = json!({"targetId": target["targetId"], "flatten": true});
        page.session = Some(page.call("Target.attachToTarget", target)?["sessionId"].take());
        page.navigate(url)?;
        Ok(page)
    }

    /// Goes to a URL, and waits until everything in it has loaded.
    fn navigate(&mut self, url: &str) -> Result<(), Box<dyn Error>> {
        self.call("Page.enable", json!({}))?;
        self.call("Page.setLifecycleEventsEnabled", json!({"enabled": true}))?;
        let begun = self.call("Page.navigate", json!({"url": url}))?;
        if let Some(error) = begun["errorText"].as_str() {
            return Err(format!("{url}: {error}").into());
        }
        // The blank page before it has a load event, too.
        let loaded = json!({"name": "load", "loaderId": begun["loaderId"]});
        self.wait_for(|message| {
            let about = &message["params"];
            about["name"] == loaded["name"] && about["loaderId"] == loaded["loaderId"]
        })?;
        Ok(())
    }

    /// Returns the value of a JavaScript expression. If it is a promise, waits for it.
    pub fn evaluate(&mut self, expression: &str) -> Result<Value, Box<dyn Error>> {
        let params = json!({"expression": expression, "awaitPromise": true, "returnByValue": true});
        let mut result = self.call("Runtime.evaluate", params)?;
        match result.get("exceptionDetails") {
            Some(details) => {
                Err(format!("{expression}: {}", details["exception"]["description"]).into())
            }
            None => Ok(result["result"]["value"].take()),
        }
    }

    /// Waits until a JavaScript condition holds. It is looked at after each change of the page.
    pub fn wait_until(&mut self, condition: &str) -> Result<(), Box<dyn Error>> {
        self.evaluate(&format!(
            "new Promise(resolve => {{
                const look = () => {{ if ({condition}) resolve(); }};
                const everything = {{ subtree: true, childList: true, attributes: true, characterData: true }};
                new MutationObserver(look).observe(document, everything);
                look();
            }})"
        ))
        .map_err(|error| format!("waiting until {condition}: {error}"))?;
        Ok(())
    }

    /// Clicks into the middle of an element, with a mouse.
    pub fn click(&mut self, selector: &str) -> Result<(), Box<dyn Error>> {
        let place = self.evaluate(&format!(
            "(({{ x, y, width, height }}) => [x + width / 2, y + height / 2])
                (document.querySelector('{selector}').getBoundingClientRect())"
        ))?;
        for what in ["mousePressed", "mouseReleased"] {
            let params = json!({"type": what, "x": place[0], "y": place[1], "button": "left", "clickCount": 1});
            self.call("Input.dispatchMouseEvent", params)?;
        }
        Ok(())
    }

    /// Clicks into a field, and types.
    pub fn type_into(&mut self, selector: &str, text: &str) -> Result<(), Box<dyn Error>> {
        self.click(selector)?;
        self.call("Input.insertText", json!({"text": text}))?;
        Ok(())
    }

    /// Returns a picture of the page, as the bytes of a PNG file.
    pub fn screenshot(&mut self) -> Result<Vec<u8>, Box<dyn Error>> {
        let picture = self.call("Page.captureScreenshot", json!({"format": "png"}))?;
        Ok(BASE64_STANDARD.decode(picture["data"].as_str().unwrap_or_default())?)
    }

    /// Calls a method, and returns its result.
    fn call(&mut self, method: &str, params: Value) -> Result<Value, Box<dyn Error>> {
        self.last_id += 1;
        let id = self.last_id;
        let mut call = json!({"id": id, "method": method, "params": params});
        if let Some(session) = &self.session {
            call["sessionId"] = session.clone();
        }
        self.client.send_text(&call.to_string())?;
        let mut answer = self.wait_for(|message| message["id"] == id)?;
        match answer.get("error") {
            Some(error) => Err(format!("{method}: {}", error["message"]).into()),
            None => Ok(answer["result"].take()),
        }
    }

    /// Returns the first message like this. Those before it are kept.
    fn wait_for(&mut self, is_wanted: impl Fn(&Value) -> bool) -> Result<Value, Box<dyn Error>> {
        if let Some(index) = self.kept.iter().position(&is_wanted) {
            return Ok(self.kept.remove(index));
        }
        let deadline = Instant::now() + DEADLINE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let event = self.events.recv_timeout(left);
            match event.map_err(|_| format!("nothing from Chromium within {DEADLINE:?}"))? {
                Event::Text(text) => {
                    let message = serde_json::from_str(&text)?;
                    if is_wanted(&message) {
                        return Ok(message);
                    }
                    self.kept.push(message);
                }
                Event::Close { .. } => return Err("Chromium has closed the connection".into()),
                _ => {}
            }
        }
    }
}
