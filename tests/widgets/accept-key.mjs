// The book's accept key calculator says what the checks of step 03 say.
//
//     node tests/widgets/accept-key.mjs
//
// The vectors are the snapshots in tests/snapshots/accept-key/, which the solution is judged by.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const root = new URL("../../", import.meta.url);
const read = (path) => readFileSync(new URL(path, root), "utf8").replaceAll("\r\n", "\n");
const snapshot = (name) => read(`tests/snapshots/accept-key/${name}.snap`);
const calculator = createRequire(import.meta.url)(fileURLToPath(new URL("book/theme/accept-key-calculator.js", root)));

const RFC_KEY = "dGhlIHNhbXBsZSBub25jZQ==";
let compared = 0;

// Tables of keys and accept keys: `"key" → accept`.
for (const name of ["other_keys", "white_space_around_a_key_is_ignored"]) {
    for (const [, key, accept] of snapshot(name).matchAll(/^(".*") +→ (\S+)$/gm)) {
        assert.equal(calculator.answer(JSON.parse(key)).accept, accept, `${name}: ${key}`);
        compared += 1;
    }
}

assert.ok(compared >= 7, "the tables were not read");

const [, accept] = snapshot("the_rfc_example").match(/^Sec-WebSocket-Accept: (\S+)$/m);
assert.equal(calculator.answer(RFC_KEY).accept, accept);
assert.match(calculator.verdict(RFC_KEY, accept), /^✓/);

// The hashed text, and the dump of the digest.
const digest = snapshot("the_digest_is_twenty_raw_bytes");
const dump = [...digest.matchAll(/^[0-9a-f]{4} {2}((?:[0-9a-f]{2} ?)+)/gm)];
assert.equal(calculator.answer(RFC_KEY).digest, dump.map(([, bytes]) => bytes.trim()).join(" "));
assert.ok(digest.includes(`\n${calculator.answer(RFC_KEY).text}\n`));

// The usual slips, worked out by Node's own hash.
const { GUID } = calculator;
const sha1 = (...parts) => parts.reduce((hash, part) => hash.update(part), createHash("sha1"));
const right = sha1(RFC_KEY, GUID).digest();
const SLIPS = [
    [Buffer.from(right.toString("hex")).toString("base64"), "hexadecimal text, not"],
    [Buffer.from(right.toString("hex").toUpperCase()).toString("base64"), "uppercase"],
    [sha1(RFC_KEY).digest("base64"), "leave out the GUID"],
    [sha1(GUID, RFC_KEY).digest("base64"), "before the key"],
    [sha1(RFC_KEY, GUID.toLowerCase()).digest("base64"), "lowercase"],
    [sha1(Buffer.from(RFC_KEY, "base64"), GUID).digest("base64"), "decode the key from base64"],
    [sha1(RFC_KEY, GUID, "\n").digest("base64"), "a line feed"],
    [sha1(RFC_KEY, GUID, "\r\n").digest("base64"), "CR LF"],
    [sha1(" ", RFC_KEY, GUID).digest("base64"), "space after the colon"],
    [right.toString("base64").replace("+", "-"), "alphabet for URLs"],
    [right.toString("base64").replace("=", ""), "leave out the padding"],
];
for (const [theirs, slip] of SLIPS) {
    assert.ok(calculator.verdict(RFC_KEY, theirs).includes(slip), `${slip}: ${theirs}`);
    compared += 1;
}

// Lengths around the end of a block of 64 bytes, and text that is no ASCII.
for (const key of ["", "é", ..."x".repeat(200).split("").map((x, length) => x.repeat(length))]) {
    assert.equal(calculator.answer(key).accept, sha1(key, GUID).digest("base64"), key);
    compared += 1;
}

assert.match(calculator.remark(RFC_KEY), /^This is 16 bytes in base64/);
assert.match(calculator.remark("AQIDBAUGBwgJCgsMDQ4PEC=="), /a strict decoder refuses it. An encoder writes AQIDBAUGBwgJCgsMDQ4PEA==$/);
assert.match(calculator.remark("c2hvcnQ="), /5 bytes, not 16/);
assert.match(calculator.remark(""), /not base64/);
assert.match(calculator.remark("dGhlIHNhbXBsZSBub25jZQ"), /not base64/);
assert.match(calculator.verdict(RFC_KEY, "nonsense"), /^✗ This is not the accept key/);
assert.equal(calculator.verdict(RFC_KEY, " "), "");
console.log(`the accept key calculator agrees: ${compared} results compared`);
