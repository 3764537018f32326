//! The page in the browser: plain HTML, CSS, and a plain module.
//!
//! The page is the same for polling and long polling, except for one number that the server writes
//! into it: for how many seconds the server holds a request if there is no news. With 0, the page
//! does the waiting.

use std::time::Duration;

/// The page's JavaScript.
pub const SCRIPT: &str = include_str!("page/page.js");
/// The page's style sheet.
pub const STYLE: &str = include_str!("page/page.css");

/// Returns the page's HTML.
///
/// `poll_timeout` is the longest time for which the server holds a request if there is no news.
pub fn html(title: &str, poll_timeout: Duration) -> String {
    include_str!("page/page.html")
        .replace("{title}", title)
        .replace("{hold}", &poll_timeout.as_secs_f64().to_string())
}
