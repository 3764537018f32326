//! The part of an endpoint in the opening handshake, for the servers and the client of the other steps.

use connection::{Extension, NoExtension};
use echo::{Agreed, Negotiation};
use frames::{ReservedBits, Role};
use handshake::extensions::Extension as Named;

use crate::deflate::Deflater;
use crate::extension::{COMPRESSED, PermessageDeflate};
use crate::negotiate;
use crate::parameters::Context;
use crate::settings::Compression;
use crate::window::WindowBits;

impl Negotiation for Compression {
    fn offer(&self) -> String {
        self.offered().write(Role::Client)
    }

    fn accept(&self, chosen: &[Named]) -> Option<Box<dyn Extension>> {
        match negotiate::check_answer(&self.offered(), chosen).ok()? {
            Some(agreed) => Some(Box::new(PermessageDeflate::new(
                Role::Client,
                &agreed,
                self.min_length,
            ))),
            None => Some(Box::new(NoExtension::default())),
        }
    }

    fn choose(&self, offers: &[Named]) -> Option<Agreed> {
        let answer = negotiate::choose(offers, self)?;
        Some(Agreed {
            field: answer.write(Role::Server),
            extension: Box::new(PermessageDeflate::new(
                Role::Server,
                &answer,
                self.min_length,
            )),
        })
    }

    fn pack_for_all(&self, text: &str) -> Option<(ReservedBits, Vec<u8>)> {
        // Task: one payload is for clients whose earlier messages differ. When is there one, and what may it refer to?
        todo!(
            "one payload is for clients whose earlier messages differ. When is there one, and what may it refer to?"
        )
    }
}
