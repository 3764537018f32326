//! The page in the browser: plain HTML, CSS, and a plain module.
//!
//! The page knows nothing of polling or long polling but one number, which the server writes into
//! it: how many seconds the server holds a request before it answers. 0 means that the page does
//! the waiting.

use std::time::Duration;

/// What the page does.
pub const SCRIPT: &str = include_str!("page/page.js");
/// How the page looks.
pub const STYLE: &str = include_str!("page/page.css");

/// The page itself.
///
/// `hold` is how long the server holds a request for which there is no news.
pub fn html(title: &str, hold: Duration) -> String {
    include_str!("page/page.html")
        .replace("{title}", title)
        .replace("{hold}", &hold.as_secs_f64().to_string())
}
