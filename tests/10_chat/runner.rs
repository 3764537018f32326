//! How one client runs: in two threads of its own. The checks of the fast chat have a different file instead.

use std::net::TcpListener;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use chat::client::{self, ClientId, Limits, Room};
use connection::NoExtension;

use super::rig::Notes;
use super::shared::Peer;

/// Runs a client in this room. Returns its peer, and a thread that ends when the client has gone.
pub fn run(
    room: &Arc<Notes>,
    first: &[u8],
    limits: Limits,
    tick: Duration,
) -> (Peer, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let peer = Peer::connect(listener.local_addr().expect("it is bound"));
    let (stream, _) = listener.accept().expect("the peer has connected");
    stream.set_read_timeout(Some(tick)).expect("it is not zero");
    let (room, first) = (Arc::clone(room), first.to_vec());
    let running = thread::spawn(move || {
        let outbox = Arc::clone(&room.outbox);
        let room: &dyn Room = &*room;
        let none = Box::new(NoExtension::default());
        _ = client::run(
            &stream,
            &first,
            (room, ClientId::FIRST),
            outbox,
            limits,
            none,
        );
    });
    (peer, running)
}
