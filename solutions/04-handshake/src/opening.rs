//! A request that keeps every rule of a client's opening handshake, and its 101 (RFC 6455 §4.2).
//!
//! Each rule has one function, whose error is always that rule's own [`Refusal`].
//! [`OpeningHandshake::read`] stops at the first broken rule, [`broken_rules`] finds them all. The
//! rules are numbered as in RFC 6455 §4.2.1.

use crate::extensions::{self, Extension};
use crate::fields::is_token;
use crate::head::{HttpVersion, RequestHead, host_and_resource};
use crate::key::Key;
use crate::origin::split_port;
use crate::policy::Policy;
use crate::refusal::Refusal;
use crate::response::{self, Field};

/// What a client asked for, and what the server has chosen.
// ANCHOR: opening
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpeningHandshake {
    /// The resource name: the path and the query, `/socket?room=1`.
    pub resource: String,
    /// The host and port that the client believes it talks to.
    pub host: String,
    /// The origin of the page that asks. `None` if the client sent none: it isn't a browser.
    pub origin: Option<String>,
    /// The client's key.
    pub key: Key,
    /// The subprotocol that the server has chosen from those offered.
    pub subprotocol: Option<String>,
    /// The extensions that the client offers. None is used yet.
    pub extensions: Vec<Extension>,
    /// What the server has chosen from these: the value of the 101's field. [`read`](Self::read) chooses nothing.
    pub chosen_extensions: Option<String>,
}
// ANCHOR_END: opening

impl OpeningHandshake {
    /// Checks every rule on a request's head. The RFC gives no order; here the version comes before
    /// the key, since in another version a key may look different.
    ///
    /// # Errors
    /// Returns the [`Refusal`] of the first rule that the head breaks.
    // ANCHOR: read
    pub fn read(head: &RequestHead, policy: &Policy) -> Result<Self, Refusal> {
        check_method(head)?;
        check_http_version(head)?;
        let resource = read_resource(head)?;
        let host = read_host(head)?;
        check_upgrade(head)?;
        check_connection(head)?;
        check_version(head)?;
        let key = read_key(head)?;
        let origin = read_origin(head, host, policy)?;
        let offered = read_subprotocols(head)?;
        let extensions = read_extensions(head)?;
        Ok(Self {
            resource: resource.to_string(),
            host: host.to_string(),
            origin: origin.map(str::to_string),
            key,
            subprotocol: policy.choose_subprotocol(&offered),
            extensions,
            chosen_extensions: None,
        })
    }
    // ANCHOR_END: read

    /// The 101 that completes the handshake. After it the connection belongs to the WebSocket.
    pub fn response(&self) -> Vec<u8> {
        let accept = self.key.accept();
        response::head("HTTP/1.1 101 Switching Protocols", &self.fields(&accept))
    }

    /// The fields of the 101. `accept` is the accept key for the client's key.
    pub fn fields<'a>(&'a self, accept: &'a str) -> Vec<Field<'a>> {
        let mut fields = response::fields(accept, self.subprotocol.as_deref());
        if let Some(chosen) = &self.chosen_extensions {
            fields.push(("Sec-WebSocket-Extensions", chosen));
        }
        fields
    }
}

/// All rules that the head breaks, in the order of [`OpeningHandshake::read`].
pub fn broken_rules(head: &RequestHead, policy: &Policy) -> Vec<Refusal> {
    let host = read_host(head).unwrap_or_default();
    let broken = [
        check_method(head).err(),
        check_http_version(head).err(),
        read_resource(head).err(),
        read_host(head).err(),
        check_upgrade(head).err(),
        check_connection(head).err(),
        check_version(head).err(),
        read_key(head).err(),
        read_origin(head, host, policy).err(),
        read_subprotocols(head).err(),
        read_extensions(head).err(),
    ];
    broken.into_iter().flatten().collect()
}

/// Rule 1: the method is GET. Methods are case sensitive (RFC 9110 §9.1).
pub fn check_method(head: &RequestHead) -> Result<(), Refusal> {
    match head.method.as_str() {
        "GET" => Ok(()),
        other => Err(Refusal::Method(other.to_string())),
    }
}

/// Rule 1: HTTP/1.1 or later.
pub fn check_http_version(head: &RequestHead) -> Result<(), Refusal> {
    if head.version >= HttpVersion::HTTP_1_1 {
        Ok(())
    } else {
        Err(Refusal::HttpVersion(head.version))
    }
}

