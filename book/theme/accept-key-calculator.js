// <accept-key-calculator>: type a key, see how a server answers it (RFC 6455 §4.2.2).
//
// Without JavaScript, the element's own content stays on the page. SHA-1 is written out here instead
// of taken from the browser, whose own is missing on pages opened as files.
// tests/widgets/accept-key.mjs compares the results with the snapshots that judge step 03.
"use strict";

const acceptKey = (() => {
    const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

    const rotate = (word, bits) => (word << bits) | (word >>> (32 - bits));

    // The four rounds of twenty steps: a mixing function and a constant each (RFC 3174 §5).
    const ROUNDS = [
        [(b, c, d) => (b & c) | (~b & d), 0x5a827999],
        [(b, c, d) => b ^ c ^ d, 0x6ed9eba1],
        [(b, c, d) => (b & c) | (b & d) | (c & d), 0x8f1bbcdc],
        [(b, c, d) => b ^ c ^ d, 0xca62c1d6],
    ];

    /** The SHA-1 of bytes: 20 bytes (RFC 3174). */
    function sha1(bytes) {
        // One bit 1, zeros, and the length in bits in the last eight bytes of a block of 64.
        const padded = new Uint8Array(Math.ceil((bytes.length + 9) / 64) * 64);
        padded.set(bytes);
        padded[bytes.length] = 0b1000_0000;
        const view = new DataView(padded.buffer);
        view.setBigUint64(padded.length - 8, BigInt(bytes.length) * 8n);

        const hash = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0];
        for (let block = 0; block < padded.length; block += 64) {
            const words = [];
            for (let at = 0; at < 16; at += 1) {
                words.push(view.getUint32(block + 4 * at));
            }
            for (let at = 16; at < 80; at += 1) {
                words.push(rotate(words[at - 3] ^ words[at - 8] ^ words[at - 14] ^ words[at - 16], 1));
            }
            let [a, b, c, d, e] = hash;
            words.forEach((word, at) => {
                const [mix, constant] = ROUNDS[Math.floor(at / 20)];
                const next = (rotate(a, 5) + mix(b, c, d) + e + word + constant) | 0;
                [a, b, c, d, e] = [next, a, rotate(b, 30), c, d];
            });
            [a, b, c, d, e].forEach((word, at) => {
                hash[at] = (hash[at] + word) | 0;
            });
        }
        const digest = new Uint8Array(20);
        hash.forEach((word, at) => new DataView(digest.buffer).setInt32(4 * at, word));
        return digest;
    }

    const utf8 = (text) => new TextEncoder().encode(text);
    const base64 = (bytes) => btoa(String.fromCharCode(...bytes));
    const hex = (bytes) => [...bytes].map((byte) => byte.toString(16).padStart(2, "0"));

    /** How a key is answered: the text that is hashed, its 20 bytes, and the accept key. */
    function answer(value) {
        // The key as the field's value has it: without the white space around it.
        const text = value.trim() + GUID;
        const digest = sha1(utf8(text));
        return { text, digest: hex(digest).join(" "), accept: base64(digest) };
    }

    /** The bytes that base64 text stands for, or null if it isn't base64. */
    function decoded(text) {
        try {
            return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
        } catch {
            return null;
        }
    }

    /** One sentence on whether the value could be a client's key at all (RFC 6455 §4.2.1). */
    function remark(value) {
        const key = value.trim();
        const bytes = /^[A-Za-z0-9+/]+={0,2}$/.test(key) && key.length % 4 === 0 ? decoded(key) : null;
        if (bytes === null) {
            return "This is not base64, so a server refuses it (step 04).";
        }
        if (bytes.length !== 16) {
            return `This decodes to ${bytes.length} bytes, not 16, so a server refuses it (step 04).`;
        }
        if (base64(bytes) !== key) {
            return `This decodes to 16 bytes, but a strict decoder refuses it. An encoder writes ${base64(bytes)}`;
        }
        return "This is 16 bytes in base64, as a key must be.";
    }

    /** What the usual mistakes lead to: for each, a clause about it and the accept key that it gives. */
    function slips(value) {
        const key = value.trim();
        const digest = sha1(utf8(key + GUID));
        const after = (text) => base64(sha1(typeof text === "string" ? utf8(text) : text));
        const raw = decoded(key);
        return [
            ["you encode the digest's hexadecimal text, not its 20 bytes", base64(utf8(hex(digest).join("")))],
            ["you encode the digest's hexadecimal text in uppercase", base64(utf8(hex(digest).join("").toUpperCase()))],
            ["you leave out the GUID", after(key)],
            ["you put the GUID before the key", after(GUID + key)],
            ["you write the GUID in lowercase", after(key + GUID.toLowerCase())],
            ["you decode the key from base64 before you hash it", raw && after(Uint8Array.of(...raw, ...utf8(GUID)))],
            ["you hash a line feed along with the text", after(`${key}${GUID}\n`)],
            ["you hash CR LF along with the text", after(`${key}${GUID}\r\n`)],
            ["you hash the space after the colon along with the key", after(` ${key}${GUID}`)],
            ["you use base64's alphabet for URLs", base64(digest).replaceAll("+", "-").replaceAll("/", "_")],
            ["you leave out the padding", base64(digest).replaceAll("=", "")],
        ];
    }

    /** One sentence on an accept key that the reader's code computed. */
    function verdict(value, theirs) {
        if (theirs.trim() === "") {
            return "";
        }
        if (theirs.trim() === answer(value).accept) {
            return "✓ That is the accept key.";
        }
        const slip = slips(value).find(([, accept]) => accept === theirs.trim());
        return slip
            ? `✗ You get this if ${slip[0]}.`
            : "✗ This is not the accept key, and not the result of a mistake that the calculator knows.";
    }

    return { GUID, answer, remark, slips, verdict };
})();

