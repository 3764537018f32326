//! Answers a browser's requests: the pages, or their plain text until they are built, and news of the next version.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::PoisonError;
use std::time::Duration;

use tiny_http::{Header, Method, Request, Response};

use super::{Edition, Pages};
use crate::chapter;
use crate::project::Step;

/// How long a page's question for news is held.
const POLL_TIMEOUT: Duration = Duration::from_secs(25);

/// What is answered: status, content type, body.
type Answer = (u16, &'static str, Vec<u8>);

pub(super) fn answer(pages: &Pages, request: Request) {
    let (path, query) = request.url().split_once('?').unwrap_or((request.url(), ""));
    let is_get = matches!(request.method(), Method::Get | Method::Head);
    let (status, kind, body) = match path {
        _ if !is_get => text(405, "Only GET and HEAD are answered here.\n"),
        "/__workshop/reload.js" => (200, JAVASCRIPT, include_bytes!("reload.js").to_vec()),
        "/__workshop/version" => news(pages, query.trim_start_matches("seen=")),
        _ => page(pages, path),
    };
    let header = |name: &str, value: &str| {
        Header::from_bytes(name, value).expect("our own headers are valid")
    };
    let response = Response::from_data(body)
        .with_status_code(status)
        .with_header(header("Content-Type", kind))
        .with_header(header("Cache-Control", "no-cache"))
        .with_header(header("X-Content-Type-Options", "nosniff"));
    // If the browser has gone away, the answer has no reader.
    _ = request.respond(response);
}

const HTML: &str = "text/html; charset=utf-8";
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

fn text(status: u16, text: &str) -> Answer {
    (
        status,
        "text/plain; charset=utf-8",
        text.as_bytes().to_vec(),
    )
}

/// Waits until there is another version than the one that was seen.
fn news(pages: &Pages, seen: &str) -> Answer {
    let edition = pages.edition();
    let is_old = |edition: &mut Edition| edition.version() == seen && !edition.is_over;
    let (edition, _) = pages
        .is_new
        .wait_timeout_while(edition, POLL_TIMEOUT, is_old)
        .unwrap_or_else(PoisonError::into_inner);
    text(200, &edition.version())
}

fn page(pages: &Pages, path: &str) -> Answer {
    // While this is held, no new pages are put in place.
    let edition = pages.edition();
    let version = edition.version();
    if !pages.exist() {
        return (503, HTML, with_reload(&unbuilt(pages, path), &version));
    }
    let Some(file) = file_for(path).map(|file| pages.folder.join(file)) else {
        return not_found(pages, &version);
    };
    let file = if file.is_dir() {
        file.join("index.html")
    } else {
        file
    };
    // A link may lead out of the folder.
    let inside = |file: &Path| {
        let (file, folder) = (fs::canonicalize(file), fs::canonicalize(&pages.folder));
        matches!((file, folder), (Ok(file), Ok(folder)) if file.starts_with(&folder))
    };
    let Some(content) = inside(&file).then(|| fs::read(&file).ok()).flatten() else {
        return not_found(pages, &version);
    };
    match content_type(&file) {
        HTML => {
            let html = String::from_utf8_lossy(&content);
            (200, HTML, with_reload(&html, &version))
        }
        other => (200, other, content),
    }
}

fn not_found(pages: &Pages, version: &str) -> Answer {
    let page = fs::read_to_string(pages.folder.join("404.html"));
    let page =
        page.unwrap_or_else(|_| "<p>There is no such page. <a href=\"/\">The book</a>".into());
    (404, HTML, with_reload(&page, version))
}

/// What there is of a page before the book is built: its plain text.
fn unbuilt(pages: &Pages, path: &str) -> String {
    let file = match file_for(path) {
        Some(file) if !file.as_os_str().is_empty() => file.with_extension("md"),
        _ => PathBuf::from("introduction.md"),
    };
    let link = |step: &Step| {
        let page = step.chapter.trim_end_matches(".md");
        format!("<a href=\"/{page}.html\">{} {}</a> ", step.number, step.id)
    };
    let links: String = pages.project.steps.iter().map(link).collect();
    let text = chapter::page(&pages.project, &file).unwrap_or_default();
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    format!(
        "{BEING_BUILT}<p><a href=\"/\">Introduction</a> {links}</p><pre>{text}</pre></body></html>"
    )
}

const BEING_BUILT: &str = "<!DOCTYPE html><html lang=\"en\"><meta charset=\"utf-8\">\
    <meta name=\"color-scheme\" content=\"light dark\"><title>The book is being built</title>\
    <style>body { margin: 2em auto; max-width: 54em; padding: 0 1em; line-height: 1.5 } \
    pre { white-space: pre-wrap }</style>\
    <body><p><strong>The book is being built, and this page turns into it. Until then, here is its plain \
    text.</strong></p>";

/// The page, with the script that waits for the next version.
fn with_reload(html: &str, version: &str) -> Vec<u8> {
    let script = format!(
        "<script defer src=\"/__workshop/reload.js\" data-version=\"{version}\"></script>\n"
    );
    let at = html.rfind("</body>").unwrap_or(html.len());
    format!("{}{script}{}", &html[..at], &html[at..]).into_bytes()
}

/// The file that a path names, relative to the pages' folder; `None` if it would lead out of it.
fn file_for(path: &str) -> Option<PathBuf> {
    let path = decoded(path.strip_prefix('/')?)?;
    let is_plain = |name: &&str| !name.starts_with('.') && !name.contains(['\\', ':', '\0']);
    let names: Vec<&str> = path.split('/').filter(|name| !name.is_empty()).collect();
    names.iter().all(is_plain).then(|| names.iter().collect())
}

/// `%20` and its like as the characters that they encode.
fn decoded(path: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = path.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || char::from(rest.next()?).to_digit(16);
        let value = digit()? * 16 + digit()?;
        bytes.push(u8::try_from(value).ok()?);
    }
    String::from_utf8(bytes).ok()
}

fn content_type(file: &Path) -> &'static str {
    let extension = file.extension().and_then(|extension| extension.to_str());
    match extension.unwrap_or_default() {
        "html" => HTML,
        "css" => "text/css; charset=utf-8",
        "js" | "mjs" => JAVASCRIPT,
        "json" | "map" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "ico" => "image/x-icon",
        "woff" => "font/woff",
        "woff2" => "font/woff2",
        "ttf" => "font/ttf",
        "wasm" => "application/wasm",
        "txt" | "md" => "text/plain; charset=utf-8",
        "xml" => "text/xml; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_never_leads_out_of_the_folder() {
        assert_eq!(file_for("/"), Some(PathBuf::new()));
        assert_eq!(
            file_for("/css/a%20b.css"),
            Some(["css", "a b.css"].iter().collect())
        );
        for path in [
            "/../secret",
            "/%2e%2e/secret",
            "/a/..%2f..%2fsecret",
            "/..\\secret",
            "/%5c..%5csecret",
            "/C:/secret",
            "/%00",
            "/%",
            "/%zz",
            "/%ff",
            "secret",
            "http://example.com/",
            "/.git/config",
        ] {
            assert_eq!(file_for(path), None, "{path}");
        }
    }

    #[test]
    fn the_script_is_at_the_end_of_the_page() {
        let page = with_reload("<body><p></body></html>", "7-1");
        let page = String::from_utf8(page).unwrap();
        assert!(
            page.starts_with("<body><p><script ") && page.ends_with("</script>\n</body></html>"),
            "{page}"
        );
        assert!(page.contains("data-version=\"7-1\""));
    }
}
