//! Messages to measure with. They are the same at each run.

/// What a chat's server sends: JSON, with sentences of words that are picked by chance. People repeat themselves more
/// than that, so a real chat gets a little shorter.
pub fn chat(count: usize) -> Vec<Vec<u8>> {
    const NAMES: [&str; 6] = ["ada", "bob", "zoë", "chidi", "mei", "Jürgen"];
    let words: Vec<&str> = WORDS.split_whitespace().collect();
    let mut noise = Noise::default();
    let message = |number: usize| {
        let name = NAMES[noise.below(NAMES.len())];
        let length = 3 + noise.below(10);
        let sentence: Vec<&str> = (0..length)
            .map(|_| words[noise.below(words.len())])
            .collect();
        let (id, text) = (4000 + number, sentence.join(" "));
        format!(r#"{{"id":{id},"username":"{name}","message":"{text}"}}"#).into_bytes()
    };
    (0..count).map(message).collect()
}

/// Words of a chat.
const WORDS: &str = "\
    the a to and it is in you that of for on was with not have this but be my so what if just all like are can no at \
    we do get out up your now about time when there how one go good think see some know really they still then want \
    more who only back well here would right need too other after first work why make way again never over day two \
    sure maybe thanks yes ok build test server green red broken fixed lunch coffee train late early meeting monday \
    friday morning evening tomorrow today yesterday rain sun office home phone laptop screen browser socket frame \
    message window byte";

/// What a live chart gets: twelve values as JSON, each a little different from the one before.
pub fn chart(count: usize) -> Vec<Vec<u8>> {
    let mut noise = Noise::default();
    let mut values = [20_000_i64; 12];
    let mut message = |number: usize| {
        let texts = values.each_mut().map(|value| {
            *value += noise.below(201) as i64 - 100;
            format!("{}.{:03}", *value / 1000, *value % 1000)
        });
        let time = 1_790_000_000 + number;
        format!(r#"{{"time":{time},"values":[{}]}}"#, texts.join(",")).into_bytes()
    };
    (0..count).map(&mut message).collect()
}

/// What a photograph looks like to DEFLATE: a JPEG is compressed already, and its bytes are as good as random. These
/// are 64 KiB of noise.
pub fn photograph() -> Vec<u8> {
    let mut noise = Noise::default();
    (0..1 << 16).map(|_| noise.byte()).collect()
}

/// Xorshift: numbers that look random, and are always the same.
#[derive(Debug)]
pub struct Noise(u64);

impl Default for Noise {
    fn default() -> Self {
        Self(0x2545_f491_4f6c_dd1d)
    }
}

impl Noise {
    /// Returns the next number.
    pub fn next_number(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// Returns the next byte.
    pub fn byte(&mut self) -> u8 {
        (self.next_number() >> 32) as u8
    }

    /// Returns the next number below a limit.
    pub fn below(&mut self, limit: usize) -> usize {
        (self.next_number() >> 32) as usize % limit
    }
}
