//! The book, as a reader has it: on a phone and on a desk, in light and dark, without scripts.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use browser::{Browser, Outcome, axe, in_browser, root};
use thirtyfour::prelude::*;

/// Builds the book, and returns the folder that it is in.
fn book(name: &str) -> Result<PathBuf, Box<dyn std::error::Error>> {
    let output = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .current_dir(root())
        .args(["run", "--quiet", "--package", "workshop-book", "--", "book"]);
    let built = cargo.arg(&output).status()?;
    if built.success() {
        Ok(output)
    } else {
        Err("the book doesn't build".into())
    }
}

/// The pages, from the file system: the book needs no server.
fn pages(book: &Path) -> Result<Vec<String>, Box<dyn std::error::Error>> {
    let names = fs::read_dir(book)?
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned());
    let is_page = |name: &String| {
        name.ends_with(".html") && !["404.html", "toc.html", "print.html"].contains(&name.as_str())
    };
    let pages: Vec<String> = names.filter(is_page).collect();
    ensure(pages.len() >= 8, format!("only {pages:?}"))?;
    Ok(pages)
}

/// An error instead of a panic, so that the browser is closed properly.
fn ensure(holds: bool, otherwise: String) -> Outcome {
    if holds { Ok(()) } else { Err(otherwise.into()) }
}

async fn open(browser: &Browser, book: &Path, page: &str) -> Outcome {
    browser
        .driver
        .goto(format!("file://{}/{page}", book.display()))
        .await?;
    Ok(())
}

#[tokio::test]
async fn no_page_sticks_out_at_any_width() -> Outcome {
    let book = book("widths")?;
    in_browser(async |browser| {
        for page in pages(&book)? {
            for (width, dark) in [(320, true), (320, false), (1000, false), (1000, true)] {
                browser.width(width).await?;
                browser.dark(dark).await?;
                open(browser, &book, &page).await?;
                let script = format!("document.documentElement.scrollWidth <= {width}");
                browser
                    .until(&script)
                    .await
                    .map_err(|error| format!("{page} at {width}: {error}"))?;
                let look = if dark { "dark" } else { "light" };
                browser
                    .keep_picture(&format!("book-{page}-{width}-{look}"))
                    .await?;
            }
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn the_colours_follow_the_reader() -> Outcome {
    let book = book("colours")?;
    in_browser(async |browser| {
        for (dark, theme) in [(true, "navy"), (false, "light")] {
            browser.dark(dark).await?;
            open(browser, &book, "accept-key.html").await?;
            browser
                .until(&format!(
                    "document.documentElement.classList.contains({theme:?})"
                ))
                .await?;
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn the_calculator_knows_the_accept_key() -> Outcome {
    let book = book("calculator")?;
    in_browser(async |browser| {
        open(browser, &book, "accept-key.html").await?;
        // The keys and accept keys that the checks are about.
        let snapshot =
            fs::read_to_string(root().join("tests/snapshots/accept-key/other_keys.snap"))?;
        let pairs = snapshot.lines().filter_map(|line| line.split_once(" → "));
        let mut tried = 0;
        for (key, accept) in pairs {
            let key = key.trim().trim_matches('"');
            let type_it = format!(
                "const field = document.querySelector('[data-part=key]'); field.value = {key:?}; \
                 field.dispatchEvent(new Event('input', {{ bubbles: true }}));"
            );
            browser.driver.execute(type_it.as_str(), Vec::new()).await?;
            let says = format!(
                "document.querySelector('[data-part=accept]').textContent.includes({accept:?})"
            );
            browser.until(&says).await?;
            tried += 1;
        }
        ensure(tried >= 4, format!("only {tried} keys were tried"))
    })
    .await
}

#[tokio::test]
async fn axe_finds_nothing_on_any_page() -> Outcome {
    let Some(axe) = axe()? else { return Ok(()) };
    let book = book("axe")?;
    in_browser(async |browser| {
        let mut found = Vec::new();
        // So wide, the table of contents stands beside the page.
        for (width, dark) in [(1200, false), (1200, true), (320, true)] {
            browser.width(width).await?;
            browser.dark(dark).await?;
            for page in pages(&book)? {
                open(browser, &book, &page).await?;
                for finding in browser.findings(&axe).await? {
                    found.push(format!("{page} {width} {dark}: {finding}"));
                }
            }
        }
        ensure(found.is_empty(), found.join("\n"))
    })
    .await
}

#[tokio::test]
async fn the_keyboard_opens_and_closes_the_table_of_contents() -> Outcome {
    let book = book("keyboard")?;
    in_browser(async |browser| {
        browser.width(1200).await?;
        open(browser, &book, "accept-key.html").await?;
        for visible in [false, true] {
            for _ in 0..100 {
                browser.press(Key::Tab).await?;
                let here = browser.text("document.activeElement.id").await?;
                if here == "mdbook-sidebar-toggle" {
                    break;
                }
            }
            browser.press(Key::Enter).await?;
            let shown = "document.documentElement.classList.contains('sidebar-visible')";
            browser.until(&format!("{shown} === {visible}")).await?;
            let said = "document.activeElement.ariaExpanded";
            browser.until(&format!("{said} === '{visible}'")).await?;
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn without_scripts_the_page_says_the_same() -> Outcome {
    let book = book("scripts")?;
    in_browser(async |browser| {
        browser.without_javascript().await?;
        for page in pages(&book)? {
            open(browser, &book, &page).await?;
            let main = browser.driver.find(By::Tag("main")).await?.text().await?;
            ensure(
                main.len() > 500,
                format!("{page} shows {} characters", main.len()),
            )?;
            let folded = browser
                .driver
                .find_all(By::Css("main details.answer"))
                .await?;
            for answer in folded {
                answer.find(By::Tag("summary")).await?.click().await?;
                let unfolded = answer.text().await?.len() > 20;
                ensure(unfolded, format!("an answer of {page} doesn't unfold"))?;
            }
        }
        browser.keep_picture("book-without-scripts").await
    })
    .await
}
