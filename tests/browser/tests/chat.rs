//! The chat's page, in a real browser, against a real server: several tabs, a server that is started
//! anew, a message of which nobody knows whether it has arrived.

use browser::{Browser, Outcome, Process, free_ports, in_browser, serve, serve_at};
use thirtyfour::WindowHandle;
use thirtyfour::prelude::*;

/// The ids of the messages that a page shows, in order.
const IDS: &str =
    "Array.from(document.querySelectorAll('#messages [data-id]'), it => it.dataset.id)";

/// A name and a message that would take over a page that takes them for HTML.
const EVIL_NAME: &str = "<img src=x onerror=evil=1>";
const EVIL_MESSAGE: &str = "<img src=x onerror=\"document.title='owned'\"><script>evil=1</script>";

/// The step whose chat is tried: step 10, or with `CHAT=async` step 15, which has the same page.
fn chat() -> String {
    std::env::var("CHAT").unwrap_or_else(|_| "chat".to_string())
}

/// Opens the chat in a new tab.
async fn open(browser: &Browser, address: &str) -> WebDriverResult<WindowHandle> {
    let tab = browser.driver.new_tab().await?;
    browser.driver.switch_to_window(tab.clone()).await?;
    browser.driver.goto(address).await?;
    Ok(tab)
}

async fn open_as(
    browser: &Browser,
    address: &str,
    name: &str,
) -> Result<WindowHandle, Box<dyn std::error::Error>> {
    let tab = open(browser, address).await?;
    join(browser, name).await?;
    browser
        .until("!document.getElementById('saying').hidden")
        .await?;
    Ok(tab)
}

async fn join(browser: &Browser, name: &str) -> Outcome {
    is(browser, "open").await?;
    let field = browser.driver.find(By::Id("username")).await?;
    field.clear().await?;
    field.send_keys(name).await?;
    field.send_keys(Key::Enter).await?;
    Ok(())
}

async fn say(browser: &Browser, message: &str) -> Outcome {
    let field = browser.driver.find(By::Id("message")).await?;
    field.send_keys(message).await?;
    field.send_keys(Key::Enter).await?;
    // The field is emptied when the message has come back.
    browser
        .until("document.getElementById('message').value === ''")
        .await
}

async fn is(browser: &Browser, state: &str) -> Outcome {
    let shown = format!("document.getElementById('state').textContent === '{state}'");
    browser.until(&shown).await
}

async fn shows(browser: &Browser, messages: &[&str]) -> Outcome {
    let texts = "JSON.stringify(Array.from(document.querySelectorAll('#messages [data-id]'), \
                 it => it.innerText.slice((it.querySelector('time')?.innerText.length ?? -1) + 1)))";
    let expected = serde_json::to_string(messages)?;
    browser
        .until(&format!("{texts} === {expected:?}"))
        .await
        .map_err(|error| format!("{error}\nIt should say {expected}").into())
}

async fn complains(browser: &Browser, words: &str) -> Outcome {
    let has = format!("document.querySelector('[role=alert]').textContent.includes({words:?})");
    browser.until(&has).await
}

async fn click(browser: &Browser, id: &str) -> Outcome {
    browser.driver.find(By::Id(id)).await?.click().await?;
    Ok(())
}

async fn go_to(browser: &Browser, tab: &WindowHandle) -> WebDriverResult<()> {
    browser.driver.switch_to_window(tab.clone()).await
}

async fn run(browser: &Browser, script: &str) -> Outcome {
    browser.driver.execute(script, Vec::new()).await?;
    Ok(())
}

/// The part of an address behind `http://`.
fn listen(address: &str) -> &str {
    address.trim_start_matches("http://")
}

/// A server whose port is still free after its end.
fn serve_at_a_free_port() -> Result<(Process, String), Box<dyn std::error::Error>> {
    serve_at(&chat(), &format!("127.0.0.1:{}", free_ports(1)?), &[])
}

