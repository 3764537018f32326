//! What axe-core, which knows the rules of WCAG, finds in the pages of the steps and of the book: nothing.

use browser::{Browser, Outcome, axe, in_browser, serve, serve_example};
use thirtyfour::prelude::*;

/// Opens a step's page, waits until it has done something, and looks at it in light and dark, on a desk
/// and on a phone.
async fn look_at(id: &str, until: &str) -> Outcome {
    let Some(axe) = axe()? else { return Ok(()) };
    in_browser(async |browser| {
        let (_server, address) = serve(id, &[])?;
        browser.driver.goto(address.as_str()).await?;
        browser.until(until).await?;
        nothing_found(browser, &axe).await
    })
    .await
}

async fn nothing_found(browser: &Browser, axe: &str) -> Outcome {
    let mut found = Vec::new();
    for (width, dark) in [(1000, false), (1000, true), (320, false), (320, true)] {
        browser.width(width).await?;
        browser.dark(dark).await?;
        for finding in browser.findings(axe).await? {
            found.push(format!("width {width}, dark {dark}: {finding}"));
        }
    }
    if found.is_empty() {
        Ok(())
    } else {
        Err(found.join("\n").into())
    }
}

#[tokio::test]
async fn the_page_that_polls() -> Outcome {
    let status = "document.getElementById('status').textContent.startsWith('Connected')";
    look_at("polling", status).await
}

#[tokio::test]
async fn the_page_that_polls_for_long() -> Outcome {
    // It says so when the first answer is there, which the server holds.
    look_at("long-polling", "document.querySelector('form')").await
}

#[tokio::test]
async fn the_page_of_the_handshake() -> Outcome {
    let open = "document.getElementById('state').textContent === 'open'";
    look_at("handshake", open).await
}

#[tokio::test]
async fn the_page_of_the_echo() -> Outcome {
    let drawn = "document.getElementById('send').disabled || document.querySelector('#log pre') \
                 || document.getElementById('send').click()";
    look_at("echo", drawn).await
}

#[tokio::test]
async fn the_page_of_the_chat() -> Outcome {
    let Some(axe) = axe()? else { return Ok(()) };
    in_browser(async |browser| {
        let (server, address) = serve("chat", &[])?;
        let driver = &browser.driver;
        driver.goto(address.as_str()).await?;
        browser
            .until("document.getElementById('state').textContent === 'open'")
            .await?;
        nothing_found(browser, &axe).await?;
        let field = driver.find(By::Id("username")).await?;
        field.send_keys("ada").await?;
        field.send_keys(Key::Enter).await?;
        browser
            .until("!document.getElementById('saying').hidden")
            .await?;
        let field = driver.find(By::Id("message")).await?;
        for message in ["hi", &"so long ".repeat(100)] {
            field.send_keys(message).await?;
            field.send_keys(Key::Enter).await?;
            browser
                .until("document.getElementById('message').value === ''")
                .await?;
        }
        driver.find(By::Id("frames")).await?.click().await?;
        nothing_found(browser, &axe).await?;
        field.send_keys("too late").await?;
        drop(server);
        browser
            .until("document.getElementById('state').textContent === 'closed'")
            .await?;
        field.send_keys(Key::Enter).await?;
        nothing_found(browser, &axe).await
    })
    .await
}

/// Opens an app on events, looks at it, fills fields with what is typed, each behind an Enter, and looks again
/// when something can be seen of it.
async fn look_at_app(app: &str, typed: &[(&str, &str)], until: &str) -> Outcome {
    let Some(axe) = axe()? else { return Ok(()) };
    in_browser(async |browser| {
        let (server, address) = serve_example("events", app)?;
        browser.driver.goto(address.as_str()).await?;
        let says = |word: &str| {
            format!("document.getElementById('status').textContent.startsWith('{word}')")
        };
        browser.until(&says("Connected")).await?;
        nothing_found(browser, &axe).await?;
        for &(id, text) in typed {
            browser
                .until(&format!(
                    "document.getElementById('{id}').checkVisibility()"
                ))
                .await?;
            let field = browser.driver.find(By::Id(id)).await?;
            field.send_keys(text).await?;
            field.send_keys(Key::Enter).await?;
        }
        browser.until(until).await?;
        nothing_found(browser, &axe).await?;
        drop(server);
        browser.until(&says("Not connected")).await?;
        nothing_found(browser, &axe).await
    })
    .await
}

#[tokio::test]
async fn the_chat_on_events() -> Outcome {
    let typed = [("name", "ada"), ("text", "hi")];
    look_at_app("chat", &typed, "document.querySelector('#messages li')").await
}

#[tokio::test]
async fn the_notifications() -> Outcome {
    let typed = [("topic", "lunch"), ("to", ""), ("text", "Soup")];
    look_at_app(
        "notifications",
        &typed,
        "document.querySelector('#toasts p')",
    )
    .await
}

#[tokio::test]
async fn the_chart() -> Outcome {
    look_at_app("chart", &[], "document.querySelector('#dots circle')").await
}

#[tokio::test]
async fn the_poker() -> Outcome {
    let typed = [("name", "ada"), ("card3", " ")];
    let shown = "!document.getElementById('show').disabled";
    look_at_app("poker", &typed, shown).await
}
