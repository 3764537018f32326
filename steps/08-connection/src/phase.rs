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
    /// The other side broke a rule.
    Failed,
    /// TCP has ended.
    Closed,
}

impl Phase {
    /// Returns whether incoming bytes are still read.
    pub fn reads(self) -> bool {
        // Task: nothing is read after their Close, after a failure, or after the end of TCP.
        todo!("nothing is read after their Close, after a failure, or after the end of TCP")
    }

    /// Returns whether the endpoint with this role closes TCP as soon as everything is written. After the
    /// closing handshake the server does, and the client waits for that (RFC 6455 §7.1.1). Once TCP has
    /// ended, both do: there is nothing more to wait for.
    pub fn should_close_tcp(self, role: Role) -> bool {
        // Task: RFC 6455 §7.1.1 says which side closes first. After a failure we wait for nothing.
        // Once TCP has ended, both sides close what is left of the socket.
        todo!("RFC 6455 §7.1.1 says which side closes first. After a failure we wait for nothing")
    }

    /// Returns the state that an application sees.
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
    /// The closing handshake has begun, or the connection has failed. Nothing more can be sent, but TCP
    /// hasn't ended.
    Closing,
    /// TCP has ended.
    Closed,
}
