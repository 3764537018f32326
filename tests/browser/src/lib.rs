//! A real Chromium, driven over WebDriver, and the programs that it talks to.
//!
//! Needs `chromium` and `chromedriver` (Debian's packages `chromium` and `chromium-driver`). Where
//! they are missing a test says that it was skipped; with `CI` set it fails instead.
//!
//! `JUDGE=steps` tries the learner's steps; without it, the solutions are tried. `WORKSHOP_ROOT`
//! names another clone to try.

use std::env;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use thirtyfour::prelude::*;
use thirtyfour::{ChromeCapabilities, ChromiumLikeCapabilities};

/// How long anything may take that a page does.
const DEADLINE: Duration = Duration::from_secs(10);
/// How often chromedriver is started, at most.
const STARTS_OF_CHROMEDRIVER: usize = 20;

/// What one test says of itself in the end.
pub type Outcome = Result<(), Box<dyn std::error::Error>>;

/// A process that ends with the test.
pub struct Process {
    child: Child,
    /// The first line of its output that held what was waited for.
    pub line: String,
}

impl Process {
    /// Starts a program and waits for the line of its output that contains `ready`.
    ///
    /// # Errors
    /// The program can't be started, or ends before it says that line.
    pub fn start(command: &mut Command, ready: &str) -> Result<Self, Box<dyn std::error::Error>> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut output = BufReader::new(child.stdout.take().ok_or("no output")?);
        let mut process = Self {
            child,
            line: String::new(),
        };
        while !process.line.contains(ready) {
            process.line.clear();
            if output.read_line(&mut process.line)? == 0 {
                return Err(format!("{command:?} ended before it said `{ready}`").into());
            }
        }
        // Whoever writes to a pipe that nobody reads is stopped sooner or later.
        std::thread::spawn(move || _ = output.read_to_end(&mut Vec::new()));
        Ok(process)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// The workshop's folder.
pub fn root() -> PathBuf {
    if let Some(root) = env::var_os("WORKSHOP_ROOT") {
        return PathBuf::from(root);
    }
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = here.ancestors().nth(2);
    root.expect("tests/browser is two folders deep")
        .to_path_buf()
}

/// Returns the first of `how_many` ports in a row that are free. Systems take the ports of outgoing connections from
/// other ranges. So a server that comes back finds its port free, and a client that tries to reach it meanwhile can't
/// connect to itself.
///
/// # Errors
/// None are free.
pub fn free_ports(how_many: u16) -> Result<u16, Box<dyn std::error::Error>> {
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    let random = || RandomState::new().build_hasher().finish();
    let candidates = (0..1000).map(|_| 20_000 + (random() % 10_000) as u16);
    let mut free = candidates.filter(|first| (*first..first + how_many).all(|port| is_free(&port)));
    free.next().ok_or_else(|| "no port is free".into())
}

/// Where cargo builds. Two clones must not build into the same folder: cargo takes them for one.
fn target() -> PathBuf {
    let own = root().join("target");
    match env::var_os("WORKSHOP_ROOT") {
        Some(_) => own,
        None => env::var_os("CARGO_TARGET_DIR").map_or(own, PathBuf::from),
    }
}

/// A running server of a step, and its address: `http://127.0.0.1:40123`.
///
/// # Errors
/// It doesn't build or start.
pub fn serve(id: &str, options: &[&str]) -> Result<(Process, String), Box<dyn std::error::Error>> {
    serve_at(id, "127.0.0.1:0", options)
}

/// The same, at an address of one's own choice: `127.0.0.1:40123`.
///
/// # Errors
/// It doesn't build or start.
pub fn serve_at(
    id: &str,
    listen: &str,
    options: &[&str],
) -> Result<(Process, String), Box<dyn std::error::Error>> {
    let package = package(id);
    start(&["--package", &package], &package, &[], listen, options)
}

/// A running server of a step whose program has several, and its address.
///
/// # Errors
/// It doesn't build or start.
pub fn serve_command(
    id: &str,
    name: &str,
) -> Result<(Process, String), Box<dyn std::error::Error>> {
    let package = package(id);
    start(
        &["--package", &package],
        &package,
        &[name],
        "127.0.0.1:0",
        &[],
    )
}

/// A running example of a step, `examples/<example>/main.rs`, and its address.
///
/// # Errors
/// It doesn't build or start.
pub fn serve_example(
    id: &str,
    example: &str,
) -> Result<(Process, String), Box<dyn std::error::Error>> {
    let what = ["--package", &package(id), "--example", example];
    let program = format!("examples/{example}");
    start(&what, &program, &[], "127.0.0.1:0", &[])
}

fn package(id: &str) -> String {
    match env::var("JUDGE").as_deref() {
        Ok("steps") => id.to_string(),
        _ => format!("{id}-solution"),
    }
}

/// Builds an example of a step that is no server, and returns the command that runs it.
///
/// # Errors
/// It doesn't build.
pub fn example(id: &str, example: &str) -> Result<Command, Box<dyn std::error::Error>> {
    let what = ["--package", &package(id), "--example", example];
    build(&what, &format!("examples/{example}"))
}

/// Builds a step, and returns the command that runs it, for one that isn't started as all others are.
///
/// # Errors
/// It doesn't build.
pub fn program(id: &str) -> Result<Command, Box<dyn std::error::Error>> {
    let package = package(id);
    build(&["--package", &package], &package)
}

/// Builds a program and starts it. `program` is where cargo puts it, `name` the server's name if it has several.
fn start(
    what: &[&str],
    program: &str,
    name: &[&str],
    listen: &str,
    options: &[&str],
) -> Result<(Process, String), Box<dyn std::error::Error>> {
    let mut command = build(what, program)?;
    command.args(name).args(["--listen", listen]).args(options);
    let process = Process::start(&mut command, "listening on ")?;
    let address = process
        .line
        .trim()
        .trim_start_matches("listening on ")
        .to_string();
    Ok((process, address))
}

/// Builds a program, and returns the command that runs it.
fn build(what: &[&str], program: &str) -> Result<Command, Box<dyn std::error::Error>> {
    // `cargo run` would stay between us and the program when we end it.
    let target = target();
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or("cargo".into()));
    cargo.current_dir(root()).env("CARGO_TARGET_DIR", &target);
    let built = cargo.args(["build", "--quiet"]).args(what).status()?;
    if !built.success() {
        return Err(format!("`{}` doesn't build", what.join(" ")).into());
    }
    let program = target.join("debug").join(program);
    Ok(Command::new(
        program.with_extension(env::consts::EXE_EXTENSION),
    ))
}

