//! The apps on events, in a real browser, against real servers; some behind a proxy that lets no
//! WebSocket through, or kills connections.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use browser::{Browser, Outcome, Process, in_browser, serve_example};
use thirtyfour::WindowHandle;
use thirtyfour::prelude::*;

/// How many connections are killed at most: a page that fails again and again makes long pauses.
const MAX_KILLS: usize = 8;

/// Text that would take over a page that takes it for HTML.
const EVIL: &str = "<img src=x onerror=\"document.title='owned'\">";

type Error = Box<dyn std::error::Error>;

// A proxy

/// Passes on what a browser and a server say to each other, as far as it is told to.
#[derive(Clone)]
struct Proxy {
    address: String,
    server: Arc<Mutex<String>>,
    /// Whether it refuses upgrades, as some middlemen do.
    refuses: Arc<AtomicBool>,
    /// After how many bytes from the server a connection is killed; 0 for never.
    kills_after: Arc<AtomicUsize>,
    killed: Arc<AtomicUsize>,
}

impl Proxy {
    fn start(server: &str) -> Result<Self, Error> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let proxy = Self {
            address: format!("http://{}", listener.local_addr()?),
            server: Arc::default(),
            refuses: Arc::default(),
            kills_after: Arc::default(),
            killed: Arc::default(),
        };
        proxy.leads_to(server);
        let it = proxy.clone();
        thread::spawn(move || {
            for browser in listener.incoming().flatten() {
                let it = it.clone();
                thread::spawn(move || it.pass(browser));
            }
        });
        Ok(proxy)
    }

    fn leads_to(&self, server: &str) {
        let server = server.trim_start_matches("http://").to_string();
        *self.server.lock().expect("nobody panics with it") = server;
    }

    /// One connection. A request's head comes in one piece: this browser is on the same machine.
    fn pass(&self, mut browser: TcpStream) -> Option<()> {
        let mut head = vec![0; 16 * 1024];
        let count = browser.read(&mut head).ok()?;
        let is_upgrade = String::from_utf8_lossy(&head[..count]).contains("Upgrade: websocket");
        if is_upgrade && self.refuses.load(Ordering::Relaxed) {
            let refusal =
                "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            return browser.write_all(refusal.as_bytes()).ok();
        }
        let server = self.server.lock().ok()?.clone();
        let mut server = TcpStream::connect(server).ok()?;
        server.write_all(&head[..count]).ok()?;
        let (mut up, mut to) = (browser.try_clone().ok()?, server.try_clone().ok()?);
        thread::spawn(move || {
            _ = std::io::copy(&mut up, &mut to);
            _ = to.shutdown(Shutdown::Write);
        });
        let mut passed = 0;
        let mut piece = [0; 1024];
        loop {
            // A server that is killed before it has read everything resets the connection. That is an end, too.
            let count = server.read(&mut piece).unwrap_or(0);
            if count == 0 {
                return browser.shutdown(Shutdown::Write).ok();
            }
            // Read each time: it may begin when a WebSocket has been open for long.
            let killed = self.killed.load(Ordering::Relaxed);
            let left = match self.kills_after.load(Ordering::Relaxed) {
                after if after > 0 && killed < MAX_KILLS => {
                    (after + 7 * killed).saturating_sub(passed)
                }
                _ => count,
            };
            browser.write_all(&piece[..count.min(left)]).ok()?;
            passed += count;
            if left < count {
                self.killed.fetch_add(1, Ordering::Relaxed);
                _ = server.shutdown(Shutdown::Both);
                return browser.shutdown(Shutdown::Both).ok();
            }
        }
    }
}

// A page

async fn open(browser: &Browser, address: &str) -> WebDriverResult<WindowHandle> {
    let tab = browser.driver.new_tab().await?;
    go_to(browser, &tab).await?;
    browser.driver.goto(address).await?;
    Ok(tab)
}

async fn go_to(browser: &Browser, tab: &WindowHandle) -> WebDriverResult<()> {
    browser.driver.switch_to_window(tab.clone()).await
}

