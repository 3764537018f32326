//! How far a connection is (RFC 6455 §7.1), and what that means for reading and for TCP.

use frames::Role;

/// The five phases of a connection. `Connection` moves from one to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// No Close frame has been sent or received.
    Open,
    /// We sent ours, and theirs has not come yet.
    CloseSent,
    /// Both have been sent: the closing handshake is done.
    CloseExchanged,
    /// They broke a rule.
    Failed,
    /// TCP has ended.
    Closed,
}

impl Phase {
    /// Whether what comes is still of interest.
    pub fn reads(self) -> bool {
        // Task: nothing is read after their Close, after a failure, or after the end of TCP.
        todo!("nothing is read after their Close, after a failure, or after the end of TCP")
    }

    /// Whether the endpoint with this role is to close TCP as soon as everything is written. After the
    /// closing handshake the server does it, and the client waits until it has (RFC 6455 §7.1.1). Once TCP
    /// has ended, there is nothing more to wait for: what is left of the socket can go.
    pub fn should_close_tcp(self, role: Role) -> bool {
        // Task: RFC 6455 §7.1.1 says which side closes first. After a failure we wait for nothing.
        // Once TCP has ended, both sides close: what is left of the socket can go.
        todo!("RFC 6455 §7.1.1 says which side closes first. After a failure we wait for nothing")
    }

    /// What an application sees of this phase.
    pub fn state(self) -> State {
        match self {
            Self::Open => State::Open,
            Self::CloseSent | Self::CloseExchanged | Self::Failed => State::Closing,
            Self::Closed => State::Closed,
        }
    }
}

/// How far a connection is: a browser's `readyState`, without `CONNECTING`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Messages may be sent.
    Open,
    /// The closing handshake has begun, or the connection has failed. Nothing can be sent any more,
    /// and TCP is still there.
    Closing,
    /// TCP has ended.
    Closed,
}