#[tokio::test]
async fn two_tabs_talk() -> Outcome {
    in_browser(async |browser| {
        let (_server, address) = serve(&chat(), &[])?;
        let ada = open_as(browser, &address, "ada").await?;
        let bob = open(browser, &address).await?;
        // A name is given once, and the page says so.
        join(browser, "ada").await?;
        complains(browser, "taken").await?;
        join(browser, "bob").await?;
        browser
            .until("!document.getElementById('saying').hidden")
            .await?;
        say(browser, "hi").await?;
        go_to(browser, &ada).await?;
        shows(browser, &["bob: hi"]).await?;
        say(browser, "hello, bob").await?;
        for tab in [&ada, &bob] {
            go_to(browser, tab).await?;
            shows(browser, &["bob: hi", "ada: hello, bob"]).await?;
            browser
                .until("document.getElementById('present').innerText.includes('Here now: 2')")
                .await?;
        }
        // A reload brings both back: what was said, and the name.
        browser.driver.refresh().await?;
        shows(browser, &["bob: hi", "ada: hello, bob"]).await?;
        browser
            .until("document.getElementById('people').innerText.includes('bob (you)')")
            .await
    })
    .await
}

#[tokio::test]
async fn a_person_who_asks_for_a_name_twice_can_speak() -> Outcome {
    in_browser(async |browser| {
        let (_server, address) = serve(&chat(), &[])?;
        open(browser, &address).await?;
        is(browser, "open").await?;
        let field = browser.driver.find(By::Id("username")).await?;
        field.send_keys("ada").await?;
        run(
            browser,
            "const naming = document.getElementById('naming');
             naming.requestSubmit();
             naming.requestSubmit();",
        )
        .await?;
        browser
            .until("!document.getElementById('saying').hidden")
            .await?;
        say(browser, "hi").await?;
        shows(browser, &["ada: hi"]).await
    })
    .await
}

/// A computer that has slept may have lost its connection, and nobody tells its page.
#[tokio::test]
async fn a_page_that_comes_back_asks_whether_the_server_is_there() -> Outcome {
    in_browser(async |browser| {
        let (_server, address) = serve(&chat(), &[])?;
        open_as(browser, &address, "ada").await?;
        click(browser, "frames").await?;
        let sent =
            |count| format!("document.getElementById('sent').textContent.startsWith('{count} ·')");
        browser.until(&sent(1)).await?;
        run(
            browser,
            "const now = Date.now;
             const look = (hidden, later) => {
               Object.defineProperty(document, 'hidden', { value: hidden, configurable: true });
               Date.now = () => now() + later;
               document.dispatchEvent(new Event('visibilitychange'));
             };
             look(true, 0);
             look(false, 20_000);
             look(true, 0);
             look(false, 40_000);",
        )
        .await?;
        browser.until(&sent(2)).await?;
        // The answer has come, and nothing else has changed.
        say(browser, "still here").await?;
        browser.until(&sent(3)).await?;
        shows(browser, &["ada: still here"]).await
    })
    .await
}

