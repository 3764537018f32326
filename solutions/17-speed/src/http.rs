//! The answer to a request's head: 101, a page, or why not.

use chat::http::{encode_reply, refusal_reply};
use handshake::head::{HeadBuffer, RequestHead, host_and_resource};
use handshake::opening::OpeningHandshake;
use handshake::policy::Policy;
use polling::routes::{Refusal, Reply};

use crate::app::App;

/// What follows an answer.
pub enum Answer<Member> {
    /// Nothing: TCP ends after it.
    Last(Vec<u8>),
    /// The WebSocket of this member.
    Switch(Vec<u8>, Member),
}

/// Answers a head, if it is whole. Returns `None` if it isn't.
// ANCHOR: answer
pub fn answer<A: App>(
    app: &mut A,
    buffer: &mut HeadBuffer,
    piece: &[u8],
) -> Option<Answer<A::Member>> {
    match buffer.push(piece) {
        Ok(false) => return None,
        Ok(true) => {}
        Err(error) => return Some(last(&refusal_reply(&error.into()))),
    }
    let head = match RequestHead::parse(buffer) {
        Ok(head) => head,
        Err(error) => return Some(last(&refusal_reply(&error.into()))),
    };
    let target = host_and_resource(&head.target).map(|(_, resource)| resource);
    let (path, query) = target.map_or(("", ""), |it| it.split_once('?').unwrap_or((it, "")));
    let with_body = head.method != "HEAD";
    let reply = match (path, head.method.as_str()) {
        // The handshake refuses a target without a path.
        ("/socket" | "", _) => match switch(app, &head, query) {
            Ok(switched) => return Some(switched),
            Err(reply) => reply,
        },
        (_, "GET" | "HEAD") => app.get(path, query),
        _ => Refusal::WrongMethod { allow: "GET, HEAD" }.into(),
    };
    Some(Answer::Last(encode_reply(&reply, with_body)))
}

fn switch<A: App>(
    app: &mut A,
    head: &RequestHead,
    query: &str,
) -> Result<Answer<A::Member>, Reply> {
    let opening = OpeningHandshake::read(head, &Policy::default());
    let opening = opening.map_err(|refusal| refusal_reply(&refusal))?;
    let member = app.join(head, query)?;
    Ok(Answer::Switch(opening.response(), member))
}
// ANCHOR_END: answer

fn last<Member>(reply: &Reply) -> Answer<Member> {
    Answer::Last(encode_reply(reply, true))
}

/// The answer to a client for which there is no room.
pub fn busy() -> Vec<u8> {
    encode_reply(&Refusal::Busy.into(), true)
}

/// The answer to a client whose head took too long. There is none if it never sent a byte: most often that is a browser
/// that has connected in advance.
pub fn too_late(buffer: &HeadBuffer) -> Option<Vec<u8>> {
    let mut reply = Reply::file("text/plain; charset=utf-8", "The head took too long.\n");
    reply.status = 408;
    (!buffer.head().is_empty()).then(|| encode_reply(&reply, true))
}
