//! The steps' own pages, in a real browser, against a real server.

use browser::{Browser, Outcome, in_browser, serve};
use thirtyfour::prelude::*;

/// Types a name and a message, and sends them with the Enter key.
async fn say(browser: &Browser, name: &str, message: &str) -> Outcome {
    let field = browser.driver.find(By::Id("username")).await?;
    field.clear().await?;
    field.send_keys(name).await?;
    let field = browser.driver.find(By::Id("message")).await?;
    field.send_keys(message).await?;
    field.send_keys(Key::Enter).await?;
    // The field is emptied when the server has the message.
    browser
        .until("document.getElementById('message').value === ''")
        .await
}

/// Whether the page's log holds this text.
fn log_has(text: &str) -> String {
    format!("document.querySelector('[role=log]').innerText.includes({text:?})")
}

/// A picture of the page in light and at full width, one in dark and on a phone, where nothing may
/// stick out.
async fn keep_pictures(browser: &Browser, name: &str) -> Outcome {
    browser.keep_picture(&format!("{name}-light")).await?;
    browser.dark(true).await?;
    browser.width(320).await?;
    browser
        .until("document.documentElement.scrollWidth <= 320")
        .await?;
    browser.keep_picture(&format!("{name}-dark-320")).await
}

/// On a phone the address takes two lines. `/socket` is on one of them, whole.
async fn the_path_is_on_one_line(browser: &Browser) -> Outcome {
    let lines = "(() => {
        const text = document.getElementById('address').lastChild;
        const path = document.createRange();
        path.setStart(text, text.data.lastIndexOf('/'));
        path.setEnd(text, text.data.length);
        return new Set([...path.getClientRects()].map(line => line.top)).size;
    })()";
    browser.width(320).await?;
    browser.until(&format!("{lines} === 1")).await
}

/// Two tabs of one chat: what one says, the other shows, as text and nothing but text.
async fn two_tabs_talk(browser: &Browser, id: &str) -> Outcome {
    let (_server, address) = serve(id, &[])?;
    let driver = &browser.driver;
    driver.goto(address.as_str()).await?;
    let first = driver.window().await?;
    let second = driver.new_tab().await?;
    driver.switch_to_window(second).await?;
    driver.goto(address.as_str()).await?;
    say(browser, "ada", "one, two").await?;
    say(
        browser,
        "ada",
        "<img src=x onerror=\"document.title='owned'\">",
    )
    .await?;

    driver.switch_to_window(first).await?;
    browser.until(&log_has("one, two")).await?;
    browser.until(&log_has("<img src=x onerror=")).await?;
    browser
        .until("document.querySelector('[role=log] img') === null")
        .await?;
    browser.until("document.title !== 'owned'").await?;
    say(browser, "bob", "three").await?;
    browser.until(&log_has("three")).await?;
    keep_pictures(browser, id).await
}

#[tokio::test]
async fn two_tabs_talk_by_polling() -> Outcome {
    in_browser(async |browser| two_tabs_talk(browser, "polling").await).await
}

#[tokio::test]
async fn two_tabs_talk_by_long_polling() -> Outcome {
    in_browser(async |browser| two_tabs_talk(browser, "long-polling").await).await
}

#[tokio::test]
async fn a_websocket_reaches_open() -> Outcome {
    in_browser(async |browser| {
        let (_server, address) = serve("handshake", &[])?;
        browser.driver.goto(address.as_str()).await?;
        browser
            .until("document.querySelector('#state').textContent === 'open'")
            .await?;
        keep_pictures(browser, "handshake").await?;
        the_path_is_on_one_line(browser).await
    })
    .await
}

#[tokio::test]
async fn what_is_sent_comes_back_and_is_drawn() -> Outcome {
    in_browser(async |browser| {
        let (_server, address) = serve("echo", &[])?;
        browser.driver.goto(address.as_str()).await?;
        browser
            .until("document.querySelector('#state').textContent === 'open'")
            .await?;
        let field = browser.driver.find(By::Id("text")).await?;
        field.clear().await?;
        field.send_keys("<b>é</b>").await?;
        field.send_keys(Key::Enter).await?;
        let log = "document.querySelector('#log')";
        browser
            .until(&format!("{log}.innerText.includes('<b>é</b>')"))
            .await?;
        browser
            .until(&format!("{log}.querySelector('b') === null"))
            .await?;
        browser
            .until(&format!("{log}.innerText.includes('Masking-key')"))
            .await?;
        keep_pictures(browser, "echo").await?;
        the_path_is_on_one_line(browser).await?;
        browser.driver.find(By::Id("close")).await?.click().await?;
        browser
            .until("document.querySelector('#state').textContent === 'closed'")
            .await
    })
    .await
}

#[tokio::test]
async fn a_foreign_page_gets_no_websocket() -> Outcome {
    in_browser(async |browser| {
        let (_server, address) = serve("handshake", &[])?;
        let (_other_server, other) = serve("hello", &[])?;
        browser.driver.goto(other.as_str()).await?;
        let address = address.replace("http:", "ws:") + "/socket";
        let connect = format!(
            "window.outcome = ''; const socket = new WebSocket('{address}'); \
             socket.onopen = () => window.outcome = 'open'; \
             socket.onclose = () => window.outcome ||= 'refused'"
        );
        browser.driver.execute(connect.as_str(), Vec::new()).await?;
        browser.until("window.outcome !== ''").await?;
        browser.until("window.outcome === 'refused'").await
    })
    .await
}
