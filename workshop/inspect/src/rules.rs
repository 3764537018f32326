//! The rules that a sequence of frames may break.
//!
//! Step 05 has the rules for headers. These are the rules for payloads, and for frames that follow others: close
//! codes, UTF-8, fragments, the mask bit, compressed messages.

use frame_header::{Decoded, FrameHeader, HeaderError, Opcode, ReservedBits, decode};
use workshop_wire::close_code::{may_be_sent, meaning};
use workshop_wire::deflate::{InflateError, Inflater, MISPLACED_BIT, Terms};
use workshop_wire::side::Side;

/// All three are allowed here, so that the payload is judged even if the header has one of them set.
const ALL: ReservedBits = ReservedBits {
    rsv1: true,
    rsv2: true,
    rsv3: true,
};

/// The most bytes to which a message is inflated.
const MAX_INFLATED: u64 = 16 << 20;

/// Judges frames in the order in which they were sent.
#[derive(Debug)]
pub struct Rules {
    /// The side that sent the frames, if it is known. Otherwise the mask bit tells: only clients set it.
    from: Option<Side>,
    /// Whether permessage-deflate was negotiated.
    deflates: bool,
    client: Half,
    server: Half,
}

/// What there is to say about a frame.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Verdict {
    /// The rules that it breaks, in words.
    pub faults: Vec<String>,
    /// What its payload inflates to, if it is part of a compressed message.
    pub inflated: Option<Inflated>,
}

/// What a payload inflates to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inflated {
    /// These bytes.
    Bytes {
        /// The bytes.
        bytes: Vec<u8>,
        /// Whether they are part of a text message.
        is_text: bool,
    },
    /// Nothing: the error says why.
    Nothing(InflateError),
}

/// One direction, so far.
#[derive(Debug, Default)]
struct Half {
    message: Message,
    is_closed: bool,
    /// The type of the compressed message that isn't complete yet.
    compressed: Option<Opcode>,
    inflater: Option<Inflater>,
}

#[derive(Debug, Default)]
enum Message {
    /// No frame has come yet: the first may continue a message that began earlier.
    #[default]
    Unknown,
    None,
    /// A text message, with the bytes at its end that may be the beginning of a character.
    Text(Vec<u8>),
    /// Binary, or compressed, or not UTF-8.
    Other,
}

impl Rules {
    /// Rules for frames from this side, or from either if it isn't known. If `deflates`, permessage-deflate was
    /// negotiated.
    pub fn new(from: Option<Side>, deflates: bool) -> Self {
        Self {
            from,
            deflates,
            client: Half::default(),
            server: Half::default(),
        }
    }

    /// Judges a frame by the rules, and by the frames before it.
    pub fn judge(&mut self, frame: &[u8]) -> Verdict {
        let negotiated = ReservedBits {
            rsv1: self.deflates,
            ..ReservedBits::NONE
        };
        let mut faults = Vec::new();
        if let Err(error) = decode(frame, negotiated) {
            faults.push(header_fault(&error));
        }
        let mut inflated = None;
        let Some(second) = frame.get(1) else {
            return Verdict { faults, inflated };
        };
        let is_masked = second & 0b1000_0000 != 0;
        faults.extend(self.mask(is_masked).map(str::to_string));
        let is_clients = self.from.map_or(is_masked, |side| side == Side::Client);
        let half = if is_clients {
            &mut self.client
        } else {
            &mut self.server
        };
        if half.is_closed {
            faults.push("nothing may follow a Close, RFC 6455 §5.5.1".to_string());
        }
        if let Ok(Decoded::Header { header, length }) = decode(frame, ALL) {
            let payload = unmasked(&header, &frame[length..]);
            let is_whole = payload.len() as u64 == header.payload_length;
            inflated = half.inflated(&header, &payload, is_whole);
            if self.deflates {
                faults.extend(deflate_fault(&header, inflated.as_ref()));
            }
            let readable = match &inflated {
                None => Some(&payload),
                Some(Inflated::Bytes { bytes, .. }) if self.deflates => Some(bytes),
                Some(_) => None,
            };
            let readable = readable.map(Vec::as_slice);
            faults.extend(half.payload(&header, readable, is_whole));
            if !self.deflates && matches!(inflated, Some(Inflated::Nothing(_))) {
                // It may not have been compressed at all.
                half.inflater = None;
            }
        }
        Verdict { faults, inflated }
    }

