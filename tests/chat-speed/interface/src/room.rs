//! The [`App`] of step 17's chat, with clients that have no socket.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, PoisonError};

use connection::Failure;
use frames::Opcode;
use handshake::head::{HeadBuffer, Limits, RequestHead};
use polling::routes::Reply;
use speed::{Answers, App, Waiting};
use step_10::client::ClientId;
use step_10::{Outbox, Visitor};

use crate::hub::{JOBS_AT_ONCE, Job};

/// A client of the fast chat.
type Member = <speed::Chat as App>::Member;

/// The chat, and those of its clients that have no socket.
pub(crate) struct Guests {
    chat: speed::Chat,
    /// Each with an outbox of the check's, where everything goes that is for it.
    guests: BTreeMap<ClientId, (Member, Arc<Outbox>)>,
    next: ClientId,
}

impl Guests {
    pub(crate) fn new(chat: speed::Chat) -> Self {
        Self {
            chat,
            guests: BTreeMap::new(),
            next: ClientId::FIRST,
        }
    }

    pub(crate) fn join(&mut self, visitor: &Visitor, outbox: Arc<Outbox>) -> ClientId {
        let mut query = format!("after={}", visitor.after);
        if let Some(tab) = &visitor.tab {
            query += &format!("&tab={tab}");
        }
        let member = self.chat.join(&any_request(), &query);
        let member = member.unwrap_or_else(|_| unreachable!("the cursor is a number"));
        let id = self.next;
        self.next = id.next();
        self.guests.insert(id, (member, outbox));
        id
    }

    pub(crate) fn say(&mut self, client: ClientId, text: &str) {
        if let Some((member, _)) = self.guests.get_mut(&client) {
            let (mut nowhere, mut joined, mut waiting) =
                (io::sink(), Vec::new(), Waiting::default());
            let mut answers = Answers::new(&mut nowhere, &mut joined, &mut waiting);
            _ = self
                .chat
                .hear(member, Opcode::Text, text.as_bytes(), &mut answers);
        }
    }

    pub(crate) fn leave(&mut self, client: ClientId) {
        if let Some((mut member, _)) = self.guests.remove(&client) {
            self.chat.leave(&mut member);
        }
    }

    /// Fetches the news for each guest.
    fn collect(&mut self) {
        for (member, outbox) in self.guests.values_mut() {
            let mut bytes = Vec::new();
            while self.chat.collect(member, &mut bytes, false) && !bytes.is_empty() {
                // The check's outbox has room enough.
                _ = outbox.push(bytes.as_slice().into());
                bytes.clear();
            }
        }
    }
}

/// A head for a client that never sent one. The chat doesn't look at it.
fn any_request() -> RequestHead {
    let mut head = HeadBuffer::new(Limits::default());
    let whole = head.push(b"GET /socket HTTP/1.1\r\nHost: localhost\r\n\r\n");
    debug_assert_eq!(whole, Ok(true));
    RequestHead::parse(&head).expect("this is a request")
}

/// The fast chat as an [`App`] that does the jobs of a [`Hub`](crate::Hub).
pub(crate) struct Room {
    guests: Guests,
    jobs: Receiver<Job>,
    people: Arc<Mutex<Vec<String>>>,
}

impl Room {
    pub(crate) fn new(
        chat: speed::Chat,
        jobs: Receiver<Job>,
        people: Arc<Mutex<Vec<String>>>,
    ) -> Self {
        Self {
            guests: Guests::new(chat),
            jobs,
            people,
        }
    }

    fn note_people(&self) {
        let people = self.guests.chat.get("/people", "").body;
        let people = serde_json::from_str(&people).expect("it is a list of names");
        *self.people.lock().unwrap_or_else(PoisonError::into_inner) = people;
    }
}

impl App for Room {
    type Member = Member;

    fn get(&self, path: &str, query: &str) -> Reply {
        self.guests.chat.get(path, query)
    }

    fn join(&mut self, request: &RequestHead, query: &str) -> Result<Member, Reply> {
        self.guests.chat.join(request, query)
    }

    fn hear<Stream: Write>(
        &mut self,
        member: &mut Member,
        opcode: Opcode,
        payload: &[u8],
        answers: &mut Answers<Stream>,
    ) -> io::Result<()> {
        self.guests.chat.hear(member, opcode, payload, answers)
    }

    fn post(&mut self, member: &mut Member, bytes: &mut Vec<u8>, open: bool) {
        self.guests.chat.post(member, bytes, open);
    }

    /// The server asks in each round, so this is where jobs are done.
    fn has_news(&mut self) -> bool {
        for job in self.jobs.try_iter().take(JOBS_AT_ONCE) {
            job(&mut self.guests);
        }
        let has_news = self.guests.chat.has_news();
        if has_news {
            self.guests.collect();
            self.note_people();
        }
        has_news
    }

    fn collect(&mut self, member: &mut Member, bytes: &mut Vec<u8>, done: bool) -> bool {
        self.guests.chat.collect(member, bytes, done)
    }

    fn is_finished(&self, member: &Member) -> bool {
        self.guests.chat.is_finished(member)
    }

    fn leave(&mut self, member: &mut Member) {
        self.guests.chat.leave(member);
    }

    fn note_failure(&self, peer: Option<SocketAddr>, failure: &Failure) {
        self.guests.chat.note_failure(peer, failure);
    }

    fn stop(&mut self) {
        self.guests.chat.stop();
    }
}