/// Types into a field and presses Enter.
async fn enter(browser: &Browser, id: &str, text: &str) -> Outcome {
    let field = browser.driver.find(By::Id(id)).await?;
    field.clear().await?;
    field.send_keys(text).await?;
    field.send_keys(Key::Enter).await?;
    Ok(())
}

async fn click(browser: &Browser, id: &str) -> Outcome {
    browser.driver.find(By::Id(id)).await?.click().await?;
    Ok(())
}

/// Waits until an element of the page has this text in it.
async fn shows(browser: &Browser, id: &str, text: &str) -> Outcome {
    let shown = format!("document.getElementById('{id}').innerText.includes({text:?})");
    browser.until(&shown).await
}

/// Waits until an expression is true, for longer than usual: a page makes pauses before it tries again.
async fn until_at_last(browser: &Browser, expression: &str) -> Outcome {
    for _ in 0..3 {
        if browser.until(expression).await.is_ok() {
            return Ok(());
        }
    }
    browser.until(expression).await
}

async fn is_connected(browser: &Browser, how: &str) -> Outcome {
    shows(browser, "status", &format!("Connected by {how}.")).await
}

/// Nothing of what was typed has become a part of the page.
async fn is_only_text(browser: &Browser) -> Outcome {
    browser
        .until("document.querySelector('main img') === null && document.title !== 'owned'")
        .await
}

/// A picture in light and at full width, one in dark and on a phone, where nothing may stick out.
async fn keep_pictures(browser: &Browser, name: &str) -> Outcome {
    browser.keep_picture(&format!("{name}-light")).await?;
    browser.dark(true).await?;
    browser.width(320).await?;
    browser
        .until("document.documentElement.scrollWidth <= 320")
        .await?;
    browser.keep_picture(&format!("{name}-dark-320")).await
}

async fn join(browser: &Browser, address: &str, name: &str) -> Result<WindowHandle, Error> {
    let tab = open(browser, address).await?;
    enter(browser, "name", name).await?;
    browser
        .until("document.getElementById('naming').hidden")
        .await?;
    Ok(tab)
}

/// From now on, what the page says by WebSocket gets lost on its way.
async fn lose_what_is_said(browser: &Browser) -> Outcome {
    let lose = "window.say = WebSocket.prototype.send; WebSocket.prototype.send = () => {};";
    browser.driver.execute(lose, Vec::new()).await?;
    Ok(())
}

/// No longer.
async fn lose_no_more(browser: &Browser) -> Outcome {
    let heal = "WebSocket.prototype.send = window.say;";
    browser.driver.execute(heal, Vec::new()).await?;
    Ok(())
}

/// The server loses all sessions: it ends, and another one takes its place. What the page says arrives again.
async fn start_anew(
    browser: &Browser,
    server: Process,
    proxy: &Proxy,
    app: &str,
) -> Result<Process, Error> {
    drop(server);
    shows(browser, "status", "Not connected").await?;
    lose_no_more(browser).await?;
    let (server, address) = serve_example("events", app)?;
    proxy.leads_to(&address);
    Ok(server)
}

// The chat

#[tokio::test]
async fn two_tabs_talk_on_events() -> Outcome {
    in_browser(async |browser| {
        let (_server, address) = serve_example("events", "chat")?;
        let ada = join(browser, &address, "ada").await?;
        // One of the two has no WebSocket.
        let bob = join(browser, &format!("{address}/?transport=polling"), "bob").await?;
        is_connected(browser, "long polling").await?;
        enter(browser, "text", "hi").await?;
        enter(browser, "text", EVIL).await?;
        go_to(browser, &ada).await?;
        is_connected(browser, "WebSocket").await?;
        shows(browser, "messages", "bob: hi").await?;
        shows(browser, "messages", EVIL).await?;
        is_only_text(browser).await?;
        shows(browser, "people", "Here now (2): ada (you), bob").await?;
        enter(browser, "text", "hello, bob").await?;
        go_to(browser, &bob).await?;
        shows(browser, "messages", "ada: hello, bob").await?;
        // Who closes a tab is gone at once, whatever its transport was.
        browser.driver.close_window().await?;
        go_to(browser, &ada).await?;
        shows(browser, "people", "Here now (1): ada (you)").await?;
        keep_pictures(browser, "events-chat").await
    })
    .await
}

