//! Step 16 in a real browser: two windows at two servers, of which one is killed; and what the page shows while Redis is
//! away. Needs redis-server and nginx, too.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, id};

use browser::{Browser, Outcome, Process, free_ports, in_browser, program, root, serve_at};
use thirtyfour::prelude::*;

type Fallible<T> = Result<T, Box<dyn std::error::Error>>;

/// A folder that ends with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Fallible<Self> {
        let path = env::temp_dir().join(format!("workshop-{name}-{}", id()));
        fs::create_dir_all(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        _ = fs::remove_dir_all(&self.0);
    }
}

/// The program, if it is on this machine. If it isn't, and nobody insists, the test says so.
fn is_here(name: &str) -> Fallible<bool> {
    // Not everyone has /usr/sbin in the path.
    let mut folders: Vec<PathBuf> =
        env::split_paths(&env::var_os("PATH").unwrap_or_default()).collect();
    folders.push("/usr/sbin".into());
    if folders.iter().any(|it| it.join(name).exists()) {
        return Ok(true);
    }
    if env::var_os("CI").is_some() {
        return Err(format!("there is no {name} here").into());
    }
    println!("skipped: there is no {name} here");
    Ok(false)
}

fn redis(port: u16, folder: &Path) -> Fallible<Process> {
    let mut command = Command::new("redis-server");
    command.args([
        "--port",
        &port.to_string(),
        "--bind",
        "127.0.0.1",
        "--save",
        "",
        "--appendonly",
        "yes",
    ]);
    command.arg("--dir").arg(folder);
    Process::start(&mut command, "Ready to accept connections")
}

/// A server on this Redis, and its port.
fn server(redis: u16) -> Fallible<(Process, String)> {
    let mut command = program("scale-out")?;
    command.args([
        "--listen",
        "127.0.0.1:0",
        "--bus",
        &format!("redis://127.0.0.1:{redis}"),
    ]);
    let process = Process::start(&mut command, "listening on ")?;
    let port = process
        .line
        .trim()
        .rsplit(':')
        .next()
        .unwrap_or_default()
        .to_string();
    Ok((process, port))
}

/// nginx before two servers, and its address.
fn nginx(servers: [&str; 2], folder: &Path) -> Fallible<(Process, String)> {
    let port = free_ports(1)?.to_string();
    let site = fs::read_to_string(root().join("tests/scale/servers.conf"))?
        .replace("127.0.0.1:9016", &format!("127.0.0.1:{}", servers[0]))
        .replace("127.0.0.1:9017", &format!("127.0.0.1:{}", servers[1]))
        .replace("127.0.0.1:8080", &format!("127.0.0.1:{port}"))
        .replace("127.0.0.1:8081", &format!("127.0.0.1:{}", free_ports(1)?));
    fs::write(folder.join("site.conf"), site)?;
    let folders = ["body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let folders = folders.map(|it| match it {
        "body" => "client_body_temp_path body;".to_string(),
        it => format!("{it}_temp_path {it};"),
    });
    // Without a master there is one process, which ends with the test. It runs as whoever runs the test.
    let configuration = format!(
        "daemon off; master_process off; pid nginx.pid; error_log stderr notice; events {{}}\n\
         http {{ access_log off; {} include site.conf; }}",
        folders.join(" ")
    );
    fs::write(folder.join("nginx.conf"), configuration)?;
    let mut command = Command::new("sh");
    let path = env::var("PATH").unwrap_or_default() + ":/usr/sbin";
    command
        .env("PATH", path)
        .args(["-c", "exec nginx -p \"$0\" -c nginx.conf -e stderr 2>&1"]);
    command.arg(folder);
    let process = Process::start(&mut command, "using the \"")?;
    Ok((process, format!("http://127.0.0.1:{port}")))
}

async fn open_as(browser: &Browser, address: &str, name: &str) -> Fallible<WindowHandle> {
    let window = browser.driver.new_window().await?;
    browser.driver.switch_to_window(window.clone()).await?;
    browser.driver.goto(address).await?;
    is(browser, "open").await?;
    let field = browser.driver.find(By::Id("username")).await?;
    field.send_keys(name).await?;
    field.send_keys(Key::Enter).await?;
    browser
        .until("!document.getElementById('saying').hidden")
        .await?;
    Ok(window)
}

async fn is(browser: &Browser, state: &str) -> Outcome {
    browser
        .until(&format!(
            "document.getElementById('state').textContent === '{state}'"
        ))
        .await
}

async fn type_message(browser: &Browser, message: &str) -> Outcome {
    let field = browser.driver.find(By::Id("message")).await?;
    field.send_keys(message).await?;
    field.send_keys(Key::Enter).await?;
    Ok(())
}

async fn say(browser: &Browser, message: &str) -> Outcome {
    type_message(browser, message).await?;
    browser
        .until("document.getElementById('message').value === ''")
        .await
}

