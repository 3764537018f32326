//! Request heads, as a browser writes them.
//!
//! Each was recorded, to the byte, when a page of the workshop called `fetch` or `new WebSocket` in Chromium 156. The
//! parts that differ from request to request are replaced: target, host, key, the body's length. If there is a cookie,
//! it is the last field.

use std::net::SocketAddr;

const GET: &str = include_str!("../heads/chromium-156-get.txt");
const POST: &str = include_str!("../heads/chromium-156-post.txt");
const UPGRADE: &str = include_str!("../../../tests/handshakes/chromium-156.txt");

/// A browser's tab.
#[derive(Debug, Clone)]
pub struct Browser {
    host: SocketAddr,
    cookie: usize,
}

impl Browser {
    /// A tab with a page from this host, which has set a cookie of this many bytes, or none if that is 0.
    pub fn new(host: SocketAddr, cookie: usize) -> Self {
        Self { host, cookie }
    }

    /// Asks for news after a message.
    pub fn get(&self, after: u64) -> Vec<u8> {
        self.head(GET, &format!("/messages?after={after}"), &[])
    }

    /// Posts a message.
    pub fn post(&self, body: &str) -> Vec<u8> {
        let length = body.len().to_string();
        let mut request = self.head(POST, "/messages", &[("Content-Length", &length)]);
        request.extend_from_slice(body.as_bytes());
        request
    }

    /// Opens a WebSocket.
    pub fn upgrade(&self, target: &str, key: &str) -> Vec<u8> {
        self.head(UPGRADE, target, &[("Sec-WebSocket-Key", key)])
    }

    fn head(&self, recorded: &str, target: &str, own: &[(&str, &str)]) -> Vec<u8> {
        let host = self.host.to_string();
        let mut lines = recorded.lines().take_while(|line| !line.is_empty());
        let first = lines.next().expect("a recorded head has a first line");
        let method = first.split(' ').next().unwrap_or_default();
        let mut head = format!("{method} {target} HTTP/1.1\r\n");
        let mut add = |name: &str, value: &str| head += &format!("{name}: {value}\r\n");
        for line in lines {
            let (name, recorded) = line.split_once(": ").expect("a recorded line is a field");
            let own = own.iter().find(|(own, _)| *own == name);
            match (name, own) {
                (_, Some((_, value))) => add(name, value),
                ("Host", _) => add(name, &host),
                ("Origin", _) => add(name, &format!("http://{host}")),
                ("Referer", _) => add(name, &format!("http://{host}/")),
                _ => add(name, recorded),
            }
        }
        if self.cookie > 0 {
            add("Cookie", &"c".repeat(self.cookie));
        }
        head += "\r\n";
        head.into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: Vec<u8>) -> String {
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_head_is_the_recorded_one_for_the_same_request() {
        let at = |port| Browser::new(SocketAddr::from(([127, 0, 0, 1], port)), 0);
        let host = GET.lines().nth(1).unwrap();
        let port = host.rsplit_once(':').unwrap().1.parse().unwrap();
        assert_eq!(text(at(port).get(0)), GET);
        let key = "YQ8viIO60FQqSbqZ4LewQA==";
        assert_eq!(text(at(42925).upgrade("/socket", key)), UPGRADE);
        let post = text(at(port).post(r#"{"username":"ada","message":"hi"}"#));
        assert!(post.starts_with(POST), "{post}");
        assert!(post.ends_with("\r\n\r\n{\"username\":\"ada\",\"message\":\"hi\"}"));
    }

    #[test]
    fn a_cookie_adds_its_own_bytes_and_its_name() {
        let host = SocketAddr::from(([127, 0, 0, 1], 9001));
        let (with, without) = (Browser::new(host, 500), Browser::new(host, 0));
        let more = with.get(7).len() - without.get(7).len();
        assert_eq!(more, "Cookie: \r\n".len() + 500);
    }
}