#[tokio::test]
async fn a_page_that_joins_while_others_speak_misses_nothing() -> Outcome {
    // Four speak: each the next time when it has heard itself, until three tabs have been opened, have
    // the history, and have heard fifty messages more. A page shows 500 at most.
    const SPEAK: &str = "
        window.total = 0;
        window.enough = 450;
        window.tabs = [];
        const caughtUp = ({ document }) => document?.getElementById('count')?.textContent === '4';
        for (const username of ['ada', 'bob', 'cy', 'dora']) {
          const socket = new WebSocket('ws://' + location.host + '/socket');
          const say = async () => {
            await fetch('/people');
            if (total === 20) tabs = ['/', '/', '/'].map((page) => open(page));
            if (tabs.length > 0 && tabs.every(caughtUp)) enough = Math.min(enough, total + 50);
            if (total < enough) {
              total += 1;
              socket.send(JSON.stringify({ username, message: 'message ' + total }));
            }
          };
          socket.onopen = say;
          socket.onmessage = ({ data }) => JSON.parse(data).username === username && say();
        }";
    in_browser(async |browser| {
        let many = ["--rate", "100000", "--max-history", "1000"];
        let (_server, address) = serve(&chat(), &many)?;
        browser.driver.goto(address.as_str()).await?;
        is(browser, "open").await?;
        run(browser, SPEAK).await?;
        browser
            .until("window.tabs.length === 3 && window.total === window.enough")
            .await?;
        let total: usize = browser.text("window.total").await?.parse()?;
        ensure(total < 450, "all was said before the tabs were open".into())?;
        let mut expected = None;
        for tab in browser.driver.windows().await? {
            go_to(browser, &tab).await?;
            browser.until(&format!("{IDS}.length >= {total}")).await?;
            let ids = browser.text(IDS).await?;
            let expected = expected.get_or_insert_with(|| ids.clone());
            ensure(ids == *expected, format!("{ids}\nis not\n{expected}"))?;
            // Each message once, in the order of the ids.
            let each_once = format!(
                "{IDS}.length === {total} && \
                 {IDS}.every((id, at, ids) => at === 0 || +id === +ids[at - 1] + 1)"
            );
            browser.until(&each_once).await?;
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_server_that_restarts_gets_its_tabs_back() -> Outcome {
    in_browser(async |browser| {
        let (server, address) = serve_at_a_free_port()?;
        let ada = open_as(browser, &address, "ada").await?;
        say(browser, "one").await?;
        let bob = open_as(browser, &address, "bob").await?;
        say(browser, "two").await?;
        // What the server hasn't sent yet when it is killed is lost with its history.
        go_to(browser, &ada).await?;
        shows(browser, &["ada: one", "bob: two"]).await?;
        drop(server);
        for tab in [&ada, &bob] {
            go_to(browser, tab).await?;
            browser
                .until(
                    "document.getElementById('detail').textContent.includes('The server is gone')",
                )
                .await?;
        }
        let field = browser.driver.find(By::Id("message")).await?;
        field.send_keys("half a thought").await?;
        field.send_keys(Key::Enter).await?;
        complains(browser, "Your text is still here").await?;

        let (_server, _) = serve_at(&chat(), listen(&address), &[])?;
        for tab in [&ada, &bob] {
            go_to(browser, tab).await?;
            is(browser, "open").await?;
            browser
                .until("document.getElementById('people').children.length === 2")
                .await?;
        }
        browser
            .until("document.getElementById('message').value === 'half a thought'")
            .await?;
        say(browser, "").await?;
        go_to(browser, &ada).await?;
        say(browser, "three").await?;
        for tab in [&ada, &bob] {
            go_to(browser, tab).await?;
            shows(
                browser,
                &["ada: one", "bob: two", "bob: half a thought", "ada: three"],
            )
            .await?;
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn messages_that_were_said_meanwhile_come_once() -> Outcome {
    in_browser(async |browser| {
        let (_server, address) = serve(&chat(), &[])?;
        let ada = open_as(browser, &address, "ada").await?;
        say(browser, "one").await?;
        let bob = open_as(browser, &address, "bob").await?;
        go_to(browser, &ada).await?;
        click(browser, "switch").await?;
        is(browser, "closed").await?;
        browser
            .until("document.getElementById('detail').textContent === 'You have disconnected.'")
            .await?;
        go_to(browser, &bob).await?;
        say(browser, "two").await?;
        say(browser, "three").await?;
        go_to(browser, &ada).await?;
        // Who goes on purpose comes back on purpose, and not because the tab is in view again.
        is(browser, "closed").await?;
        click(browser, "switch").await?;
        is(browser, "open").await?;
        shows(browser, &["ada: one", "bob: two", "bob: three"]).await?;
        say(browser, "four").await?;
        go_to(browser, &bob).await?;
        let all = ["ada: one", "bob: two", "bob: three", "ada: four"];
        shows(browser, &all).await
    })
    .await
}

#[tokio::test]
async fn a_message_that_was_on_its_way_is_found_or_kept() -> Outcome {
    // A WebSocket that can be deaf: what the server says doesn't reach the page.
    const DEAF: &str = "
        window.WebSocket = class extends WebSocket {
          constructor(...how) {
            super(...how);
            window.latest = this;
          }
          set onmessage(hear) {
            super.onmessage = hear && ((event) => window.deaf || hear(event));
          }
        };";
    in_browser(async |browser| {
        let (server, address) = serve_at_a_free_port()?;
        browser.before_each_page(DEAF).await?;
        browser.driver.goto(address.as_str()).await?;
        join(browser, "ada").await?;
        browser
            .until("!document.getElementById('saying').hidden")
            .await?;

        // It has arrived, and the answer is lost: the history has it.
        run(browser, "window.deaf = true").await?;
        send(browser, "did you get this?").await?;
        let heard =
            "fetch('/messages?after=0').then(it => it.text()).then(it => window.heard = it)";
        browser
            .until(&format!(
                "({heard}, window.heard?.includes('did you get this'))"
            ))
            .await?;
        run(browser, "window.latest.close(); window.deaf = false").await?;
        is(browser, "open").await?;
        shows(browser, &["ada: did you get this?"]).await?;
        browser
            .until("document.getElementById('message').value === ''")
            .await?;
        browser
            .until("document.querySelector('[role=alert]').textContent === ''")
            .await?;

        // The server is gone, and so is its history: nobody knows.
        browser
            .until("document.getElementById('people').children.length === 1")
            .await?;
        run(browser, "window.deaf = true").await?;
        send(browser, "and this?").await?;
        drop(server);
        complains(browser, "nobody knows").await?;
        run(browser, "window.deaf = false").await?;
        let (_server, _) = serve_at(&chat(), listen(&address), &[])?;
        is(browser, "open").await?;
        complains(browser, "not in the server’s history").await?;
        browser
            .until("document.getElementById('message').value === 'and this?'")
            .await?;
        say(browser, "").await?;
        shows(browser, &["ada: did you get this?", "ada: and this?"]).await
    })
    .await
}

async fn send(browser: &Browser, message: &str) -> Outcome {
    let field = browser.driver.find(By::Id("message")).await?;
    field.send_keys(message).await?;
    field.send_keys(Key::Enter).await?;
    Ok(())
}

#[tokio::test]
async fn text_is_only_ever_text() -> Outcome {
    in_browser(async |browser| {
        let (_server, address) = serve(&chat(), &[])?;
        let first = open_as(browser, &address, "ada").await?;
        run(browser, "document.getElementById('frames').open = true").await?;
        open_as(browser, &address, EVIL_NAME).await?;
        say(browser, EVIL_MESSAGE).await?;
        let line = format!("{EVIL_NAME}: {EVIL_MESSAGE}");
        shows(browser, &[&line]).await?;
        go_to(browser, &first).await?;
        shows(browser, &[&line]).await?;
        // It is in the log, among the people, and in the drawing of a frame.
        for place in ["people", "drawings"] {
            let says = format!(
                "document.getElementById('{place}').innerText.includes('<img src=x onerror')"
            );
            browser.until(&says).await?;
        }
        browser
            .until("document.querySelector('img') === null && document.scripts.length === 1")
            .await?;
        browser
            .until("document.title === 'Chat' && window.evil === undefined")
            .await
    })
    .await
}

#[tokio::test]
async fn a_frame_is_drawn_with_its_sizes() -> Outcome {
    in_browser(async |browser| {
        let (_server, address) = serve(&chat(), &[])?;
        open_as(browser, &address, "ada").await?;
        click(browser, "frames").await?;
        for (message, header) in [
            // {"username":"ada","message":"hi"} has 33 bytes.
            ("hi", "81 a1 ? ? ? ?"),
            ("é", "81 a1 ? ? ? ?"),
            (&"x".repeat(94), "81 fd ? ? ? ?"),
            (&"x".repeat(95), "81 fe 00 7e ? ? ? ?"),
        ] {
            say(browser, message).await?;
            let sent = "Array.from(document.querySelectorAll('#drawings > li')).find(it => \
                        it.innerText.includes('sent'))";
            browser
                .until(&format!("{sent}.innerText.includes('Header: {header}\\n')"))
                .await?;
        }
        browser
            .until("document.getElementById('extensions').textContent === 'none'")
            .await?;
        browser
            .until("!document.getElementById('compressed').checkVisibility()")
            .await?;
        // The totals are those of all frames, also of those that were sent before the drawer was opened.
        let sent = 6 + r#"{"username":"ada"}"#.len() + 2 * (6 + 33) + (6 + 125) + (8 + 126);
        browser
            .until(&format!(
                "document.getElementById('sent').textContent === '5 · {sent} bytes'"
            ))
            .await?;
        // Both states of the end are there to be seen.
        click(browser, "switch").await?;
        is(browser, "closed").await?;
        let states = "Array.from(document.querySelectorAll('#drawings h3'), it => it.textContent)";
        browser
            .until(&format!(
                "String({states}.slice(0, 2)) === 'closed,closing'"
            ))
            .await
    })
    .await
}

/// A page isn't told how many bytes a compressed message takes, so it doesn't say.
#[tokio::test]
async fn no_bytes_are_claimed_where_messages_are_compressed() -> Outcome {
    in_browser(async |browser| {
        let (_server, address) = serve(&chat(), &[])?;
        open_as(browser, &address, "ada").await?;
        // As if the next connection had agreed on it.
        let agrees = "Object.defineProperty(WebSocket.prototype, 'extensions', \
                      { get: () => 'permessage-deflate; client_max_window_bits=15' })";
        run(browser, agrees).await?;
        click(browser, "switch").await?;
        is(browser, "closed").await?;
        click(browser, "switch").await?;
        is(browser, "open").await?;
        say(browser, "hi").await?;
        tab_to(browser, "Frames").await?;
        browser.press(" ").await?;
        browser
            .until("document.getElementById('compressed').checkVisibility()")
            .await?;
        let sent = "Array.from(document.querySelectorAll('#drawings > li')).find(it => \
                    it.innerText.includes('sent'))";
        // {"username":"ada","message":"hi"} has 33 bytes.
        for words in ["33 bytes of text, before compression", "RSV1", "Payload: "] {
            browser
                .until(&format!("{sent}.innerText.includes('{words}')"))
                .await?;
        }
        browser
            .until(&format!("!{sent}.innerText.includes('Header: ')"))
            .await?;
        let text = 2 * r#"{"username":"ada"}"#.len() + 33;
        browser
            .until(&format!(
                "document.getElementById('sent').textContent === '3 · {text} bytes of text'"
            ))
            .await
    })
    .await
}

#[tokio::test]
async fn the_keyboard_is_enough() -> Outcome {
    in_browser(async |browser| {
        let (_server, address) = serve(&chat(), &[])?;
        browser.driver.goto(address.as_str()).await?;
        is(browser, "open").await?;
        tab_to(browser, "username").await?;
        browser.press("ada").await?;
        browser.press(Key::Enter).await?;
        // The field in which one was has gone; one is where one goes on.
        browser
            .until("document.activeElement.id === 'message'")
            .await?;
        browser.press("hi").await?;
        browser.press(Key::Enter).await?;
        shows(browser, &["ada: hi"]).await?;
        browser
            .until("document.activeElement.id === 'message'")
            .await?;

        // Everything can be reached, in the order in which it stands, and left again.
        run(
            browser,
            "document.activeElement.blur(); getSelection().removeAllRanges()",
        )
        .await?;
        let mut order = Vec::new();
        for _ in 0..12 {
            browser.press(Key::Tab).await?;
            let name = "(document.activeElement.id || document.activeElement.innerText).trim()";
            let at = browser.text(name).await?;
            if order.contains(&at) {
                break;
            }
            order.push(at);
        }
        // After the last, the browser's own controls, or the page itself.
        let start = order.iter().position(|it| it == "switch").unwrap_or(0);
        order.rotate_left(start);
        let expected = ["switch", "log", "message", "Send", "rename", "Frames"];
        ensure(
            order.starts_with(&expected.map(String::from)),
            format!("{order:?}"),
        )?;

        tab_to(browser, "log").await?;
        tab_to(browser, "Frames").await?;
        browser.press(Key::Enter).await?;
        browser
            .until("document.getElementById('drawings').children.length > 0")
            .await?;
        tab_to(browser, "switch").await?;
        browser.press(Key::Enter).await?;
        is(browser, "closed").await?;
        browser
            .until("document.activeElement.id === 'switch'")
            .await?;
        browser.press(" ").await?;
        is(browser, "open").await?;
        tab_to(browser, "rename").await?;
        browser.press(Key::Enter).await?;
        browser
            .until("document.activeElement.id === 'username'")
            .await?;
        browser.press("lovelace").await?;
        browser.press(Key::Enter).await?;
        browser
            .until("document.getElementById('people').innerText === 'lovelace (you)'")
            .await
    })
    .await
}

/// Presses Tab until the element with this id, or this text, has the focus; one must see that.
async fn tab_to(browser: &Browser, name: &str) -> Outcome {
    for _ in 0..20 {
        browser.press(Key::Tab).await?;
        let here = "(document.activeElement.id || document.activeElement.innerText).trim()";
        if browser.text(here).await? == name {
            return browser
                .until("getComputedStyle(document.activeElement).outlineStyle === 'solid'")
                .await;
        }
    }
    Err(format!("the Tab key doesn't lead to `{name}`").into())
}

#[tokio::test]
async fn nothing_is_wider_than_a_phone() -> Outcome {
    in_browser(async |browser| {
        let (server, address) = serve(&chat(), &[])?;
        browser.width(320).await?;
        open_as(browser, &address, &"W".repeat(32)).await?;
        say(browser, &"Donaudampfschifffahrt".repeat(10)).await?;
        say(browser, EVIL_MESSAGE).await?;
        click(browser, "frames").await?;
        look(browser, "chat-open").await?;
        click(browser, "rename").await?;
        look(browser, "chat-rename").await?;
        send(browser, "too late").await?;
        drop(server);
        is(browser, "closed").await?;
        look(browser, "chat-closed").await
    })
    .await
}

/// Pictures in light and dark, on a phone and on a desk, where nothing may stick out.
async fn look(browser: &Browser, name: &str) -> Outcome {
    for (width, dark) in [(1000, false), (1000, true), (320, true), (320, false)] {
        browser.width(width).await?;
        browser.dark(dark).await?;
        browser
            .until(&format!("document.documentElement.scrollWidth <= {width}"))
            .await?;
        let look = if dark { "dark" } else { "light" };
        browser
            .keep_picture(&format!("{name}-{width}-{look}"))
            .await?;
    }
    Ok(())
}

/// The line that speaks of the connection says only what is true at the moment.
#[tokio::test]
async fn good_news_of_a_connection_ends_with_it() -> Outcome {
    const NEWS: &str = "document.getElementById('news').textContent";
    in_browser(async |browser| {
        let (_server, address) = serve(&chat(), &[])?;
        open_as(browser, &address, "ada").await?;
        click(browser, "switch").await?;
        is(browser, "closed").await?;
        send(browser, "a thought").await?;
        complains(browser, "there is no connection").await?;
        click(browser, "switch").await?;
        browser
            .until(&format!("{NEWS}.startsWith('There is a connection again')"))
            .await?;
        // It is good news, and doesn't look like a problem.
        browser
            .until("document.getElementById('problem').textContent === ''")
            .await?;
        click(browser, "switch").await?;
        is(browser, "closed").await?;
        browser.until(&format!("{NEWS} === ''")).await?;
        browser
            .until("document.getElementById('message').value === 'a thought'")
            .await
    })
    .await
}

/// The line on top is for people; codes, reasons and addresses are among the frames.
#[tokio::test]
async fn the_wire_is_for_the_drawer() -> Outcome {
    const DETAIL: &str = "document.getElementById('detail').textContent";
    const DRAWN: &str = "document.getElementById('drawings').innerText";
    in_browser(async |browser| {
        let (_server, address) = serve(&chat(), &[])?;
        browser.driver.goto(address.as_str()).await?;
        is(browser, "open").await?;
        browser
            .until(&format!("{DETAIL} === 'You are connected.'"))
            .await?;
        click(browser, "switch").await?;
        is(browser, "closed").await?;
        browser
            .until(&format!("{DETAIL} === 'You have disconnected.'"))
            .await?;
        click(browser, "frames").await?;
        for words in ["ws://", "Code 1000"] {
            browser
                .until(&format!("{DRAWN}.includes('{words}')"))
                .await?;
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_page_says_what_is_true() -> Outcome {
    in_browser(async |browser| {
        let (_server, address) = serve(&chat(), &[])?;
        let ada = open(browser, &address).await?;
        is(browser, "open").await?;
        // One who comes can type a name at once, and is told what they are so far.
        browser
            .until("document.activeElement.id === 'username'")
            .await?;
        browser
            .until("document.getElementById('present').innerText.includes('You are looking on.')")
            .await?;
        let nothing_yet = "document.getElementById('empty').checkVisibility()";
        browser.until(nothing_yet).await?;
        join(browser, "ada").await?;
        browser
            .until("!document.getElementById('present').innerText.includes('looking on')")
            .await?;
        open_as(browser, &address, "bob").await?;
        say(browser, "hi").await?;
        // What is new has a time; what came as history has none that is known.
        let times = |count| {
            format!("document.querySelectorAll('#messages time[datetime]').length === {count}")
        };
        go_to(browser, &ada).await?;
        browser.until(&format!("!{nothing_yet}")).await?;
        browser.until(&times(1)).await?;
        open(browser, &address).await?;
        browser.until(&format!("{IDS}.length === 1")).await?;
        browser.until(&times(0)).await
    })
    .await
}

#[tokio::test]
async fn the_log_is_not_empty_when_a_person_has_come() -> Outcome {
    in_browser(async |browser| {
        let (_server, address) = serve(&chat(), &[])?;
        let watcher = open(browser, &address).await?;
        is(browser, "open").await?;
        open_as(browser, &address, "ada").await?;
        go_to(browser, &watcher).await?;
        browser
            .until("document.getElementById('messages').innerText.includes('ada came')")
            .await?;
        browser
            .until("!document.getElementById('empty').checkVisibility()")
            .await
    })
    .await
}

/// A mark of direction turns around what is beside it, unless that is isolated.
#[tokio::test]
async fn a_mark_of_direction_affects_only_its_own_text() -> Outcome {
    in_browser(async |browser| {
        let (_server, address) = serve(&chat(), &[])?;
        open_as(browser, &address, "ada").await?;
        run(
            browser,
            "document.getElementById('message').value = '\u{202e}abc'",
        )
        .await?;
        say(browser, "").await?;
        click(browser, "frames").await?;
        let isolates = |selector: &str| {
            format!(
                "(() => {{
                   const it = Array.from(document.querySelectorAll('{selector}'));
                   const found = it.find((it) => it.textContent.includes('\u{202e}'));
                   return found && getComputedStyle(found).unicodeBidi === 'isolate';
                 }})()"
            )
        };
        browser.until(&isolates("#messages bdi")).await?;
        browser.until(&isolates("#drawings code")).await
    })
    .await
}

/// On a small phone one can always write, whatever the page has to say.
#[tokio::test]
async fn the_message_field_is_in_view_on_a_small_phone() -> Outcome {
    in_browser(async |browser| {
        let (server, address) = serve(&chat(), &[])?;
        open_as(browser, &address, "ada").await?;
        // A size is that of one tab.
        browser.size(320, 640).await?;
        let in_view = "document.querySelector('#saying button').getBoundingClientRect().bottom <= 640 && scrollY === 0";
        browser.keep_picture("chat-phone-open").await?;
        browser.until(in_view).await?;
        drop(server);
        is(browser, "closed").await?;
        browser
            .until("document.getElementById('countdown').textContent !== ''")
            .await?;
        browser.until(in_view).await?;
        browser.keep_picture("chat-phone-closed").await?;
        let log = "document.getElementById('log').clientHeight > 60";
        browser.until(log).await?;
        browser.dark(true).await?;
        browser.size(1000, 700).await?;
        browser.until(in_view).await?;
        browser.keep_picture("chat-desk-closed").await
    })
    .await
}

#[tokio::test]
async fn the_countdown_is_not_read_out() -> Outcome {
    in_browser(async |browser| {
        let (server, address) = serve(&chat(), &[])?;
        browser.driver.goto(address.as_str()).await?;
        join(browser, "ada").await?;
        browser
            .until("!document.getElementById('saying').hidden")
            .await?;
        // The history is silent, the news aren't.
        browser
            .until("document.getElementById('log').ariaLive === 'polite'")
            .await?;
        drop(server);
        browser
            .until("document.getElementById('countdown').textContent.includes('Connecting again')")
            .await?;
        browser
            .until("!document.getElementById('countdown').closest('[role=status], [role=alert], [aria-live]')")
            .await?;
        browser
            .until("document.getElementById('log').ariaLive === 'off'")
            .await
    })
    .await
}

/// An error instead of a panic, so that the browser is closed properly.
fn ensure(holds: bool, otherwise: String) -> Outcome {
    if holds { Ok(()) } else { Err(otherwise.into()) }
}
