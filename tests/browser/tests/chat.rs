//! The chat's page, in a real browser, against a real server.

use browser::{Browser, Outcome, in_browser, serve};
use thirtyfour::prelude::*;

#[tokio::test]
async fn look() -> Outcome {
    in_browser(async |browser| {
        let (server, address) = serve("chat", &["--rate", "1000"])?;
        browser.width(1000).await?;
        browser.driver.goto(address.as_str()).await?;
        browser.until("document.body.dataset.state === 'open'").await?;
        browser.keep_picture("chat-0").await?;
        browser.driver.find(By::Id("username")).await?.send_keys("ada").await?;
        browser.driver.find(By::Id("username")).await?.send_keys(Key::Enter).await?;
        browser.until("!document.getElementById('saying').hidden").await?;
        for text in ["Hello", "A longer message, which goes over more than one line on a phone: and on we go.",
            "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft".repeat(2).as_str(), "<img src=x onerror=alert(1)>", "👋🌍 שלום"] {
            browser.driver.find(By::Id("message")).await?.send_keys(text).await?;
            browser.driver.find(By::Id("message")).await?.send_keys(Key::Enter).await?;
            browser.until("document.getElementById('message').value === ''").await?;
        }
        let join = "window.others = ['bob','Cyrus the Great','dora','<b>eve</b>'].map(n => { const s = new WebSocket('ws://'+location.host+'/socket'); s.onopen = () => { s.send(JSON.stringify({username:n})); s.send(JSON.stringify({username:n,message:'I am '+n})); }; return s; })";
        browser.driver.execute(join, Vec::new()).await?;
        browser.until("document.getElementById('count').textContent === '5'").await?;
        browser.driver.execute("window.others[0].close()", Vec::new()).await?;
        browser.until("document.getElementById('count').textContent === '4'").await?;
        browser.driver.find(By::Id("message")).await?.send_keys("x".repeat(130)).await?;
        browser.driver.find(By::Id("message")).await?.send_keys(Key::Enter).await?;
        for (width, dark) in [(1000, false), (320, false), (1000, true), (320, true)] {
            browser.width(width).await?;
            browser.dark(dark).await?;
            for open in [false, true] {
                browser.driver.execute(format!("document.getElementById('frames').open = {open}"), Vec::new()).await?;
                browser.until(&format!("document.documentElement.scrollWidth <= {width}")).await?;
                browser.keep_picture(&format!("chat-{width}-{dark}-{open}")).await?;
                if open {
                    browser.driver.execute("document.getElementById('frames').scrollIntoView()", Vec::new()).await?;
                    browser.keep_picture(&format!("chat-{width}-{dark}-scrolled")).await?;
                    browser.driver.execute("scrollTo(0,0)", Vec::new()).await?;
                }
            }
        }
        browser.driver.execute("document.getElementById('frames').open = false", Vec::new()).await?;
        browser.driver.find(By::Id("message")).await?.send_keys("half a thought").await?;
        drop(server);
        browser.until("document.body.dataset.state === 'closed'").await?;
        browser.driver.find(By::Id("message")).await?.send_keys(Key::Enter).await?;
        browser.keep_picture("chat-closed-320-dark").await?;
        browser.width(1000).await?;
        browser.dark(false).await?;
        browser.keep_picture("chat-closed-1000-light").await?;
        Ok(())
    })
    .await
}
