//! Messages to measure with. They are the same at each run.

/// What a chat's server sends: JSON, a few dozen bytes each, with a text that is never quite the same.
pub fn chat(count: usize) -> Vec<Vec<u8>> {
    const NAMES: [&str; 4] = ["Ann", "Bob", "Zoë", "Chidi"];
    const BEGINNINGS: [&str; 5] = ["I think", "Well,", "No,", "Did you see that", "Tomorrow"];
    const ENDINGS: [&str; 7] = [
        "the build is green again",
        "we should ask the others first",
        "it rains",
        "my train is late",
        "there is a bug in the third test",
        "lunch at noon?",
        "nobody has answered yet",
    ];
    let mut noise = Noise::default();
    let message = |number: usize| {
        let [name, begins, ends] =
            [NAMES.len(), BEGINNINGS.len(), ENDINGS.len()].map(|count| noise.below(count));
        format!(
            r#"{{"type":"said","id":{},"name":"{}","text":"{} {}"}}"#,
            4000 + number,
            NAMES[name],
            BEGINNINGS[begins],
            ENDINGS[ends],
        )
        .into_bytes()
    };
    (0..count).map(message).collect()
}

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
