//! The examples of step 12: the client drives a real Chromium, without WebDriver, through the chat of step 10; and the
//! attack that masking is against, on a cache.

use std::env;
use std::fs;

use browser::{Outcome, example, root, serve};

/// How every PNG file begins.
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

/// The exit code if there is no Chromium.
const NO_CHROMIUM: i32 = 2;

#[test]
fn the_client_talks_in_the_chat_through_a_browser() -> Outcome {
    let (_server, address) = serve("chat", &[])?;
    let picture = env::temp_dir().join(format!("client-{}.png", std::process::id()));
    let output = example("client", "chromium")?
        .arg(&address)
        .arg(&picture)
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    if output.status.code() == Some(NO_CHROMIUM) && env::var_os("CI").is_none() {
        println!("skipped: {said}");
        return Ok(());
    }
    let expected = format!(
        "opened {address}: \"Chat\"\n\
         joined as Robot\n\
         said, and read in the page: \"Hello from a client of my own\"\n\
         took a screenshot: {}\n",
        picture.display()
    );
    assert_eq!(String::from_utf8_lossy(&output.stdout), expected, "{said}");
    let png = fs::read(&picture)?;
    fs::remove_file(&picture)?;
    assert!(png.starts_with(PNG), "it isn't a PNG file");
    // A blank page takes about 2 kB.
    assert!(png.len() > 10_000, "{} bytes can't show a chat", png.len());
    Ok(())
}

#[test]
fn a_page_that_is_not_there_is_an_error_in_words() -> Outcome {
    let output = example("client", "chromium")?
        .arg("http://127.0.0.1:9")
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    if output.status.code() != Some(NO_CHROMIUM) || env::var_os("CI").is_some() {
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("net::ERR_"), "{said}");
    }
    Ok(())
}

#[test]
fn without_chromium_a_sentence_says_what_to_do() -> Outcome {
    let output = example("client", "chromium")?
        .arg("http://127.0.0.1:9")
        .env("CHROME", "/there/is/no/chromium/here")
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(NO_CHROMIUM), "{said}");
    assert!(said.contains("CHROME="), "{said}");
    Ok(())
}

/// The book shows this transcript. `target/debug/examples/cache` writes it.
#[test]
fn a_cache_is_poisoned_unless_keys_are_random() -> Outcome {
    let output = example("client", "cache")?.output()?;
    let seen = String::from_utf8(output.stdout)?;
    let kept = fs::read_to_string(root().join("tests/snapshots/client/cache.txt"))?;
    assert_eq!(seen, kept.replace("\r\n", "\n"));
    assert!(output.status.success());
    Ok(())
}
