//! The negotiation: a server answers one of the offers, and a client checks the answer (RFC 7692 §5.1, §7.1).
//!
//! ```text
//!   offer                               answer
//!   server_no_context_takeover    ────▶ must be there
//!   server_max_window_bits=12     ────▶ must be there, with 12 or less
//!   client_no_context_takeover    ────▶ may be there, even if it isn't in the offer
//!   client_max_window_bits        ────▶ may be there, and only if it is in the offer
//! ```
//!
//! A client lists its offers in the order of its preference. The server answers the first one that suits it.

use std::error::Error;
use std::fmt;

use frames::Role;
use handshake::extensions::Extension as Named;

use crate::parameters::{NAME, ParameterError, Parameters};
use crate::settings::Compression;
use crate::window::WindowBits;

/// Why a server doesn't choose an offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Declined {
    /// It is about an extension that we don't know.
    Name(String),
    /// Its parameters have no meaning.
    Parameters(ParameterError),
    /// It asks for a window that is too small for us.
    Window(WindowBits),
}

/// Why an answer isn't one to our offer. The client fails the connection (RFC 7692 §7.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AnswerError {
    /// The server has chosen something that we didn't offer, or has chosen twice.
    NotOffered,
    /// Its parameters have no meaning.
    Parameters(ParameterError),
    /// It doesn't do what the offer asks of the server.
    ServerParameters,
    /// It limits our window, and we didn't offer that.
    ClientWindow,
}

/// Returns the answer to the first of these offers that suits. `None` if none does: then nothing is compressed.
pub fn choose(offers: &[Named], wanted: &Compression) -> Option<Parameters> {
    // Task: the first offer that suits wins. One that doesn't suit is declined, and is no reason to fail.
    todo!(
        "the first offer that suits wins. One that doesn't suit is declined, and is no reason to fail"
    )
}

/// Returns the answer to one offer.
///
/// # Errors
/// Returns why the offer is declined.
pub fn consider(offer: &Named, wanted: &Compression) -> Result<Parameters, Declined> {
    if offer.name != NAME {
        return Err(Declined::Name(offer.name.clone()));
    }
    let offer = Parameters::read(offer, Role::Client).map_err(Declined::Parameters)?;
    let window = server_window(&offer, wanted)?;
    Ok(answer(&offer, window, wanted))
}

/// Returns the window of our compressor: as large as the client allows and we want.
fn server_window(offer: &Parameters, wanted: &Compression) -> Result<WindowBits, Declined> {
    // Task: decline what our compressor can't do. For many clients at once, only the largest window suits.
    todo!(
        "decline what our compressor can't do. For many clients at once, only the largest window suits"
    )
}

/// Returns the answer to an offer that suits.
fn answer(offer: &Parameters, window: WindowBits, wanted: &Compression) -> Parameters {
    // Task: what the client asks of us goes into the answer, even if we'd do it anyway (RFC 7692 §7.1.1.1, §7.1.2.1).
    // Two parameters are for the client's side: when may the answer have them?
    todo!(
        "what the client asks of us goes into the answer, even if we'd do it anyway (RFC 7692 §7.1.1.1, §7.1.2.1)"
    )
}

/// Checks what the server has chosen, and returns what holds from now on. `None` if it has chosen nothing.
///
/// # Errors
/// Returns an [`AnswerError`] if the offer doesn't allow the answer.
pub fn check_answer(
    offer: &Parameters,
    chosen: &[Named],
) -> Result<Option<Parameters>, AnswerError> {
    let answer = match chosen {
        [] => return Ok(None),
        [one] if one.name == NAME => one,
        _ => return Err(AnswerError::NotOffered),
    };
    let answer = Parameters::read(answer, Role::Server).map_err(AnswerError::Parameters)?;
    check_parameters(offer, &answer)?;
    Ok(Some(agreed(offer, &answer)))
}

fn check_parameters(offer: &Parameters, answer: &Parameters) -> Result<(), AnswerError> {
    // Task: the server must do what we asked of it. It may ask more of us, but it may limit our window only if we
    // offered that.
    todo!(
        "the server must do what we asked of it. It may ask more of us, but it may limit our window only if we"
    )
}

/// Returns what holds after this answer. What the offer says about the client is true even if the answer ignores it.
fn agreed(offer: &Parameters, answer: &Parameters) -> Parameters {
    let windows = [offer.client_max_window_bits, answer.client_max_window_bits];
    Parameters {
        client_no_context_takeover: offer.client_no_context_takeover
            || answer.client_no_context_takeover,
        client_max_window_bits: windows.into_iter().flatten().min(),
        ..*answer
    }
}

impl fmt::Display for Declined {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Name(name) => write!(formatter, "{name} is not an extension that we know"),
            Self::Parameters(error) => error.fmt(formatter),
            Self::Window(bits) => write!(
                formatter,
                "a server's window of {bits} bits is too small for us, RFC 7692 §7.1.2.1"
            ),
        }
    }
}

impl Error for Declined {}

impl fmt::Display for AnswerError {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::NotOffered => formatter.write_str("not what we offered, RFC 6455 §4.1"),
            Self::Parameters(error) => error.fmt(formatter),
            Self::ServerParameters => {
                formatter.write_str("the server doesn't do what we asked of it, RFC 7692 §7.1")
            }
            Self::ClientWindow => formatter
                .write_str("a limit of our window, which we didn't offer, RFC 7692 §7.1.2.2"),
        }
    }
}

impl Error for AnswerError {}
