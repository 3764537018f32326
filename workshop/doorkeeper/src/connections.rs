//! The open connections, and which of them can be closed without losing anything.

use std::collections::BTreeMap;
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// All connections of a server.
#[derive(Debug, Default)]
pub struct Connections(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    open: BTreeMap<u64, Arc<TcpStream>>,
    /// The connections that wait for a whole head, by when they began to wait.
    waiting: BTreeMap<u64, u64>,
    last: u64,
    is_stopped: bool,
}

/// A connection, for as long as it is open.
#[derive(Debug)]
pub struct Connection {
    all: Arc<Connections>,
    id: u64,
}

impl Connections {
    /// Returns how many are open.
    pub fn count(&self) -> usize {
        self.lock().open.len()
    }

    /// Adds a connection. Returns `None` if the server is stopping.
    pub fn enter(self: &Arc<Self>, stream: &Arc<TcpStream>) -> Option<Connection> {
        let mut state = self.lock();
        let id = state.next();
        if state.is_stopped {
            return None;
        }
        state.open.insert(id, Arc::clone(stream));
        let all = Arc::clone(self);
        Some(Connection { all, id })
    }

    /// Closes the connection that has waited longest for a head, so that silent connections don't lock others
    /// out. Returns whether there was one.
    pub fn close_longest_waiting(&self) -> bool {
        let mut state = self.lock();
        let longest = state.waiting.pop_first();
        if let Some((_, id)) = longest {
            state.close(id);
        }
        longest.is_some()
    }

    /// Closes the connections that wait for a head, and from now on each one that starts to wait: the server is
    /// stopping.
    pub fn stop(&self) {
        let mut state = self.lock();
        state.is_stopped = true;
        while let Some((_, id)) = state.waiting.pop_first() {
            state.close(id);
        }
    }

    /// Closes all connections that are left.
    pub fn close_all(&self) {
        let state = self.lock();
        state.open.keys().for_each(|id| state.close(*id));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn next(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    /// Shuts a connection down. Its thread learns of it at once, because its read ends.
    fn close(&self, id: u64) {
        if let Some(stream) = self.open.get(&id) {
            _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Connection {
    /// Calls `wait`. Until `wait` returns, this is a connection that can be closed.
    pub fn while_waiting<T>(&self, wait: impl FnOnce() -> T) -> T {
        let mut state = self.all.lock();
        let turn = state.next();
        state.waiting.insert(turn, self.id);
        if state.is_stopped {
            state.close(self.id);
        }
        drop(state);
        let result = wait();
        self.all.lock().waiting.remove(&turn);
        result
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.all.lock().open.remove(&self.id);
    }
}
