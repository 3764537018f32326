//! A server of step 17 that is started as one of step 10 is.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use step_10::Settings;

use crate::hub::{Hub, Job};
use crate::room::Room;

/// How long a job of the [`Hub`] may wait, if nothing else wakes the thread.
const TICK: Duration = Duration::from_millis(1);

/// A chat with one room.
pub struct Chat {
    settings: Settings,
    hub: Hub,
    /// For the server, which takes it.
    jobs: Mutex<Option<Receiver<Job>>>,
}

impl Chat {
    /// Creates an empty chat.
    pub fn new(settings: Settings) -> Self {
        let (hub, jobs) = Hub::new();
        let jobs = Mutex::new(Some(jobs));
        Self {
            settings,
            hub,
            jobs,
        }
    }

    /// Returns the chat's room.
    pub fn hub(&self) -> &Hub {
        &self.hub
    }
}

/// A running server with the interface of [`step_10::Server`]. Dropping it stops it.
pub struct Server<A> {
    server: speed::Server,
    app: Arc<A>,
}

impl Server<Chat> {
    /// Starts to answer the clients that `listener` accepts.
    ///
    /// # Errors
    /// Returns an error if the listener can't be used, or no thread can be started.
    pub fn start(listener: TcpListener, app: Arc<Chat>) -> io::Result<Self> {
        let mut settings = speed::Settings::from(&app.settings);
        settings.tick = settings.tick.min(TICK);
        let jobs = app
            .jobs
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let jobs = jobs.ok_or_else(|| io::Error::other("this chat has a server"))?;
        let chat = speed::Chat::new(&app.settings);
        let room = Room::new(chat, jobs, app.hub.noted_people());
        let server = speed::Server::start(listener, settings, room)?;
        Ok(Self { server, app })
    }

    /// Returns the address on which the server listens.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Returns the chat, to look at it from outside.
    pub fn app(&self) -> &Chat {
        &self.app
    }
}