/// Rule 1: a resource name, or an http URI that has one.
pub fn read_resource(head: &RequestHead) -> Result<&str, Refusal> {
    let (_host, resource) =
        host_and_resource(&head.target).ok_or_else(|| Refusal::Target(head.target.clone()))?;
    Ok(resource)
}

/// Rule 2: exactly one host, with or without a port, which is at most 65535. If the target names a host,
/// that one counts (RFC 9112 §3.2.2).
pub fn read_host(head: &RequestHead) -> Result<&str, Refusal> {
    let refusal = || Refusal::Host(received(head, "Host"));
    let field = head.fields.only("Host").ok_or_else(refusal)?;
    let in_target = host_and_resource(&head.target).and_then(|(host, _)| host);
    let host = in_target.unwrap_or(field);
    match split_port(host) {
        Some(_) => Ok(host),
        None => Err(refusal()),
    }
}

/// Rule 3: `websocket` is among the protocols to upgrade to.
// ANCHOR: check_upgrade
pub fn check_upgrade(head: &RequestHead) -> Result<(), Refusal> {
    if head.fields.has_token("Upgrade", "websocket") {
        Ok(())
    } else {
        Err(Refusal::Upgrade(received(head, "Upgrade")))
    }
}
// ANCHOR_END: check_upgrade

/// Rule 4: `upgrade` is among the connection options.
pub fn check_connection(head: &RequestHead) -> Result<(), Refusal> {
    if head.fields.has_token("Connection", "upgrade") {
        Ok(())
    } else {
        Err(Refusal::Connection(received(head, "Connection")))
    }
}

/// Rule 6: the version is given once, and is 13.
// ANCHOR: check_version
pub fn check_version(head: &RequestHead) -> Result<(), Refusal> {
    // Task: `Sec-WebSocket-Version` is there once, and is 13.
    match head.fields.only("Sec-WebSocket-Version") {
        Some("13") => Ok(()),
        _ => Err(Refusal::Version(received(head, "Sec-WebSocket-Version"))),
    }
}
// ANCHOR_END: check_version

/// Rule 5: the key is given once, and is 16 bytes in base64.
// ANCHOR: read_key
pub fn read_key(head: &RequestHead) -> Result<Key, Refusal> {
    // Task: `Sec-WebSocket-Key` is there once, and is a `Key`.
    let value = head.fields.only("Sec-WebSocket-Key");
    value
        .and_then(Key::parse)
        .ok_or_else(|| Refusal::Key(received(head, "Sec-WebSocket-Key")))
}
// ANCHOR_END: read_key

/// Rule 7: if a page asks, its origin is welcome.
// ANCHOR: read_origin
pub fn read_origin<'a>(
    head: &'a RequestHead,
    host: &str,
    policy: &Policy,
) -> Result<Option<&'a str>, Refusal> {
    match head.fields.values("Origin")[..] {
        [] => Ok(None),
        [origin] if policy.origins.allows(origin, host) => Ok(Some(origin)),
        _ => Err(Refusal::Origin(received(head, "Origin"))),
    }
}
// ANCHOR_END: read_origin

/// Rule 8: the subprotocols are tokens, all of them different (RFC 6455 §4.1).
pub fn read_subprotocols(head: &RequestHead) -> Result<Vec<&str>, Refusal> {
    let name = "Sec-WebSocket-Protocol";
    let offered = head.fields.elements(name);
    let is_given = !head.fields.values(name).is_empty();
    let is_empty_list = is_given && offered.is_empty();
    let are_tokens = offered.iter().all(|name| is_token(name));
    let are_different = (1..offered.len()).all(|at| !offered[..at].contains(&offered[at]));
    if !is_empty_list && are_tokens && are_different {
        Ok(offered)
    } else {
        Err(Refusal::Subprotocols(received(head, name)))
    }
}

/// Rule 9: the extensions keep the grammar of RFC 6455 §9.1.
pub fn read_extensions(head: &RequestHead) -> Result<Vec<Extension>, Refusal> {
    let name = "Sec-WebSocket-Extensions";
    let values = head.fields.values(name).into_iter();
    let lists: Option<Vec<_>> = values.map(extensions::parse).collect();
    match lists {
        Some(lists) => Ok(lists.concat()),
        None => Err(Refusal::Extensions(received(head, name))),
    }
}

/// The values of all fields with this name, for the refusal to quote.
// ANCHOR: received
fn received(head: &RequestHead, name: &str) -> Vec<String> {
    let values = head.fields.values(name).into_iter();
    values.map(str::to_string).collect()
}
// ANCHOR_END: received
