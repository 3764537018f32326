//! Which server to probe: a `ws://` address (RFC 6455 §3), by default on this machine only.

use std::net::SocketAddr;

use anyhow::{Context, Result, anyhow, bail};
use workshop_terminal::text::sanitize;
use workshop_wire::reach;

/// A server and the resource at which it speaks WebSocket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Where to connect: the first of these that accepts a connection.
    pub addresses: Vec<SocketAddr>,
    /// The value of the `Host` field.
    pub host: String,
    /// The request target: a path, perhaps with a query.
    pub resource: String,
}

impl Target {
    /// Reads a `ws://` URL and looks up its host. The address may be on another machine only with `anywhere`.
    ///
    /// # Errors
    /// Returns an error if the URL can't be probed, or its host is unknown.
    pub fn find(url: &str, anywhere: bool) -> Result<Self> {
        let (host, resource) = split(url)?;
        let with_port = if has_port(&host) {
            host.clone()
        } else {
            format!("{host}:80")
        };
        let all = reach::look_up(&with_port)
            .with_context(|| format!("`{host}` is not an address to connect to"))?;
        let is_ours = |address: &SocketAddr| address.ip().is_loopback();
        let addresses: Vec<SocketAddr> = if anywhere {
            all
        } else {
            all.into_iter().filter(is_ours).collect()
        };
        if addresses.is_empty() {
            bail!(
                "`{host}` is not on this machine: `--anywhere` probes it all the same, \
                 but only a server of your own is yours to probe."
            );
        }
        Ok(Self {
            addresses,
            host,
            resource,
        })
    }
}

/// The host, with its port if it has one, and the resource.
fn split(url: &str) -> Result<(String, String)> {
    let wrong = |why: &str| {
        anyhow!(
            "`{}` can't be probed: {why}; try something like ws://127.0.0.1:9009/socket.",
            sanitize(url)
        )
    };
    let Some(rest) = url.strip_prefix("ws://") else {
        return Err(wrong("only addresses that begin with ws:// can"));
    };
    if !rest.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(wrong("it has a space or another character to be escaped"));
    }
    if rest.contains('#') {
        return Err(wrong("a WebSocket's address has no fragment"));
    }
    let at = rest.find(['/', '?']).unwrap_or(rest.len());
    let (host, resource) = rest.split_at(at);
    if host.is_empty() || host.contains('@') {
        return Err(wrong(
            "between ws:// and the path there is a host and a port",
        ));
    }
    let resource = if resource.starts_with('/') {
        resource.to_string()
    } else {
        format!("/{resource}")
    };
    Ok((host.to_string(), resource))
}

fn has_port(host: &str) -> bool {
    let after_address = host.rfind(']').map_or(host, |at| &host[at..]);
    after_address.contains(':')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(url: &str) -> (String, String, String) {
        let target = Target::find(url, false).expect(url);
        let addresses: Vec<String> = target.addresses.iter().map(ToString::to_string).collect();
        (addresses.join(", "), target.host, target.resource)
    }

    #[test]
    fn an_address_is_a_host_a_port_and_a_resource() {
        let strings = |a: &str, b: &str, c: &str| (a.into(), b.into(), c.into());
        assert_eq!(
            found("ws://127.0.0.1:9009/socket?a=b"),
            strings("127.0.0.1:9009", "127.0.0.1:9009", "/socket?a=b")
        );
        assert_eq!(
            found("ws://127.0.0.1"),
            strings("127.0.0.1:80", "127.0.0.1", "/")
        );
        assert_eq!(
            found("ws://[::1]:9009?x"),
            strings("[::1]:9009", "[::1]:9009", "/?x")
        );
        assert_eq!(found("ws://[::1]"), strings("[::1]:80", "[::1]", "/"));
    }

    #[test]
    fn what_is_no_address_of_a_web_socket_is_refused() {
        for url in [
            "http://127.0.0.1/",
            "wss://127.0.0.1/",
            "ws:///x",
            "ws://a b/",
            "ws://127.0.0.1/\r\nX: y",
            "ws://127.0.0.1/#here",
            "ws://me@127.0.0.1/",
            "ws://127.0.0.1:none/",
        ] {
            assert!(Target::find(url, true).is_err(), "{url}");
        }
    }

    #[test]
    fn another_machine_needs_to_be_asked_for() {
        let url = "ws://192.0.2.1:80/";
        assert!(Target::find(url, false).is_err());
        assert!(Target::find(url, true).is_ok());
    }
}
