//! The encoder: appends a frame to a buffer.

use frame_header::{FrameHeader, MaskingKey, Opcode, ReservedBits};

use crate::masking::mask;

/// Appends a frame as it goes over the wire. The payload is copied once, and then masked in place.
/// A client passes a masking key that can't be predicted (RFC 6455 §5.3), a server `None`.
// ANCHOR: encode_frame
pub fn encode_frame(
    out: &mut Vec<u8>,
    fin: bool,
    reserved: ReservedBits,
    opcode: Opcode,
    masking_key: Option<MaskingKey>,
    payload: &[u8],
) {
    let header = FrameHeader {
        fin,
        reserved,
        opcode,
        masking_key,
        payload_length: payload.len() as u64,
    };
    header.encode(out);
    // Task: the payload follows its header, masked if there is a key. It is copied only once.
    let start = out.len();
    out.extend_from_slice(payload);
    if let Some(key) = masking_key {
        mask(&mut out[start..], key, 0);
    }
}
// ANCHOR_END: encode_frame
