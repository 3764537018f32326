//! hyper reads requests and writes answers. What they say is decided by the steps before: a request becomes step 04's
//! [`RequestHead`], and an answer is step 01's [`Reply`].

use handshake::head::{HttpVersion, RequestHead};
use handshake::opening::OpeningHandshake;
use hyper::header::{CACHE_CONTROL, CONNECTION, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use hyper::{Request, Response, StatusCode, Version};
use polling::routes::Reply;

/// Takes the head of a request that hyper has read.
// ANCHOR: request_head
pub fn request_head<Body>(request: &Request<Body>) -> RequestHead {
    // Task: the whole target, with its query, and every field, even if its name comes twice. hyper's values are bytes.
    let mut head = RequestHead {
        method: request.method().to_string(),
        target: request.uri().to_string(),
        version: version(request.version()),
        fields: Default::default(),
    };
    for (name, value) in request.headers() {
        let value = String::from_utf8_lossy(value.as_bytes());
        head.fields.add(name.as_str(), &value);
    }
    head
}
// ANCHOR_END: request_head

/// hyper's HTTP/1 has only these two versions.
fn version(version: Version) -> HttpVersion {
    let minor = if version == Version::HTTP_10 { 0 } else { 1 };
    HttpVersion { major: 1, minor }
}

/// Makes hyper's response of a reply. hyper adds the length of the body, and leaves the body out if the method is HEAD.
pub fn response(reply: Reply) -> Response<String> {
    let fields = reply.headers.iter();
    let fields = fields.map(|(name, value)| (*name, value.as_str()));
    let mut response = with_fields(reply.status, fields);
    let headers = response.headers_mut();
    // Every connection carries one request, as in step 10. `append`, because a refusal may have an `Upgrade` in it.
    headers.append(CONNECTION, HeaderValue::from_static("close"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // A browser must take text for text, whatever it looks like.
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    *response.body_mut() = reply.body;
    response
}

/// Makes the 101 of an opening handshake. After it, TCP belongs to the WebSocket.
pub fn switching_protocols(opening: &OpeningHandshake) -> Response<String> {
    let accept = opening.key.accept();
    with_fields(101, opening.fields(&accept))
}

fn with_fields<'a>(
    status: u16,
    fields: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Response<String> {
    let mut response = Response::builder().status(status);
    for (name, value) in fields {
        response = response.header(name, value);
    }
    // Only a client's own words could be invalid in a field, and none of ours repeats them unchecked.
    response.body(String::new()).unwrap_or_else(|_| {
        let mut failed = Response::default();
        *failed.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        failed
    })
}
