// What a text message looks like on the wire: the header of its frame, bit by bit (RFC 6455 §5.2).
//
// A page sees messages, never frames. But a message that is sent in one frame, without an extension,
// leaves no choice: its length decides every bit of the header. Only the masking key is left, which
// the browser draws at random and keeps to itself. Each bit of it is a "?" here.
//
// Where permessage-deflate was agreed on (RFC 7692), a sender may compress the message, and no page is told
// whether it did, or how short the message has become. What depends on that is a "?", too.
//
// Nothing in here touches a page, so that it can be tried without one.

/** How many bytes the payload of a text message has: its text as UTF-8. */
export function payloadLength(text) {
  return new TextEncoder().encode(text).length;
}

/**
 * The frame of a text message.
 *
 * `fields` are those of the header, in order, with their bits as text; `header` is the same as bytes in
 * hexadecimal; `payload` and `size` are lengths in bytes, of the payload and of the whole frame. If it `deflates`,
 * the message may be compressed: then there is no `header` and no `size`, and `payload` is the length before that.
 */
export function frameOf(text, fromServer, deflates = false) {
  const payload = payloadLength(text);
  const fields = [
    { name: "FIN", bits: "1", says: "last frame" },
    ...reservedFields(deflates),
    { name: "opcode", bits: "0001", says: "text" },
    // A client masks, a server doesn't (§5.1).
    { name: "MASK", bits: fromServer ? "0" : "1", says: fromServer ? "not masked" : "masked" },
    ...(deflates ? [{ name: "length", bits: "?", says: "not known" }] : lengthFields(payload)),
  ];
  if (!fromServer) {
    fields.push({ name: "masking key", bits: "?".repeat(32), says: "4 bytes" });
  }
  if (deflates) {
    return { fields, payload };
  }
  const header = bytesOf(fields.map(({ bits }) => bits).join(""));
  return { fields, header, payload, size: header.length + payload };
}

/** RSV1 says whether a message is compressed (RFC 7692 §6). Nothing else sets a reserved bit. */
function reservedFields(deflates) {
  if (!deflates) {
    return [{ name: "RSV1–3", bits: "000", says: "no extension" }];
  }
  return [
    { name: "RSV1", bits: "?", says: "1: compressed" },
    { name: "RSV2–3", bits: "00", says: "no extension" },
  ];
}

/** The length in 7 bits where they will do; else 126 or 127, and the length in 16 or 64 bits behind it. */
function lengthFields(length) {
  if (length <= 125) {
    return [{ name: "length", bits: binary(length, 7), says: bytes(length) }];
  }
  const [marker, width] = length <= 0xffff ? [126, 16] : [127, 64];
  return [
    { name: "length", bits: binary(marker, 7), says: `${marker}: ${width} bits follow` },
    { name: "extended length", bits: binary(length, width), says: bytes(length) },
  ];
}

function binary(number, width) {
  return number.toString(2).padStart(width, "0");
}

/** Eight bits each, as two hexadecimal digits; what isn't known stays a "?". */
function bytesOf(bits) {
  return bits.match(/.{8}/g).map((byte) =>
    byte.includes("?") ? "?" : Number.parseInt(byte, 2).toString(16).padStart(2, "0"),
  );
}

/** A number of bytes in words. */
export function bytes(count) {
  return count === 1 ? "1 byte" : `${count.toLocaleString("en")} bytes`;
}