#[tokio::test]
async fn without_websockets_the_chat_polls_until_there_are_some() -> Outcome {
    in_browser(async |browser| {
        let (_server, address) = serve_example("events", "chat")?;
        let proxy = Proxy::start(&address)?;
        proxy.refuses.store(true, Ordering::Relaxed);
        let ada = join(browser, &proxy.address, "ada").await?;
        is_connected(browser, "long polling").await?;
        enter(browser, "text", "by hand").await?;
        shows(browser, "messages", "ada: by hand").await?;
        let _bob = join(browser, &address, "bob").await?;
        shows(browser, "messages", "ada: by hand").await?;
        enter(browser, "text", "to those who poll").await?;
        go_to(browser, &ada).await?;
        shows(browser, "messages", "bob: to those who poll").await?;
        proxy.refuses.store(false, Ordering::Relaxed);
        // It tries after 5 s at most, then after 10 s.
        until_at_last(
            browser,
            "document.getElementById('status').innerText.includes('WebSocket')",
        )
        .await?;
        enter(browser, "text", "by wire").await?;
        shows(browser, "messages", "ada: by wire").await?;
        browser
            .until("document.querySelectorAll('#messages li').length === 3")
            .await
    })
    .await
}

#[tokio::test]
async fn every_page_shows_that_it_is_not_connected() -> Outcome {
    // A mark and words, at the top of what is seen, wherever the page has been scrolled to.
    const IS_SEEN: &str = "
        (() => {
          const bar = document.getElementById('connection');
          const { top, bottom } = bar.getBoundingClientRect();
          const status = document.getElementById('status');
          return bar.dataset.state === 'closed' && top >= 0 && bottom <= innerHeight
            && status.role === 'status'
            && getComputedStyle(status, '::before').content.includes('✕');
        })()";
    in_browser(async |browser| {
        for app in ["chat", "notifications", "chart", "poker"] {
            let (server, address) = serve_example("events", app)?;
            open(browser, &address).await?;
            is_connected(browser, "WebSocket").await?;
            browser.keep_picture(&format!("events-{app}-open")).await?;
            drop(server);
            shows(browser, "status", "Not connected").await?;
            browser.width(320).await?;
            browser
                .until("document.documentElement.scrollWidth <= 320")
                .await?;
            browser
                .driver
                .execute("document.querySelector('main').append(Object.assign(document.createElement('p'), { style: 'height: 100rem' })); scrollTo(0, 9999);", Vec::new())
                .await?;
            browser.until(IS_SEEN).await?;
            browser
                .keep_picture(&format!("events-{app}-closed-320"))
                .await?;
            browser.width(1000).await?;
            browser.dark(true).await?;
            browser
                .keep_picture(&format!("events-{app}-closed-dark"))
                .await?;
            browser.dark(false).await?;
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_page_that_polls_gets_back_to_a_websocket_by_hand() -> Outcome {
    in_browser(async |browser| {
        let (_server, address) = serve_example("events", "chat")?;
        let proxy = Proxy::start(&address)?;
        proxy.refuses.store(true, Ordering::Relaxed);
        let by_request = format!("{}/?transport=polling", proxy.address);
        join(browser, &by_request, "ada").await?;
        is_connected(browser, "long polling").await?;
        enter(browser, "text", "by hand").await?;
        shows(browser, "messages", "ada: by hand").await?;
        // No WebSocket gets through, and the page says so.
        click(browser, "upgrade").await?;
        shows(browser, "status", "No WebSocket opens").await?;
        keep_pictures(browser, "events-chat-upgrade").await?;
        enter(browser, "text", "still by hand").await?;
        shows(browser, "messages", "ada: still by hand").await?;
        // By keyboard alone, and in the same session.
        proxy.refuses.store(false, Ordering::Relaxed);
        browser.driver.execute("document.getElementById('upgrade').focus()", Vec::new()).await?;
        browser.press(Key::Enter + "").await?;
        is_connected(browser, "WebSocket").await?;
        browser
            .until("document.activeElement.id === 'connection' && document.getElementById('upgrade').hidden")
            .await?;
        browser.until("location.search === ''").await?;
        enter(browser, "text", "by wire").await?;
        shows(browser, "messages", "ada: by wire").await?;
        shows(browser, "people", "Here now (1): ada (you)").await?;
        browser
            .until("document.querySelectorAll('#messages li.mine').length === 3")
            .await
    })
    .await
}

#[tokio::test]
async fn a_card_that_the_server_refuses_is_not_shown_as_yours() -> Outcome {
    // Two cards as often as the rate allows at once, then two others, far more often. Which card is the last
    // that the server takes depends on how quick it is; what the page shows doesn't.
    const FLICKER: &str = "
        const flicker = (count, first) => {
          for (let it = 0; it < count; it += 1) {
            document.getElementById('card' + (first + (it % 2))).click();
          }
        };
        flicker(20, 0);
        flicker(200, 2);";
    const IS_SAID: &str = "
        document.getElementById('problem').innerText.includes('too fast')";
    const IS_THE_SAME: &str = "
        (() => {
          const card = document.querySelector('#cards input:checked')?.value;
          const face = document.querySelector('#people .face');
          return face !== null && card === face.textContent;
        })()";
    in_browser(async |browser| {
        let (_server, address) = serve_example("events", "poker")?;
        join(browser, &address, "ada").await?;
        is_connected(browser, "WebSocket").await?;
        browser.driver.execute(FLICKER, Vec::new()).await?;
        browser.until(IS_SAID).await?;
        // The cards are turned over as soon as the server listens to the page again.
        until_at_last(
            browser,
            "(document.getElementById('show').click(), document.querySelector('#people .face') !== null)",
        )
        .await?;
        browser.until(IS_THE_SAME).await
    })
    .await
}

#[tokio::test]
async fn a_transport_is_killed_in_a_message_and_nothing_is_lost() -> Outcome {
    // Says sixty messages, each when the one before has been heard, and no faster than the chat allows.
    const SPEAK: &str = "
        const say = (count) => {
          if (count > 60) return;
          document.getElementById('text').value = 'message ' + count;
          document.getElementById('saying').requestSubmit();
          const seen = () => document.querySelectorAll('#messages li').length >= count;
          const look = () => (seen() ? say(count + 1) : setTimeout(look, 5));
          setTimeout(look, 100);
        };
        say(1);";
    const HEARD: &str = "JSON.stringify(Array.from(document.querySelectorAll('#messages li'), \
                         (it) => it.innerText)) === JSON.stringify(Array.from({ length: 60 }, \
                         (_, index) => 'ada: message ' + (index + 1)))";
    in_browser(async |browser| {
        let (_server, address) = serve_example("events", "chat")?;
        let proxy = Proxy::start(&address)?;
        let bob = open(browser, &proxy.address).await?;
        is_connected(browser, "WebSocket").await?;
        join(browser, &proxy.address, "ada").await?;
        is_connected(browser, "WebSocket").await?;
        // A frame with a message has more than 40 bytes: most cuts are in one.
        proxy.kills_after.store(700, Ordering::Relaxed);
        browser.driver.execute(SPEAK, Vec::new()).await?;
        until_at_last(browser, HEARD).await?;
        go_to(browser, &bob).await?;
        until_at_last(browser, HEARD).await?;
        let killed = proxy.killed.load(Ordering::Relaxed);
        println!("{killed} transports were killed");
        if killed < 5 {
            return Err(format!("only {killed} transports were killed").into());
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_server_is_started_anew_and_what_was_typed_arrives() -> Outcome {
    // Whether what comes into the page is read out by a screen reader.
    const WATCH: &str = "
        window.live = [];
        const note = () => window.live.push(document.getElementById('log').ariaLive);
        new MutationObserver(note).observe(document.getElementById('messages'), { childList: true });";
    in_browser(async |browser| {
        let (server, address) = serve_example("events", "chat")?;
        let proxy = Proxy::start(&address)?;
        join(browser, &proxy.address, "ada").await?;
        enter(browser, "text", "before").await?;
        shows(browser, "messages", "ada: before").await?;
        drop(server);
        shows(browser, "status", "Not connected").await?;
        enter(browser, "text", "in between").await?;
        shows(browser, "pending", "On the way: 1.").await?;
        browser.driver.execute(WATCH, Vec::new()).await?;
        let (_server, address) = serve_example("events", "chat")?;
        proxy.leads_to(&address);
        let arrived = "document.getElementById('messages').innerText.includes('in between')";
        until_at_last(browser, arrived).await?;
        shows(browser, "messages", "A new session").await?;
        browser.until("window.live[0] === 'off'").await?;
        browser
            .until("document.getElementById('log').ariaLive === 'polite'")
            .await?;
        enter(browser, "text", "after").await?;
        shows(browser, "messages", "ada: after").await?;
        browser
            .until("document.querySelectorAll('#messages li').length === 4")
            .await?;
        shows(browser, "people", "Here now (1): ada (you)").await
    })
    .await
}

#[tokio::test]
async fn what_was_typed_comes_back_where_it_cannot_be_said() -> Outcome {
    in_browser(async |browser| {
        let (server, address) = serve_example("events", "chat")?;
        let proxy = Proxy::start(&address)?;
        let ada = join(browser, &proxy.address, "ada").await?;
        drop(server);
        shows(browser, "status", "Not connected").await?;
        for text in ["one", "two", "three"] {
            enter(browser, "text", text).await?;
        }
        shows(browser, "pending", "On the way: 3.").await?;
        // Somebody else is faster.
        let (_server, address) = serve_example("events", "chat")?;
        join(browser, &address, "ada").await?;
        proxy.leads_to(&address);
        go_to(browser, &ada).await?;
        until_at_last(
            browser,
            "document.getElementById('text').value === 'one two three'",
        )
        .await?;
        shows(browser, "problem", "The name ada is taken.").await?;
        shows(browser, "problem", "Take a name first.").await
    })
    .await
}

#[tokio::test]
async fn each_message_is_named_that_may_have_arrived() -> Outcome {
    in_browser(async |browser| {
        let (server, address) = serve_example("events", "chat")?;
        let proxy = Proxy::start(&address)?;
        join(browser, &proxy.address, "ada").await?;
        is_connected(browser, "WebSocket").await?;
        lose_what_is_said(browser).await?;
        enter(browser, "text", "one").await?;
        enter(browser, "text", "two").await?;
        let _server = start_anew(browser, server, &proxy, "chat").await?;
        let named = "['“one”', '“two”'].every((it) => \
                     document.getElementById('problem').textContent.includes(it))";
        until_at_last(browser, named).await?;
        shows(browser, "people", "Here now (1): ada (you)").await
    })
    .await
}

#[tokio::test]
async fn a_name_that_was_lost_with_its_session_is_asked_for_in_the_next_one() -> Outcome {
    in_browser(async |browser| {
        let (server, address) = serve_example("events", "chat")?;
        let proxy = Proxy::start(&address)?;
        open(browser, &proxy.address).await?;
        is_connected(browser, "WebSocket").await?;
        lose_what_is_said(browser).await?;
        enter(browser, "name", "ada").await?;
        let _server = start_anew(browser, server, &proxy, "chat").await?;
        until_at_last(browser, "document.getElementById('naming').hidden").await?;
        shows(browser, "people", "Here now (1): ada (you)").await
    })
    .await
}

// The other apps

#[tokio::test]
async fn a_notification_reaches_who_has_subscribed() -> Outcome {
    in_browser(async |browser| {
        let (_server, address) = serve_example("events", "notifications")?;
        let reader = open(browser, &address).await?;
        enter(browser, "topic", "lunch").await?;
        shows(browser, "topics", "lunch").await?;
        let writer = open(browser, &format!("{address}/?transport=polling")).await?;
        is_connected(browser, "long polling").await?;
        enter(browser, "to", "lunch").await?;
        enter(browser, "text", "Soup").await?;
        shows(browser, "result", "Sent to 1 subscriber.").await?;
        enter(browser, "text", EVIL).await?;
        enter(browser, "to", "dinner").await?;
        shows(browser, "result", "Sent to 1 subscriber.").await?;
        go_to(browser, &reader).await?;
        shows(browser, "notes", "lunch: Soup").await?;
        shows(browser, "notes", EVIL).await?;
        is_only_text(browser).await?;
        keep_pictures(browser, "events-notifications").await?;
        let leave = browser.driver.find(By::Css("#topics button")).await?;
        leave.click().await?;
        shows(browser, "topics", "None yet.").await?;
        go_to(browser, &writer).await?;
        enter(browser, "to", "lunch").await?;
        enter(browser, "text", "Cake").await?;
        shows(browser, "result", "No page has subscribed to “lunch”").await?;
        browser
            .until("document.getElementById('text').value === 'Cake'")
            .await?;
        keep_pictures(browser, "events-notifications-none").await?;
        go_to(browser, &reader).await?;
        browser
            .until("!document.getElementById('notes').innerText.includes('Cake')")
            .await
    })
    .await
}

#[tokio::test]
async fn a_slow_chart_skips_samples_and_shows_fresh_ones() -> Outcome {
    const SKIPPED: &str = "document.getElementById('skipped').textContent";
    in_browser(async |browser| {
        let (_server, address) = serve_example("events", "chart")?;
        let fast = open(browser, &address).await?;
        browser
            .until("document.querySelectorAll('#dots circle').length >= 8")
            .await?;
        for query in ["", "?transport=polling"] {
            open(browser, &format!("{address}/{query}")).await?;
            browser
                .until("document.querySelectorAll('#dots circle').length >= 3")
                .await?;
            click(browser, "slow").await?;
            browser.until(&format!("{SKIPPED} > 9")).await?;
            // A second of work, and at most a quarter until there is a new sample.
            browser
                .until("parseInt(document.getElementById('age').textContent) < 1000")
                .await?;
        }
        keep_pictures(browser, "events-chart-slow").await?;
        go_to(browser, &fast).await?;
        browser
            .until("document.querySelectorAll('#dots circle').length >= 40")
            .await?;
        let skipped = browser.text(SKIPPED).await?;
        println!("the fast page has skipped {skipped}");
        keep_pictures(browser, "events-chart").await
    })
    .await
}

#[tokio::test]
async fn votes_are_hidden_until_they_are_shown() -> Outcome {
    in_browser(async |browser| {
        let (_server, address) = serve_example("events", "poker")?;
        let ada = open(browser, &address).await?;
        is_connected(browser, "WebSocket").await?;
        // Ada has no mouse.
        browser.press(Key::Tab + "ada" + Key::Enter).await?;
        browser
            .until("document.activeElement.id === 'card0'")
            .await?;
        browser.press(Key::Right + Key::Right + Key::Right).await?;
        shows(browser, "summary", "1 of 1 have put down a card.").await?;
        let bob = join(browser, &format!("{address}/?transport=polling"), "bob").await?;
        browser
            .until("document.getElementById('people').textContent.includes('ada has a card down')")
            .await?;
        browser
            .until("!document.getElementById('people').innerText.includes('5')")
            .await?;
        keep_pictures(browser, "events-poker-hidden").await?;
        click(browser, "card5").await?;
        shows(browser, "summary", "2 of 2 have put down a card.").await?;
        go_to(browser, &ada).await?;
        browser.press(Key::Tab).await?;
        browser.press(Key::Enter).await?;
        shows(browser, "summary", "Average: 9").await?;
        browser
            .until("document.activeElement.id === 'reset'")
            .await?;
        // Who comes late sees the same.
        let cy = join(browser, &address, "cy").await?;
        shows(browser, "summary", "Average: 9").await?;
        keep_pictures(browser, "events-poker").await?;
        go_to(browser, &bob).await?;
        browser.driver.close_window().await?;
        go_to(browser, &cy).await?;
        shows(browser, "summary", "Average: 5").await?;
        go_to(browser, &ada).await?;
        browser.press(Key::Enter).await?;
        shows(browser, "summary", "0 of 2 have put down a card.").await?;
        browser
            .until("document.querySelector('#cards input:checked') === null")
            .await
    })
    .await
}

#[tokio::test]
async fn what_is_lost_with_a_session_is_subscribed_and_published_or_told() -> Outcome {
    in_browser(async |browser| {
        let (server, address) = serve_example("events", "notifications")?;
        let proxy = Proxy::start(&address)?;
        open(browser, &proxy.address).await?;
        is_connected(browser, "WebSocket").await?;
        lose_what_is_said(browser).await?;
        enter(browser, "topic", "lunch").await?;
        enter(browser, "to", "lunch").await?;
        enter(browser, "text", "Soup").await?;
        drop(server);
        shows(browser, "status", "Not connected").await?;
        lose_no_more(browser).await?;
        enter(browser, "text", "Cake").await?;
        shows(browser, "result", "On the way.").await?;
        let (_server, address) = serve_example("events", "notifications")?;
        proxy.leads_to(&address);
        // It was never sent: so it is published now, to this page among others.
        let arrived = "document.getElementById('notes').innerText.includes('lunch: Cake')";
        until_at_last(browser, arrived).await?;
        shows(browser, "topics", "lunch").await?;
        shows(browser, "result", "Sent to 1 subscriber.").await?;
        shows(browser, "problem", "The server has lost this session").await?;
        shows(browser, "problem", "has been published: “Soup”.").await
    })
    .await
}

#[tokio::test]
async fn a_seat_and_a_card_that_are_lost_are_complained_of() -> Outcome {
    in_browser(async |browser| {
        let (server, address) = serve_example("events", "poker")?;
        let proxy = Proxy::start(&address)?;
        open(browser, &proxy.address).await?;
        is_connected(browser, "WebSocket").await?;
        lose_what_is_said(browser).await?;
        enter(browser, "name", "ada").await?;
        let server = start_anew(browser, server, &proxy, "poker").await?;
        let is_told = "document.getElementById('problem').innerText.includes('lost this session')";
        until_at_last(browser, is_told).await?;
        enter(browser, "name", "ada").await?;
        shows(browser, "people", "ada (you)").await?;
        browser
            .until("document.getElementById('problem').innerText === ''")
            .await?;
        click(browser, "card3").await?;
        shows(browser, "summary", "1 of 1 have put down a card.").await?;
        drop(server);
        shows(browser, "status", "Not connected").await?;
        let (_server, address) = serve_example("events", "poker")?;
        proxy.leads_to(&address);
        let is_late = "document.getElementById('problem').innerText.includes('this round is over')";
        until_at_last(browser, is_late).await?;
        shows(browser, "summary", "0 of 1 have put down a card.").await?;
        browser
            .until("document.querySelector('#cards input:checked') === null")
            .await
    })
    .await
}

#[tokio::test]
async fn a_card_that_is_not_on_the_table_is_not_shown_as_yours() -> Outcome {
    const LOSE_VOTES: &str = "
        const say = WebSocket.prototype.send;
        WebSocket.prototype.send = function (text) {
          if (!text.includes('vote')) say.call(this, text);
        };";
    in_browser(async |browser| {
        let (_server, address) = serve_example("events", "poker")?;
        let ada = join(browser, &address, "ada").await?;
        is_connected(browser, "WebSocket").await?;
        browser.driver.execute(LOSE_VOTES, Vec::new()).await?;
        click(browser, "card3").await?;
        join(browser, &address, "bob").await?;
        click(browser, "card5").await?;
        shows(browser, "summary", "1 of 2 have put down a card.").await?;
        click(browser, "show").await?;
        shows(browser, "summary", "Average: 13").await?;
        browser
            .until("document.querySelector('#cards input:checked').id === 'card5'")
            .await?;
        go_to(browser, &ada).await?;
        shows(browser, "summary", "Average: 13").await?;
        browser
            .until("document.querySelector('#cards input:checked') === null")
            .await
    })
    .await
}
