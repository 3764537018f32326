//! Step 13 in a real browser, which compresses in its own way: a chat in two windows, and an echo that stays in step.

use browser::{Browser, Outcome, in_browser, serve_command};
use thirtyfour::prelude::*;

/// Opens a WebSocket to the page's own server, and tells which extensions it has.
const EXTENSIONS: &str = "
    const [done] = arguments;
    const socket = new WebSocket(`ws://${location.host}/socket`);
    socket.onopen = () => done(socket.extensions);
    socket.onerror = () => done('no WebSocket');";

/// Sends messages of many kinds, and tells how many come back as they were.
const ECHOES: &str = "
    const [done] = arguments;
    const noise = (length) => Array.from(crypto.getRandomValues(new Uint8Array(length)), (byte) => byte.toString(36)).join('');
    const messages = ['', 'Hello', 'Hello', 'ä'.repeat(5000), 'Hello'.repeat(20000)];
    for (let number = 0; number < 50; number++) {
      messages.push(JSON.stringify({ number, text: 'the same again, or nearly so' }), noise(number * 40));
    }
    const socket = new WebSocket(`ws://${location.host}/socket`);
    let count = 0;
    socket.onopen = () => messages.forEach((message) => socket.send(message));
    socket.onclose = ({ code }) => done(`closed with ${code} after ${count}`);
    socket.onmessage = ({ data }) => {
      if (data !== messages[count]) done(`message ${count} has changed`);
      count += 1;
      if (count === messages.length) done(`${count} are the same`);
    };";

async fn told(browser: &Browser, script: &str) -> Result<String, Box<dyn std::error::Error>> {
    let told = browser.driver.execute_async(script, Vec::new()).await?;
    Ok(told.convert()?)
}

async fn join(browser: &Browser, address: &str, name: &str) -> Outcome {
    browser.driver.goto(address).await?;
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
    browser
        .until("document.getElementById('message').value === ''")
        .await
}

async fn shows(browser: &Browser, message: &str) -> Outcome {
    let messages = "document.getElementById('messages').innerText";
    browser
        .until(&format!("{messages}.includes({message:?})"))
        .await
}

#[tokio::test]
async fn two_windows_talk_compressed() -> Outcome {
    in_browser(async |browser| {
        let (_server, address) = serve_command("compression", "chat")?;
        let ada = browser.driver.window().await?;
        join(browser, &address, "ada").await?;
        let agreed = told(browser, EXTENSIONS).await?;
        assert_eq!(agreed, "permessage-deflate; server_no_context_takeover");
        let bob = browser.driver.new_window().await?;
        browser.driver.switch_to_window(bob.clone()).await?;
        join(browser, &address, "bob").await?;
        let question = "is it raining, is it raining, is it raining?";
        let answer = "no, no, no, no, no, no, no, no, no, no, no";
        say(browser, question).await?;
        browser.driver.switch_to_window(ada.clone()).await?;
        shows(browser, question).await?;
        say(browser, answer).await?;
        for window in [bob, ada] {
            browser.driver.switch_to_window(window).await?;
            shows(browser, question).await?;
            shows(browser, answer).await?;
        }
        browser.keep_picture("compressed-chat").await
    })
    .await
}

#[tokio::test]
async fn browser_and_echo_stay_in_step() -> Outcome {
    in_browser(async |browser| {
        let (_server, address) = serve_command("compression", "echo")?;
        browser.driver.goto(&address).await?;
        assert_eq!(told(browser, EXTENSIONS).await?, "permessage-deflate");
        assert_eq!(told(browser, ECHOES).await?, "105 are the same");
        Ok(())
    })
    .await
}