if (typeof customElements !== "undefined") {
    // The key of the RFC's own example (RFC 6455 §1.3).
    const RFC_EXAMPLE = "dGhlIHNhbXBsZSBub25jZQ==";

    const PAGE = `
        <label for="NAME-key">Sec-WebSocket-Key</label>
        <div class="row">
            <input id="NAME-key" data-part="key" autocomplete="off" autocapitalize="off" spellcheck="false">
            <button type="button">New random key</button>
        </div>
        <output for="NAME-key" class="verdict" data-part="remark"></output>
        <dl>
            <dt>key + GUID</dt><dd><output for="NAME-key" data-part="text"></output></dd>
            <dt>SHA-1, 20 bytes</dt><dd><output for="NAME-key" data-part="digest"></output></dd>
            <dt>Sec-WebSocket-Accept</dt><dd><output for="NAME-key" data-part="accept"></output></dd>
        </dl>
        <label for="NAME-theirs">Your code's result (optional)</label>
        <div class="row">
            <input id="NAME-theirs" data-part="theirs" autocomplete="off" autocapitalize="off" spellcheck="false">
        </div>
        <output for="NAME-key NAME-theirs" class="verdict" data-part="verdict"></output>`;

    let made = 0;

    customElements.define("accept-key-calculator", class extends HTMLElement {
        connectedCallback() {
            if (this.querySelector("[data-part]")) {
                return;
            }
            made += 1;
            this.innerHTML = PAGE.replaceAll("NAME", `accept-key-${made}`);
            this.part("key").value = RFC_EXAMPLE;
            this.addEventListener("input", () => this.show());
            this.querySelector("button").addEventListener("click", () => {
                const nonce = crypto.getRandomValues(new Uint8Array(16));
                this.part("key").value = btoa(String.fromCharCode(...nonce));
                this.show();
            });
            // Keys that are typed here are no shortcuts of the book.
            this.addEventListener("keydown", (event) => event.stopPropagation());
            this.show();
        }

        part(name) {
            return this.querySelector(`[data-part="${name}"]`);
        }

        show() {
            const key = this.part("key").value;
            const { text, digest, accept } = acceptKey.answer(key);
            this.part("remark").textContent = acceptKey.remark(key);
            this.part("text").textContent = text;
            this.part("digest").textContent = digest;
            this.part("accept").textContent = accept;
            this.part("verdict").textContent = acceptKey.verdict(key, this.part("theirs").value);
        }
    });
}

if (typeof module !== "undefined") {
    module.exports = acceptKey;
}
