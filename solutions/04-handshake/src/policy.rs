//! What the server decides for itself: whose pages may talk to it, and which subprotocols it speaks.

use crate::origin::Origin;

/// What a server accepts beyond the rules of the RFC.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Policy {
    /// The pages that may open a WebSocket here.
    pub origins: Origins,
    /// The subprotocols that the server speaks, in its order of preference.
    pub subprotocols: Vec<String>,
}

/// The pages that may open a WebSocket here (RFC 6455 §10.2).
///
/// A browser opens a WebSocket to any host for any page, cookies and all, and lets the page read what
/// comes back. In the `Origin` field it says truthfully which page asks. A client that isn't a browser
/// may leave the field out, or lie; it has no user whose cookies it could steal.
// ANCHOR: origins
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origins {
    /// Pages of any origin.
    Any,
    /// Pages that came from the host that the handshake goes to, and those of the listed origins.
    SameHost {
        /// The other origins that are welcome, such as `Origin::parse("https://example.com")`.
        listed: Vec<Origin>,
    },
}
// ANCHOR_END: origins

impl Default for Origins {
    fn default() -> Self {
        Self::SameHost { listed: Vec::new() }
    }
}

impl Origins {
    /// Whether a page of this origin (`http://127.0.0.1:9004`) may open a WebSocket on this host
    /// (`127.0.0.1:9004`). Both are the text of their fields.
    ///
    /// `Host` names no scheme, and a server behind a proxy that speaks TLS doesn't know its own. So the
    /// pages of this host may come over http or https.
    // ANCHOR: allows
    pub fn allows(&self, origin: &str, host: &str) -> bool {
        // Task: welcome this host's own origins and the listed ones. Refuse what isn't an origin.
        let Self::SameHost { listed } = self else {
            return true;
        };
        let own = ["http", "https"].map(|scheme| Origin::new(scheme, host));
        Origin::parse(origin)
            .is_some_and(|origin| listed.contains(&origin) || own.contains(&Some(origin)))
    }
    // ANCHOR_END: allows
}

impl Policy {
    /// Chooses the subprotocol that the server likes best of those that the client offered. `None` if
    /// they have none in common; the handshake succeeds all the same (RFC 6455 §4.2.2, step 5.5).
    // ANCHOR: choose_subprotocol
    pub fn choose_subprotocol(&self, offered: &[&str]) -> Option<String> {
        // Task: choose one that both sides speak. The server's order decides.
        let mut own = self.subprotocols.iter();
        own.find(|name| offered.contains(&name.as_str())).cloned()
    }
    // ANCHOR_END: choose_subprotocol
}