/// A browser.
pub struct Browser {
    /// The WebDriver session.
    pub driver: WebDriver,
}

/// Runs a test in a browser of its own, which ends with it. Where there is no browser on this
/// machine, and nobody insists, the test says so and is done.
///
/// # Errors
/// The test's own, or the browser can't be started.
pub async fn in_browser(test: impl AsyncFnOnce(&Browser) -> Outcome) -> Outcome {
    in_browser_of(Command::new("chromedriver"), test).await
}

/// The same, with a home folder of its own: Chromium on Linux looks there for the authorities that it trusts.
///
/// # Errors
/// The test's own, or the browser can't be started.
pub async fn in_browser_at(home: &Path, test: impl AsyncFnOnce(&Browser) -> Outcome) -> Outcome {
    let mut command = Command::new("chromedriver");
    command.env("HOME", home);
    in_browser_of(command, test).await
}

async fn in_browser_of(
    mut command: Command,
    test: impl AsyncFnOnce(&Browser) -> Outcome,
) -> Outcome {
    command.arg("--port=0").stderr(Stdio::null());
    let chromedriver = match start_chromedriver(&mut command) {
        Ok(chromedriver) => chromedriver,
        Err(error) if env::var_os("CI").is_some() => return Err(error),
        Err(error) => {
            println!("skipped: there is no chromedriver here ({error})");
            return Ok(());
        }
    };
    let line = chromedriver.line.trim().trim_end_matches('.');
    let port = line.rsplit(' ').next().unwrap_or_default();
    let driver = WebDriver::new(format!("http://127.0.0.1:{port}"), capabilities()?).await?;
    let browser = Browser { driver };
    let outcome = test(&browser).await;
    browser.driver.quit().await?;
    outcome
}

/// ChromeDriver takes a free port of IPv6 and the same one of IPv4. If somebody else has that one, it ends with
/// `IPv4 port not available`; the next start takes another port.
fn start_chromedriver(command: &mut Command) -> Result<Process, Box<dyn std::error::Error>> {
    let mut start = || Process::start(command, "started successfully on port ");
    let again = (1..STARTS_OF_CHROMEDRIVER).find_map(|_| start().ok());
    again.map_or_else(start, Ok)
}

fn capabilities() -> WebDriverResult<ChromeCapabilities> {
    let mut capabilities = DesiredCapabilities::chrome();
    for argument in [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
    ] {
        capabilities.add_arg(argument)?;
    }
    Ok(capabilities)
}

/// The script that judges pages: axe-core. `tests/browser/axe/install` puts it where it is looked for.
/// Where it is not, and nobody insists, the test says so and is done.
///
/// # Errors
/// It is not there, and `CI` is set.
pub fn axe() -> Result<Option<String>, Box<dyn std::error::Error>> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = here.join("../../target/axe/node_modules/axe-core/axe.min.js");
    match std::fs::read_to_string(&path) {
        Ok(axe) => Ok(Some(axe)),
        Err(error) if env::var_os("CI").is_some() => {
            Err(format!("{}: {error}", path.display()).into())
        }
        Err(_) => {
            println!("skipped: axe-core is not here (tests/browser/axe/install brings it)");
            Ok(None)
        }
    }
}

