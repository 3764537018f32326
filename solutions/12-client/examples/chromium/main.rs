//! `cargo run -p client --example chromium -- http://127.0.0.1:9010`: your client drives a real Chromium.
//!
//! It opens the page, and takes a screenshot. If the page is the chat of step 10, it joins, says hello, and reads its
//! own message in the list. `-- URL FILE.png` says where the screenshot goes.

mod browser;
mod devtools;

use std::env;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use browser::Browser;
use devtools::Page;

fn main() -> ExitCode {
    let Some(url) = env::args().nth(1) else {
        eprintln!("Usage: cargo run -p client --example chromium -- URL [FILE.png]");
        return ExitCode::from(2);
    };
    let picture = env::args_os().nth(2).map(PathBuf::from);
    let picture = picture.unwrap_or_else(|| env::temp_dir().join("chromium.png"));
    let browser = match Browser::start() {
        Ok(browser) => browser,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(2);
        }
    };
    match visit(&browser, &url, &picture) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Opens a page, plays with it, and keeps a picture of it.
fn visit(browser: &Browser, url: &str, picture: &Path) -> Result<(), Box<dyn Error>> {
    let mut page = Page::open(browser.address(), url)?;
    println!("opened {url}: {}", page.evaluate("document.title")?);
    if page.evaluate("document.querySelector('#join') !== null")? == true {
        chat(&mut page)?;
    }
    let png = page.screenshot()?;
    fs::write(picture, &png)?;
    println!("took a screenshot: {}", picture.display());
    Ok(())
}

/// Says hello in the chat of step 10.
fn chat(page: &mut Page) -> Result<(), Box<dyn Error>> {
    page.wait_until("document.querySelector('#state').textContent === 'open'")?;
    page.type_into("#username", "Robot")?;
    page.click("#join")?;
    page.wait_until("!document.querySelector('#saying').hidden")?;
    println!("joined as Robot");
    page.type_into("#message", "Hello from a client of my own")?;
    page.click("#saying button")?;
    // When the message has come back from the server, the page shows it and empties the field.
    page.wait_until("document.querySelector('#message').value === ''")?;
    let mine =
        page.evaluate("[...document.querySelectorAll('#messages .mine bdi')].at(-1).innerText")?;
    println!("said, and read in the page: {mine}");
    Ok(())
}