    fn mask(&self, is_masked: bool) -> Option<&'static str> {
        match (self.from?, is_masked) {
            (Side::Client, false) => {
                Some("a client's frame must be masked, RFC 6455 §5.1 (close code 1002)")
            }
            (Side::Server, true) => {
                Some("a server's frame must not be masked, RFC 6455 §5.1 (close code 1002)")
            }
            _ => None,
        }
    }
}

impl Half {
    /// Inflates the payload of a frame, if it is part of a compressed message.
    fn inflated(
        &mut self,
        header: &FrameHeader,
        payload: &[u8],
        is_whole: bool,
    ) -> Option<Inflated> {
        match header.opcode {
            Opcode::Text | Opcode::Binary => {
                self.compressed = header.reserved.rsv1.then_some(header.opcode);
            }
            Opcode::Continuation => {}
            _ => return None,
        }
        let is_text = self.compressed? == Opcode::Text;
        let inflater = self
            .inflater
            .get_or_insert_with(|| Inflater::new(Terms::default(), MAX_INFLATED));
        let mut bytes = Vec::new();
        let mut done = inflater.inflate(payload, |piece| bytes.extend(piece));
        if header.fin && is_whole {
            done = inflater.finish(|piece| bytes.extend(piece));
            self.compressed = None;
        }
        Some(match done {
            Ok(()) => Inflated::Bytes { bytes, is_text },
            Err(error) => Inflated::Nothing(error),
        })
    }

    /// Judges a payload, unmasked and inflated. `None` if that couldn't be done.
    fn payload(
        &mut self,
        header: &FrameHeader,
        payload: Option<&[u8]>,
        is_whole: bool,
    ) -> Vec<String> {
        match header.opcode {
            Opcode::Close => {
                self.is_closed = true;
                close_faults(payload.unwrap_or_default(), is_whole)
            }
            Opcode::Ping | Opcode::Pong => Vec::new(),
            _ => self.data(header, payload, is_whole),
        }
    }

    fn data(
        &mut self,
        header: &FrameHeader,
        payload: Option<&[u8]>,
        is_whole: bool,
    ) -> Vec<String> {
        let mut faults = Vec::new();
        let message = match (header.opcode, std::mem::take(&mut self.message)) {
            (Opcode::Continuation, Message::None) => {
                faults.push("there is nothing to continue, RFC 6455 §5.4 (close code 1002)");
                Message::Other
            }
            (Opcode::Continuation, Message::Unknown) => Message::Other,
            (Opcode::Continuation, message) => message,
            (_, before) => {
                if matches!(before, Message::Text(_) | Message::Other) {
                    faults.push(
                        "the message before it isn't finished, RFC 6455 §5.4 (close code 1002)",
                    );
                }
                if header.opcode == Opcode::Text {
                    Message::Text(Vec::new())
                } else {
                    Message::Other
                }
            }
        };
        let is_last = header.fin && is_whole;
        let message = match (message, payload) {
            (Message::Text(before), Some(payload)) => {
                match unfinished(&[&before[..], payload].concat(), is_last) {
                    Some(rest) => Message::Text(rest),
                    None => {
                        faults.push("the text is not UTF-8, RFC 6455 §8.1 (close code 1007)");
                        Message::Other
                    }
                }
            }
            (Message::Text(_), None) => Message::Other,
            (message, _) => message,
        };
        self.message = if header.fin { Message::None } else { message };
        faults.into_iter().map(str::to_string).collect()
    }
}

/// The bytes at the end of a text that may be the beginning of a character. `None` if the text isn't UTF-8.
fn unfinished(text: &[u8], is_last: bool) -> Option<Vec<u8>> {
    match str::from_utf8(text) {
        Ok(_) => Some(Vec::new()),
        Err(error) if error.error_len().is_none() && !is_last => {
            Some(text[error.valid_up_to()..].to_vec())
        }
        Err(_) => None,
    }
}

/// A Close: its code, then its reason (RFC 6455 §5.5.1, §7.4).
fn close_faults(payload: &[u8], is_whole: bool) -> Vec<String> {
    let Some((code, reason)) = payload.split_at_checked(2) else {
        return if payload.len() == 1 && is_whole {
            vec!["one byte is half a code, RFC 6455 §5.5.1 (close code 1002)".to_string()]
        } else {
            Vec::new()
        };
    };
    let mut faults = Vec::new();
    let code = u16::from_be_bytes([code[0], code[1]]);
    if !may_be_sent(code) {
        let words = meaning(code);
        faults.push(format!(
            "code {code} ({words}) must not be sent, RFC 6455 §7.4 (close code 1002)"
        ));
    }
    if unfinished(reason, is_whole).is_none() {
        faults.push("the reason is not UTF-8, RFC 6455 §5.5.1 (close code 1007)".to_string());
    }
    faults
}