/// The same, for a page that may be about to lose its server: it keeps the text, and the person sends it again.
async fn say_in_the_end(browser: &Browser, message: &str) -> Outcome {
    type_message(browser, message).await?;
    let field = "document.getElementById('message').value";
    let kept = "document.getElementById('news').textContent.includes('send it now')";
    browser.until(&format!("{field} === '' || {kept}")).await?;
    if browser.text(field).await?.is_empty() {
        return Ok(());
    }
    let field = browser.driver.find(By::Id("message")).await?;
    field.send_keys(Key::Enter).await?;
    browser
        .until("document.getElementById('message').value === ''")
        .await
}

/// Each message is there once, in this order, and none may be missing.
async fn shows(browser: &Browser, messages: &[&str]) -> Outcome {
    let texts = "JSON.stringify(Array.from(document.querySelectorAll('#messages [data-id]'), \
                 it => it.innerText.slice((it.querySelector('time')?.innerText.length ?? -1) + 1)))";
    let expected = serde_json::to_string(messages)?;
    browser.until(&format!("{texts} === {expected:?}")).await?;
    browser
        .until("!document.getElementById('messages').innerText.includes('may be missing')")
        .await
}

async fn go_to(browser: &Browser, window: &WindowHandle) -> WebDriverResult<()> {
    browser.driver.switch_to_window(window.clone()).await
}

#[tokio::test]
async fn two_windows_talk_on_after_a_server_was_killed() -> Outcome {
    if !is_here("redis-server")? || !is_here("nginx")? {
        return Ok(());
    }
    in_browser(async |browser| {
        let folder = Folder::new("scale")?;
        let port = free_ports(1)?;
        let _redis = redis(port, &folder.0)?;
        let (one, one_port) = server(port)?;
        let (_other, other_port) = server(port)?;
        let (_nginx, address) = nginx([&one_port, &other_port], &folder.0)?;
        let ada = open_as(browser, &address, "ada").await?;
        let bob = open_as(browser, &address, "bob").await?;
        say(browser, "hi ada").await?;
        go_to(browser, &ada).await?;
        shows(browser, &["bob: hi ada"]).await?;
        drop(one);
        say_in_the_end(browser, "still there?").await?;
        for window in [&ada, &bob] {
            go_to(browser, window).await?;
            is(browser, "open").await?;
            shows(browser, &["bob: hi ada", "ada: still there?"]).await?;
            browser.until("!document.getElementById('saying').hidden").await?;
            browser.until("document.getElementById('people').innerText.includes('ada') && document.getElementById('people').innerText.includes('bob')").await?;
        }
        say(browser, "always").await?;
        browser.keep_picture("scale-out-killed").await?;
        go_to(browser, &ada).await?;
        shows(browser, &["bob: hi ada", "ada: still there?", "bob: always"]).await
    })
    .await
}

#[tokio::test]
async fn the_page_says_that_redis_is_away() -> Outcome {
    if !is_here("redis-server")? {
        return Ok(());
    }
    in_browser(async |browser| {
        let folder = Folder::new("away")?;
        let port = free_ports(1)?;
        let running = redis(port, &folder.0)?;
        let (_server, server_port) = server(port)?;
        let address = format!("http://127.0.0.1:{server_port}");
        let ada = open_as(browser, &address, "ada").await?;
        say(browser, "before").await?;
        drop(running);
        let away = "document.getElementById('detail').textContent.includes('can’t be reached')";
        browser.until(away).await?;
        is(browser, "open").await?;
        type_message(browser, "meanwhile").await?;
        let kept = "document.querySelector('[role=alert]').textContent.includes('your text is still here')";
        browser.until(kept).await?;
        browser.keep_picture("scale-out-away").await?;
        // A page that comes now is told, too, and gets the history.
        let newcomer = browser.driver.new_window().await?;
        go_to(browser, &newcomer).await?;
        browser.driver.goto(&address).await?;
        browser.until(away).await?;
        shows(browser, &["ada: before"]).await?;
        let _again = redis(port, &folder.0)?;
        for window in [&newcomer, &ada] {
            go_to(browser, window).await?;
            browser.until("document.getElementById('detail').textContent === 'You are connected.'").await?;
        }
        let field = browser.driver.find(By::Id("message")).await?;
        field.send_keys(Key::Enter).await?;
        let texts = "Array.from(document.querySelectorAll('#messages [data-id] bdi'), it => it.textContent)";
        browser.until(&format!("{texts}.join() === 'ada,before,ada,meanwhile'")).await
    })
    .await
}

#[tokio::test]
async fn two_servers_in_one_process_are_one_chat() -> Outcome {
    in_browser(async |browser| {
        let port = free_ports(2)?;
        let listen = format!("127.0.0.1:{port}");
        let (_servers, one) = serve_at("scale-out", &listen, &[])?;
        let other = format!("http://127.0.0.1:{}", port + 1);
        let ada = open_as(browser, &one, "ada").await?;
        open_as(browser, &other, "bob").await?;
        say(browser, "from the other server").await?;
        go_to(browser, &ada).await?;
        shows(browser, &["bob: from the other server"]).await
    })
    .await
}
