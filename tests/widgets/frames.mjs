// The frames that the chat's page draws are those of the checks of step 05, and of a real browser.
//
//     node tests/widgets/frames.mjs
//
// The vectors are the snapshots in tests/snapshots/frame-header/ and the captures in tests/captures/.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";

const root = new URL("../../", import.meta.url);
const read = (path) => readFileSync(new URL(path, root), "utf8").replaceAll("\r\n", "\n");
const snapshot = (name) => read(`tests/snapshots/frame-header/${name}.snap`);
// The page's files are no package, so node has to be told that this is a module.
const source = read("solutions/10-chat/src/page/frames.js");
const { bytes, frameOf } = await import(`data:text/javascript,${encodeURIComponent(source)}`);

const hex = (text) => text.match(/\b[0-9a-f]{2}\b/g).map((byte) => Number.parseInt(byte, 16));
let compared = 0;

/** The header, to the byte; only a masking key may be unknown. */
function sameHeader(frame, wire, keyLength, what) {
    const known = frame.header.length - keyLength;
    const start = [...wire.slice(0, known)].map((byte) => byte.toString(16).padStart(2, "0"));
    assert.deepEqual(frame.header, [...start, ...Array(keyLength).fill("?")], what);
    compared += 1;
}

// What Chromium sent. A text message's payload, unmasked, is what the page sent.
for (const name of readdirSync(new URL("tests/captures/", root)).filter((it) => it.endsWith(".hex"))) {
    const wire = hex(read(`tests/captures/${name}`).replaceAll(/^#.*$/gm, ""));
    if (wire[0] !== 0x81) {
        continue;
    }
    const headerLength = 6 + ((wire[1] & 0x7f) === 126 ? 2 : 0);
    const key = wire.slice(headerLength - 4, headerLength);
    const payload = wire.slice(headerLength).map((byte, index) => byte ^ key[index % 4]);
    const frame = frameOf(Buffer.from(payload).toString("utf8"), false);
    sameHeader(frame, wire, 4, name);
    assert.equal(frame.size, wire.length, name);
}
assert.equal(compared, 4, "the captures of text messages were not read");

// The RFC's examples: unmasked, and masked.
const examples = snapshot("the_examples_of_the_rfc");
for (const [title, fromServer] of [["an unmasked text message in one frame", true], ["a masked text message in one frame", false]]) {
    const wire = hex(examples.split("\n").find((line) => line.startsWith(`${title}:`)).split(": ")[1]);
    const frame = frameOf("Hello", fromServer);
    sameHeader(frame, wire, fromServer ? 0 : 4, title);
    assert.equal(frame.size, wire.length);
}

// The same, drawn: every bit in its field.
const drawn = snapshot("the_examples_of_the_rfc_drawn");
const rows = drawn.matchAll(/^\|([01])\|([01])\|([01])\|([01])\|([01 ]{7})\|([01])\|([01 ]{13})\|/gm);
for (const [fromServer, [, fin, ...rest]] of [true, false].map((it) => [it, rows.next().value])) {
    const [rsv1, rsv2, rsv3, opcode, mask, length] = rest.map((it) => it.replaceAll(" ", ""));
    const { fields } = frameOf("Hello", fromServer);
    const bits = fields.slice(0, 5).map((field) => field.bits);
    assert.deepEqual(bits, [fin, rsv1 + rsv2 + rsv3, opcode, mask, length]);
    assert.equal(fields.length, fromServer ? 5 : 6);
    compared += 1;
}

// Lengths at each boundary. The snapshot's frames are binary, ours are text.
const table = snapshot("lengths_encoded_at_each_boundary");
for (const [, length, unmasked, masked] of table.matchAll(/^(\d+)\n  (82 .*)\n  (82 .*)$/gm)) {
    if (Number(length) > 1 << 20) {
        continue;
    }
    const text = "x".repeat(Number(length));
    for (const [line, fromServer] of [[unmasked, true], [masked, false]]) {
        const wire = hex(line);
        wire[0] = 0x81;
        const frame = frameOf(text, fromServer);
        sameHeader(frame, wire, fromServer ? 0 : 4, `${length} bytes`);
        assert.equal(frame.header.length, wire.length);
        assert.equal(frame.payload, Number(length));
        assert.equal(frame.size, wire.length + Number(length));
    }
}
for (const [length, server, client] of [[0, 2, 6], [125, 2, 6], [126, 4, 8], [65535, 4, 8], [65536, 10, 14]]) {
    const text = "x".repeat(length);
    assert.deepEqual([true, false].map((it) => frameOf(text, it).size - length), [server, client]);
    compared += 1;
}

// A length is in bytes of UTF-8, not in characters. Half a surrogate pair is sent as U+FFFD.
for (const text of ["é", "👋🌍", "\ud83d", "x".repeat(124) + "é"]) {
    assert.equal(frameOf(text, true).payload, Buffer.from(text.toWellFormed?.() ?? text).length, text);
    compared += 1;
}

// Where a message may be compressed, what isn't known isn't claimed.
for (const fromServer of [true, false]) {
    const frame = frameOf("Hello", fromServer, true);
    assert.equal(frame.payload, 5);
    assert.equal(frame.header ?? frame.size, undefined);
    const unknown = frame.fields.filter(({ bits }) => bits.includes("?")).map(({ name }) => name);
    assert.deepEqual(unknown, ["RSV1", "length", ...(fromServer ? [] : ["masking key"])]);
    compared += 1;
}

assert.equal(bytes(0), "0 bytes");
assert.equal(bytes(1), "1 byte");
assert.equal(bytes(65536), "65,536 bytes");
assert.ok(compared >= 35, `only ${compared} were compared`);
console.log(`the frames of the chat's page agree: ${compared} results compared`);
