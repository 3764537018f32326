// The book's accept key calculator says what the checks of step 03 say.
//
//     node tests/widgets/accept-key.mjs
//
// The vectors are the snapshots in tests/snapshots/accept-key/ (the solution's own output), and for
// the usual slips, the reports in tests/mistakes/03-accept-key/.

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";

const root = new URL("../../", import.meta.url);
const read = (path) => readFileSync(new URL(path, root), "utf8").replaceAll("\r\n", "\n");
const snapshot = (name) => read(`tests/snapshots/accept-key/${name}.snap`);
const calculator = createRequire(import.meta.url)(new URL("book/theme/accept-key-calculator.js", root).pathname);

const RFC_KEY = "dGhlIHNhbXBsZSBub25jZQ==";
let compared = 0;

// Tables of keys and accept keys: `"key" → accept`.
for (const name of ["other_keys", "white_space_around_a_key_is_no_part_of_it"]) {
    for (const [, key, accept] of snapshot(name).matchAll(/^(".*") +→ (\S+)$/gm)) {
        assert.equal(calculator.answer(JSON.parse(key)).accept, accept, `${name}: ${key}`);
        compared += 1;
    }
}

const [, accept] = snapshot("the_rfc_example").match(/^Sec-WebSocket-Accept: (\S+)$/m);
assert.equal(calculator.answer(RFC_KEY).accept, accept);
assert.match(calculator.verdict(RFC_KEY, accept), /^✓/);

// The hashed text, and the dump of the digest.
const digest = snapshot("the_digest_is_twenty_raw_bytes");
const dump = [...digest.matchAll(/^[0-9a-f]{4} {2}((?:[0-9a-f]{2} ?)+)/gm)];
assert.equal(calculator.answer(RFC_KEY).digest, dump.map(([, bytes]) => bytes.trim()).join(" "));
assert.ok(digest.includes(`\n${calculator.answer(RFC_KEY).text}\n`));

// What each mistake answers to the RFC's key, as its report shows it.
const MISTAKES = {
    "hex-text": "hexadecimal text",
    "guid-in-small-letters": "small letters",
    "decoded-first": "decoded from base64",
    "guid-first": "before the key",
    "line-end-hashed": "line feed",
    "url-alphabet": "alphabet for URLs",
    "no-padding": "padding is missing",
};
for (const [name, slip] of Object.entries(MISTAKES)) {
    const report = `tests/mistakes/03-accept-key/${name}.txt`;
    if (!existsSync(new URL(report, root))) {
        continue;
    }
    const [, theirs] = read(report).match(/^ +yours +│ Sec-WebSocket-Accept: (\S+)$/m);
    assert.ok(calculator.verdict(RFC_KEY, theirs).includes(slip), `${name}: ${theirs}`);
    compared += 1;
}

assert.ok(compared >= 7, "the snapshots were not read");
assert.match(calculator.remark(RFC_KEY), /^16 bytes in base64: a key/);
assert.match(calculator.remark("AQIDBAUGBwgJCgsMDQ4PEC=="), /not as an encoder writes them: that is AQIDBAUGBwgJCgsMDQ4PEA==$/);
assert.match(calculator.remark("c2hvcnQ="), /5 bytes, not 16/);
assert.match(calculator.remark(""), /not base64/);
assert.match(calculator.remark("dGhlIHNhbXBsZSBub25jZQ"), /not base64/);
assert.match(calculator.verdict(RFC_KEY, "nonsense"), /^✗ That is not it/);
assert.equal(calculator.verdict(RFC_KEY, " "), "");
console.log(`the accept key calculator agrees: ${compared} results compared`);
