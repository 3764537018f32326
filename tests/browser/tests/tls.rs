//! Step 14 in a real browser, which trusts the authority of the workshop, or doesn't; and in a terminal.

use std::env;
use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use browser::{Browser, Outcome, Process, example, in_browser_at, program, root, serve};
use thirtyfour::prelude::*;

type Fallible<T> = Result<T, Box<dyn std::error::Error>>;

/// A folder that ends with the test: a home for a browser, and a place for an authority.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Fallible<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("workshop-tls-{}-{count}", std::process::id());
        let path = env::temp_dir().join(name);
        fs::create_dir_all(&path)?;
        Ok(Self(path))
    }

    fn authority(&self) -> PathBuf {
        self.0.join("authority")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        _ = fs::remove_dir_all(&self.0);
    }
}

/// Step 14's program, with the authority of a folder.
fn tls(folder: &Folder) -> Fallible<Command> {
    let mut command = program("tls")?;
    command.arg("--authority").arg(folder.authority());
    Ok(command)
}

/// A running server, and its port.
fn serve_tls(folder: &Folder, arguments: &[&str]) -> Fallible<(Process, String)> {
    let mut command = tls(folder)?;
    command.args(arguments).args(["--listen", "127.0.0.1:0"]);
    let process = Process::start(&mut command, "listening on https://")?;
    let port = process.line.trim().rsplit(':').next().unwrap_or_default();
    let port = port.to_string();
    Ok((process, port))
}

/// Makes the browser of this home trust the authority, as the book says. If there is no certutil on this machine, and
/// nobody insists, the test says so, and the answer is no.
fn trust(folder: &Folder) -> Fallible<bool> {
    let database = folder.0.join(".pki/nssdb");
    fs::create_dir_all(&database)?;
    let database = format!("sql:{}", database.display());
    match run("certutil", &["-d", &database, "-N", "--empty-password"]) {
        Err(error) if error.kind() == ErrorKind::NotFound && env::var_os("CI").is_none() => {
            println!("skipped: there is no certutil here (Debian's package libnss3-tools)");
            return Ok(false);
        }
        made => made?,
    }
    let certificate = folder.authority().join("authority.crt");
    let certificate = certificate.display().to_string();
    let add = ["-A", "-t", "C,,", "-n", "workshop", "-i", &certificate];
    run("certutil", &[&["-d", &database][..], &add].concat())?;
    Ok(true)
}

fn run(program: &str, arguments: &[&str]) -> std::io::Result<()> {
    let status = Command::new(program).args(arguments).status()?;
    let sentence = || std::io::Error::other(format!("{program} {arguments:?}: {status}"));
    status.success().then_some(()).ok_or_else(sentence)
}

async fn join(browser: &Browser, name: &str) -> Outcome {
    browser
        .until("document.getElementById('state').textContent === 'open'")
        .await?;
    let field = browser.driver.find(By::Id("username")).await?;
    field.send_keys(name).await?;
    field.send_keys(Key::Enter).await?;
    browser
        .until("!document.getElementById('saying').hidden")
        .await
}

async fn say(browser: &Browser, message: &str) -> Outcome {
    let field = browser.driver.find(By::Id("message")).await?;
    field.send_keys(message).await?;
    field.send_keys(Key::Enter).await?;
    Ok(())
}

async fn hears(browser: &Browser, message: &str) -> Outcome {
    let text = "document.getElementById('messages').innerText";
    browser
        .until(&format!("{text}.includes({message:?})"))
        .await
}

/// Nobody types `https://`: the first window is led there.
#[tokio::test]
async fn two_windows_talk_over_tls() -> Outcome {
    let folder = Folder::new()?;
    let (_server, port) = serve_tls(&folder, &["chat"])?;
    if !trust(&folder)? {
        return Ok(());
    }
    in_browser_at(&folder.0, async |browser| {
        let driver = &browser.driver;
        driver.goto(format!("http://localhost:{port}/")).await?;
        let address = browser.text("location.href").await?;
        assert_eq!(address, format!("https://localhost:{port}/"));
        join(browser, "ada").await?;
        let ada = driver.window().await?;
        let ben = driver.new_window().await?;
        driver.switch_to_window(ben.clone()).await?;
        driver.goto(format!("https://localhost:{port}/")).await?;
        join(browser, "ben").await?;
        say(browser, "hi, ada").await?;
        driver.switch_to_window(ada).await?;
        hears(browser, "hi, ada").await?;
        say(browser, "hello, ben").await?;
        driver.switch_to_window(ben).await?;
        hears(browser, "hello, ben").await?;
        browser.keep_picture("chat-over-tls").await
    })
    .await
}