/// What is wrong with a frame where permessage-deflate was negotiated.
fn deflate_fault(header: &FrameHeader, inflated: Option<&Inflated>) -> Option<String> {
    let begins = matches!(header.opcode, Opcode::Text | Opcode::Binary);
    match inflated {
        _ if header.reserved.rsv1 && !begins => Some(MISPLACED_BIT.to_string()),
        Some(Inflated::Nothing(error @ (InflateError::NotDeflate | InflateError::CutOff))) => {
            Some(format!("it can't be inflated: {error}, RFC 7692 §7.2.2"))
        }
        _ => None,
    }
}

fn header_fault(error: &HeaderError) -> String {
    format!("{error} (close code {})", error.close_code())
}

fn unmasked(header: &FrameHeader, payload: &[u8]) -> Vec<u8> {
    let key = header.masking_key.unwrap_or_default();
    let masked = payload.iter().zip(key.iter().cycle());
    masked.map(|(byte, key)| byte ^ key).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is wrong with each of these frames, given in hexadecimal.
    #[track_caller]
    fn broken(from: Option<Side>, frames: &[&str]) -> Vec<String> {
        broken_where(from, false, frames)
    }

    #[track_caller]
    fn broken_where(from: Option<Side>, deflates: bool, frames: &[&str]) -> Vec<String> {
        let mut rules = Rules::new(from, deflates);
        let each = frames.iter().map(|hex| {
            let bytes = frame_header::hex::parse(hex).expect("it is hexadecimal");
            rules.judge(&bytes).faults.join("; ")
        });
        each.collect()
    }

    #[test]
    fn each_rule_that_a_single_frame_can_break_is_named() {
        for (frame, rule) in [
            ("c1 00", "RSV1 set"),
            ("a1 00", "RSV2 set"),
            ("91 00", "RSV3 set"),
            ("83 00", "opcode 0x3 is reserved"),
            ("8b 00", "opcode 0xb is reserved"),
            ("09 00", "a ping frame without FIN"),
            ("88 7e 00 7e", "a close whose Payload len is above 125"),
            ("81 7e 00 7d", "a length of 125 in 2 bytes"),
            (
                "81 7f 00 00 00 00 00 00 ff ff",
                "a length of 65535 in 8 bytes",
            ),
            (
                "82 7f 80 00 00 00 00 00 00 00",
                "whose highest bit is not 0",
            ),
            ("88 01 03", "one byte is half a code"),
            ("88 02 03 e7", "code 999 (no code at all) must not be sent"),
            ("88 02 03 ec", "code 1004 (reserved) must not be sent"),
            (
                "88 02 03 ed",
                "code 1005 (no code was there) must not be sent",
            ),
            ("88 02 03 ee", "code 1006 "),
            ("88 02 03 f7", "code 1015 "),
            ("88 02 03 f8", "code 1016 "),
            ("88 02 0b b7", "code 2999 "),
            ("88 02 13 88", "code 5000 "),
            ("88 04 03 e8 c3 28", "the reason is not UTF-8"),
            ("88 03 03 e8 c3", "the reason is not UTF-8"),
            ("81 02 c3 28", "the text is not UTF-8"),
            ("81 01 c3", "the text is not UTF-8"),
            ("01 03 ed a0 80", "the text is not UTF-8"),
            // Cut off, and wrong before that.
            ("81 05 c3 28", "the text is not UTF-8"),
            // Masked: it is unmasked before it is judged.
            ("88 82 37 fa 21 3d 34 17", "code 1005 "),
        ] {
            let said = &broken(None, &[frame])[0];
            assert!(said.contains(rule), "{frame}: {said:?}");
            assert!(said.contains("RFC 6455 §"), "{said}");
            assert!(!said.contains("; "), "{frame}: {said:?}");
        }
    }

    #[test]
    fn frames_that_break_no_rule_are_not_blamed() {
        for frame in [
            "81 00",
            "81 02 c3 a9",
            "01 01 c3",
            "80 01 28",
            "82 01 ff",
            "89 01 ff",
            "8a 00",
            "88 00",
            "88 02 03 e8",
            "88 02 03 f6",
            "88 02 0b b8",
            "88 02 13 87",
            "88 04 03 e8 c3 a9",
            "81 7e 00 7e",
            // Cut off: the missing bytes may be right.
            "88 05 03",
            "88 05 03 e8 c3",
            "81 05 c3",
            "81",
        ] {
            assert_eq!(broken(None, &[frame]), [""], "{frame}");
        }
    }

    #[test]
    fn a_compressed_message_is_not_judged_as_text() {
        let said = broken(None, &["c1 07 f2 48 cd c9 c9 07 00", "81 02 c3 a9"]);
        assert!(said[0].contains("RSV1 set") && !said[0].contains("UTF-8"));
        assert_eq!(said[1], "");
    }

    #[test]
    fn a_compressed_message_is_judged_by_what_it_inflates_to_where_that_was_negotiated() {
        let judged = |frames: &[&str]| broken_where(None, true, frames);
        assert_eq!(
            judged(&[
                "c1 07 f2 48 cd c9 c9 07 00",
                "c1 05 f2 00 11 00 00",
                "81 05 48 65 6c 6c 6f",
                "41 03 f2 48 cd",
                "89 00",
                "80 04 c9 c9 07 00",
                // Cut off.
                "c1 05 f2 48 cd",
            ]),
            [""; 7]
        );
        // c3 28, compressed; then in two fragments, cut after c3.
        let said = judged(&["c1 04 3a ac 01 00", "82 00"]);
        assert!(said[0].contains("the text is not UTF-8"), "{said:?}");
        assert_eq!(judged(&["c2 04 3a ac 01 00"]), [""]);
        for (frame, rule) in [
            (
                "c1 03 ff ff ff",
                "it can't be inflated: it isn't DEFLATE data",
            ),
            (
                "c1 05 f2 00 11 00 00",
                "it can't be inflated: it isn't DEFLATE data",
            ),
            (
                "c1 05 00 50 00 af ff",
                "it ends in the middle of DEFLATE data",
            ),
            ("c9 00", "RSV1 set in a frame that doesn't begin a message"),
            ("c0 00", "RSV1 set in a frame that doesn't begin a message"),
            ("e1 01 00", "RSV2 set"),
        ] {
            let said = &judged(&[frame])[0];
            assert!(said.contains(rule), "{frame}: {said:?}");
            assert!(!said.contains("; "), "{frame}: {said:?}");
        }
    }

    #[test]
    fn the_mask_bit_is_judged_where_the_sender_is_known() {
        let (masked, bare) = ("81 80 37 fa 21 3d", "81 00");
        assert_eq!(broken(None, &[masked, bare]), ["", ""]);
        let said = broken(Some(Side::Client), &[masked, bare]);
        assert!(
            said[0].is_empty() && said[1].contains("must be masked"),
            "{said:?}"
        );
        let said = broken(Some(Side::Server), &[masked, bare]);
        assert!(
            said[0].contains("must not be masked") && said[1].is_empty(),
            "{said:?}"
        );
    }

    #[test]
    fn frames_are_judged_by_those_before_them() {
        // "é" in two fragments, with a ping in between; then a second half that doesn't fit.
        assert_eq!(
            broken(None, &["01 01 c3", "89 00", "80 01 a9"]),
            ["", "", ""]
        );
        let said = broken(None, &["01 01 c3", "80 01 28"]);
        assert!(said[1].contains("not UTF-8"), "{said:?}");
        let said = broken(None, &["01 01 c3", "80 00"]);
        assert!(said[1].contains("not UTF-8"), "{said:?}");
        let said = broken(None, &["81 00", "80 00"]);
        assert!(said[1].contains("nothing to continue"), "{said:?}");
        let said = broken(None, &["01 00", "82 00"]);
        assert!(said[1].contains("isn't finished"), "{said:?}");
        let said = broken(None, &["88 00", "81 00"]);
        assert!(said[1].contains("nothing may follow a Close"), "{said:?}");
        // Each side's frames have their own order.
        let (masked_text, masked_close) = ("01 80 37 fa 21 3d", "88 80 37 fa 21 3d");
        assert_eq!(
            broken(None, &[masked_text, "82 00", "88 00", masked_close]),
            ["", "", "", ""]
        );
    }
}