impl Browser {
    /// Waits until an expression is true in the page.
    ///
    /// # Errors
    /// It is not true by the deadline; the page's text is in the message.
    pub async fn until(&self, expression: &str) -> Outcome {
        let end = Instant::now() + DEADLINE;
        let script = format!("return Boolean({expression})");
        while Instant::now() < end {
            if self
                .driver
                .execute(script.as_str(), Vec::new())
                .await?
                .json()
                .as_bool()
                == Some(true)
            {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let text = self.text("document.body.innerText").await?;
        Err(
            format!("still not true after {DEADLINE:?}: {expression}\nThe page says:\n{text}")
                .into(),
        )
    }

    /// The value of an expression in the page, as text.
    ///
    /// # Errors
    /// The script fails.
    pub async fn text(&self, expression: &str) -> Result<String, Box<dyn std::error::Error>> {
        let script = format!("return String({expression})");
        let value = self.driver.execute(script.as_str(), Vec::new()).await?;
        Ok(value.json().as_str().unwrap_or_default().to_string())
    }

    /// Makes the page this wide, as a phone or a desk has it. A window can't be narrower than 500
    /// pixels; a device can.
    ///
    /// # Errors
    /// The browser refuses.
    pub async fn width(&self, width: u32) -> Outcome {
        self.size(width, 900).await
    }

    /// Makes the page this wide and this high.
    ///
    /// # Errors
    /// The browser refuses.
    pub async fn size(&self, width: u32, height: u32) -> Outcome {
        let size =
            json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.command("Emulation.setDeviceMetricsOverride", size)
            .await
    }

    /// Prefers dark colours, or light ones.
    ///
    /// # Errors
    /// The browser refuses.
    pub async fn dark(&self, dark: bool) -> Outcome {
        let value = if dark { "dark" } else { "light" };
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": value}]});
        self.command("Emulation.setEmulatedMedia", features).await
    }

    /// Runs no script of the pages that are opened from now on.
    ///
    /// # Errors
    /// The browser refuses.
    pub async fn without_javascript(&self) -> Outcome {
        self.command(
            "Emulation.setScriptExecutionDisabled",
            json!({"value": true}),
        )
        .await
    }

    /// Runs a script in each page that is opened from now on, before the page's own.
    ///
    /// # Errors
    /// The browser refuses.
    pub async fn before_each_page(&self, script: &str) -> Outcome {
        let source = json!({"source": script});
        self.command("Page.addScriptToEvaluateOnNewDocument", source)
            .await
    }

    /// Keeps a picture of the page where somebody can look at it: `target/screenshots/<name>.png`.
    ///
    /// # Errors
    /// It can't be written.
    pub async fn keep_picture(&self, name: &str) -> Outcome {
        let folder = root().join("target").join("screenshots");
        std::fs::create_dir_all(&folder)?;
        self.driver
            .screenshot(&folder.join(format!("{name}.png")))
            .await?;
        Ok(())
    }

    /// Presses keys, one after the other, wherever the focus is.
    ///
    /// # Errors
    /// The browser refuses.
    pub async fn press(&self, keys: impl Into<TypingData>) -> Outcome {
        let chain = self.driver.action_chain().send_keys(keys);
        chain.perform().await?;
        Ok(())
    }

    /// What axe-core finds in the page, a line for each element: the rule, the element, what is wrong.
    ///
    /// # Errors
    /// A script fails.
    pub async fn findings(&self, axe: &str) -> Result<Vec<String>, Box<dyn std::error::Error>> {
        const RUN: &str = "
            const [done] = arguments;
            const line = (rule, { target, failureSummary }) =>
              [rule, target, failureSummary.replace(/\\s+/g, ' ')].join(' | ');
            axe
              .run(document, { resultTypes: ['violations'] })
              .then(({ violations, passes }) => {
                const found = violations.flatMap(({ id, nodes }) => nodes.map((it) => line(id, it)));
                done(passes.length > 0 ? found : ['axe has looked at nothing']);
              })
              .catch((error) => done([String(error)]));";
        self.driver.execute(axe, Vec::new()).await?;
        let found = self.driver.execute_async(RUN, Vec::new()).await?;
        Ok(found.convert()?)
    }

    async fn command(&self, name: &str, parameters: Value) -> Outcome {
        self.driver.cdp().send_raw(name, parameters).await?;
        Ok(())
    }
}
