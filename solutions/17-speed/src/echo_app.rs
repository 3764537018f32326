//! The echo of step 09, as an [`App`].

use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener};

use connection::Failure;
use echo::Log;
use frames::Opcode;
use handshake::head::RequestHead;
use polling::routes::{Refusal, Reply};

use crate::answers::Answers;
use crate::app::App;
use crate::server::Server;

/// Sends each message back.
pub struct Echo {
    /// Where a line is written for each client that breaks a rule.
    pub log: Log,
}

impl Echo {
    /// Starts a server with these settings.
    ///
    /// # Errors
    /// Returns the system's error if the listener can't be used, or no thread can be started.
    pub fn start(listener: TcpListener, settings: &echo::Settings) -> io::Result<Server> {
        let app = Self {
            log: settings.log.clone(),
        };
        Server::start(listener, settings.into(), app)
    }
}

impl App for Echo {
    type Member = ();

    fn get(&self, path: &str, _query: &str) -> Reply {
        match path {
            "/" => Reply::file("text/html; charset=utf-8", include_str!("page.html")),
            _ => Refusal::NoSuchPath.into(),
        }
    }

    fn join(&mut self, _request: &RequestHead, _query: &str) -> Result<(), Reply> {
        Ok(())
    }

    // ANCHOR: hear
    fn hear<Stream: Write>(
        &mut self,
        _member: &mut (),
        opcode: Opcode,
        payload: &[u8],
        answers: &mut Answers<Stream>,
    ) -> io::Result<()> {
        answers.message(opcode, payload)
    }
    // ANCHOR_END: hear

    fn note_failure(&self, peer: Option<SocketAddr>, failure: &Failure) {
        let peer = peer.map_or("a client".to_string(), |peer| peer.to_string());
        let code = failure.close_code();
        self.log
            .write(format!("{peer}: closed with {code}: {failure}"));
    }
}