#[tokio::test]
async fn the_page_of_the_echo_server_finds_its_scheme() -> Outcome {
    let folder = Folder::new()?;
    let (_server, port) = serve_tls(&folder, &["echo"])?;
    if !trust(&folder)? {
        return Ok(());
    }
    in_browser_at(&folder.0, async |browser| {
        browser
            .driver
            .goto(format!("https://localhost:{port}/"))
            .await?;
        browser
            .until("document.getElementById('state').textContent.startsWith('open')")
            .await
    })
    .await
}

#[tokio::test]
async fn an_authority_that_is_not_trusted_leads_nowhere() -> Outcome {
    let folder = Folder::new()?;
    let (_server, port) = serve_tls(&folder, &["chat"])?;
    let (_page, page) = serve("echo", &[])?;
    in_browser_at(&folder.0, async |browser| {
        let driver = &browser.driver;
        for address in ["http", "https"].map(|scheme| format!("{scheme}://localhost:{port}/")) {
            let said = match driver.goto(&address).await {
                Ok(()) => browser.text("document.body.innerText").await?,
                Err(error) => error.to_string(),
            };
            assert!(said.contains("ERR_CERT_AUTHORITY_INVALID"), "{said}");
        }
        driver.goto(&page).await?;
        let open = format!(
            "const socket = new WebSocket('wss://localhost:{port}/socket');
             socket.onopen = () => window.seen = 'open';
             socket.onclose = ({{ code }}) => window.seen = 'close ' + code;"
        );
        driver.execute(open, Vec::new()).await?;
        browser.until("window.seen").await?;
        assert_eq!(browser.text("window.seen").await?, "close 1006");
        Ok(())
    })
    .await
}

/// Runs the client, which says one thing.
fn connects(folder: &Folder, arguments: &[&str], line: &str) -> Fallible<Output> {
    let mut client = tls(folder)?
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut input = client.stdin.take().ok_or("it has a stdin")?;
    // It may have ended before: then what it says is the verdict.
    _ = writeln!(input, "{line}");
    drop(input);
    Ok(client.wait_with_output()?)
}

#[test]
fn the_client_talks_over_tls_compressed_or_not() -> Outcome {
    const LINE: &str = r#"{"username":"ann","message":"hello, hello, hello"}"#;
    let folder = Folder::new()?;
    for server in [&["--compress", "chat"][..], &["chat"]] {
        let (_server, port) = serve_tls(&folder, server)?;
        let url = format!("wss://localhost:{port}/socket");
        for client in [&["--compress", "connect"][..], &["connect"]] {
            let output = connects(&folder, &[client, &[url.as_str()]].concat(), LINE)?;
            let said = String::from_utf8_lossy(&output.stdout);
            assert!(said.contains("hello, hello, hello"), "{output:?}");
            assert_eq!(output.status.code(), Some(0), "{output:?}");
        }
    }
    Ok(())
}

#[test]
fn a_client_that_trusts_a_different_authority_says_so() -> Outcome {
    let (ours, theirs) = (Folder::new()?, Folder::new()?);
    let (_server, port) = serve_tls(&theirs, &["chat"])?;
    let url = format!("wss://localhost:{port}/socket");
    let output = connects(&ours, &["connect", &url], "hello")?;
    let said = String::from_utf8_lossy(&output.stderr);
    let sentence = "the certificate is signed by an authority that isn't trusted here";
    assert!(said.contains(sentence), "{said}");
    assert_eq!(output.status.code(), Some(2), "{said}");
    Ok(())
}

/// The book shows this transcript. `target/debug/examples/h2` writes it.
#[test]
fn a_client_that_agrees_to_h2_fails() -> Outcome {
    let output = example("tls", "h2")?.output()?;
    let seen = String::from_utf8(output.stdout)?;
    let kept: &Path = &root().join("tests/snapshots/tls/h2.txt");
    assert_eq!(seen, fs::read_to_string(kept)?.replace("\r\n", "\n"));
    assert!(output.status.success());
    Ok(())
}
