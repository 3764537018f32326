//! Any frame, drawn as RFC 6455 §5.2 draws it: 32 bits a row, below a ruler, each field with its
//! name, its value and its bits, and the row's bytes beside it.
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +-+-+-+-+-------+-+-------------+---------------+---------------+
//! |F|R|R|R|opcode |M|Payload len  |Payload Data   |               |
//! |I|S|S|S|= 0x1  |A|= 5          |48 H           |65 e           |
//! |N|V|V|V|text   |S|bytes        |               |               |
//! | |1|2|3|       |K|             |               |               |
//! |1|0|0|0|0 0 0 1|0|0 0 0 0 1 0 1|0 1 0 0 1 0 0 0|0 1 1 0 0 1 0 1|  81 05 48 65
//! +-+-+-+-+-------+-+-------------+---------------+---------------+
//! ```
//!
//! All of this is written for you. It isn't a decoder and refuses nothing: it draws frames that break a
//! rule like any others, and leaves out bytes that haven't arrived.

/// How many bits are in a row.
const BITS_PER_ROW: usize = 32;
/// Each bit takes two columns: one for itself, and one for the space or border before it.
const COLUMNS_PER_BIT: usize = 2;
/// Of a longer payload, only this many bytes are drawn.
const MAX_DRAWN_BYTES: usize = 32;
/// Of a longer text, only this many characters are quoted.
const MAX_QUOTED: usize = 40;
/// Of more frames, only this many are drawn.
const MAX_DRAWN_FRAMES: usize = 8;

const RULER: &str = concat!(
    " 0                   1                   2                   3\n",
    " 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1\n",
);

/// Draws the frames in these bytes, one below the other, at most 80 columns wide.
///
/// ```
/// let pong = frame_header::draw(&[0x8a, 0x00]);
/// assert!(pong.ends_with("\npong, FIN, no payload\n"));
/// ```
pub fn draw(bytes: &[u8]) -> String {
    let mut drawings = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() && drawings.len() < MAX_DRAWN_FRAMES {
        let (drawing, length) = draw_first(rest);
        drawings.push(drawing);
        rest = &rest[length..];
    }
    if bytes.is_empty() {
        drawings.push("(no bytes)\n".to_string());
    }
    if !rest.is_empty() {
        drawings.push(format!("({} more bytes, not drawn)\n", rest.len()));
    }
    drawings.join("\n")
}

/// Draws the first frame, and returns how many of the bytes it takes. Draws nothing if there are no bytes.
pub fn draw_first(bytes: &[u8]) -> (String, usize) {
    if bytes.is_empty() {
        return (String::new(), 0);
    }
    let frame = Sketch::new(bytes);
    (frame.draw(), frame.end())
}

/// A frame, right or wrong, as far as its bytes have arrived.
struct Sketch<'a> {
    /// All bytes, from the frame's first one on.
    bytes: &'a [u8],
    /// How many bytes of extended payload length there should be.
    extended: usize,
    /// How many bytes the header should have.
    header: usize,
    /// The length that the header declares, if all of its bytes are there.
    payload_length: Option<u64>,
    /// As much of the payload as is there, still masked.
    payload: &'a [u8],
    /// The masking key, if there is one.
    key: Option<&'a [u8]>,
}

/// A field of the drawing: its bits, from `start` to before `end`, and the text above them.
struct Cell {
    start: usize,
    end: usize,
    text: Vec<String>,
}

impl<'a> Sketch<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        let second = bytes.get(1).copied().unwrap_or(0);
        let masked = second & 0b1000_0000 != 0;
        let seven_bits = second & 0b0111_1111;
        let extended = match seven_bits {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let header = 2 + extended + if masked { 4 } else { 0 };
        let payload_length = match extended {
            0 => bytes.get(1).map(|_| u64::from(seven_bits)),
            _ => bytes.get(2..2 + extended).map(number),
        };
        let after_header = bytes.get(header..).unwrap_or_default();
        let declared = usize::try_from(payload_length.unwrap_or(0)).unwrap_or(usize::MAX);
        Self {
            bytes,
            extended,
            header,
            payload_length,
            payload: &after_header[..after_header.len().min(declared)],
            key: bytes.get(2 + extended..header).filter(|_| masked),
        }
    }

    /// How many of the bytes belong to the frame.
    fn end(&self) -> usize {
        self.bytes.len().min(self.header + self.payload.len())
    }

    fn draw(&self) -> String {
        let drawn = self.end().min(self.header + MAX_DRAWN_BYTES);
        let cells = self.cells();
        let rows: Vec<Row> = self.bytes[..drawn]
            .chunks(BITS_PER_ROW / 8)
            .enumerate()
            .map(|(index, bytes)| Row::new(index, bytes, &cells))
            .collect();
        let mut text = RULER.to_string();
        text += &border(None, rows.first());
        for (index, row) in rows.iter().enumerate() {
            text += &row.draw();
            text += &border(Some(row), rows.get(index + 1));
        }
        if drawn < self.end() {
            text += &format!(
                "({} more bytes of payload, not drawn)\n",
                self.end() - drawn
            );
        }
        text + &self.description() + "\n"
    }

    fn cells(&self) -> Vec<Cell> {
        let first = self.bytes[0];
        let mut cells = vec![
            Cell::new(0, 1, &["F", "I", "N"]),
            Cell::new(1, 1, &["R", "S", "V", "1"]),
            Cell::new(2, 1, &["R", "S", "V", "2"]),
            Cell::new(3, 1, &["R", "S", "V", "3"]),
            Cell::new(4, 4, &["opcode", &format!("= 0x{:x}", first & 0b1111)]),
            Cell::new(8, 1, &["M", "A", "S", "K"]),
            Cell::new(9, 7, &["Payload len"]),
        ];
        let name = opcode_name(first);
        let (start, end) = match name {
            "continuation" => ("contin-", "uation"),
            "reserved" => ("re-", "served"),
            name => (name, ""),
        };
        cells[4].text.extend([start.to_string(), end.to_string()]);
        if let Some(second) = self.bytes.get(1) {
            cells[6].text.push(format!("= {}", second & 0b0111_1111));
            cells[6].text.extend(match self.extended {
                0 => vec![
                    if second & 0b0111_1111 == 1 {
                        "byte"
                    } else {
                        "bytes"
                    }
                    .to_string(),
                ],
                bytes => vec![format!("the next {bytes}"), "bytes say it".to_string()],
            });
        }
        let mut end = 2 * 8;
        if self.extended > 0 {
            cells.push(Cell::new(
                end,
                self.extended * 8,
                &["Extended payload length"],
            ));
            let value = self
                .payload_length
                .map(|length| format!("= {length} bytes"));
            cells[7].text.extend(value);
            end += self.extended * 8;
        }
        if self.header * 8 > end {
            let mut key = Cell::new(end, 4 * 8, &["Masking-key"]);
            key.text
                .extend(self.key.map(|key| format!("= {}", hex(key))));
            cells.push(key);
            end += 4 * 8;
        }
        let payload = self.payload.iter().take(MAX_DRAWN_BYTES).enumerate();
        cells.extend(payload.map(|(index, byte)| self.payload_cell(end, index, *byte)));
        cells
    }

    /// `7f ^ 37 = 48 H`: the masked byte, the key's byte, the unmasked byte, its character.
    fn payload_cell(&self, payload: usize, index: usize, byte: u8) -> Cell {
        let plain = byte ^ self.key.map_or(0, |key| key[index % 4]);
        let character = if plain.is_ascii_graphic() {
            char::from(plain)
        } else {
            ' '
        };
        let value = match self.key {
            Some(key) => format!(
                "{byte:02x} ^ {:02x} = {plain:02x} {character}",
                key[index % 4]
            ),
            None => format!("{plain:02x} {character}"),
        };
        let start = payload + index * 8;
        let name = if index == 0 { "Payload Data" } else { "" };
        let is_in_first_row = start / BITS_PER_ROW == payload / BITS_PER_ROW;
        if is_in_first_row {
            Cell::new(start, 8, &[name, &value])
        } else {
            Cell::new(start, 8, &[&value])
        }
    }

    /// `text, FIN, 5 bytes, masked: "Hello"`
    fn description(&self) -> String {
        let first = self.bytes[0];
        let mut parts = vec![opcode_name(first).to_string()];
        let bits = [
            (0b1000_0000, "FIN"),
            (0b0100_0000, "RSV1"),
            (0b0010_0000, "RSV2"),
            (0b0001_0000, "RSV3"),
        ];
        let set = bits.into_iter().filter(|(bit, _)| first & bit != 0);
        parts.extend(set.map(|(_, name)| name.to_string()));
        let missing = self.header.saturating_sub(self.bytes.len());
        if missing > 0 {
            parts.push(format!(
                "{} of the header missing",
                byte_count(missing as u64)
            ));
            return wrapped(&parts);
        }
        let declared = self.payload_length.unwrap_or(0);
        parts.push(match declared {
            0 => "no payload".to_string(),
            _ => byte_count(declared),
        });
        parts.extend(self.key.map(|_| "masked".to_string()));
        let missing = declared - self.payload.len() as u64;
        if missing > 0 {
            parts.push(format!("{missing} of them missing"));
        }
        let quoted = self.quoted();
        if let (Some(last), false) = (parts.last_mut(), quoted.is_empty()) {
            *last += ":";
            parts.push(quoted);
        }
        wrapped(&parts)
    }

    /// The payload in quotes if it is text; in a Close frame, the status code and the quoted reason.
    fn quoted(&self) -> String {
        let key = self.key.unwrap_or(&[0; 4]).iter().cycle();
        let plain = self.payload.iter().zip(key).map(|(byte, key)| byte ^ key);
        let plain: Vec<u8> = plain.collect();
        match (opcode_name(self.bytes[0]), plain.split_at_checked(2)) {
            ("binary", _) | ("close", None) => String::new(),
            ("close", Some((code, reason))) => {
                let text = format!("{} {}", number(code), quote(reason));
                text.trim_end().to_string()
            }
            _ => quote(&plain),
        }
    }
}

/// A row of the drawing: 32 bits, fewer in the last one.
struct Row<'a> {
    bytes: &'a [u8],
    /// How many bits of the frame come before this row.
    start: usize,
    /// The part of each field that is in this row.
    cells: Vec<Cell>,
}

impl<'a> Row<'a> {
    fn new(index: usize, bytes: &'a [u8], all: &[Cell]) -> Self {
        let start = index * BITS_PER_ROW;
        let end = start + bytes.len() * 8;
        let here = all
            .iter()
            .filter(|cell| cell.start < end && cell.end > start);
        let cells = here.map(|cell| Cell {
            start: cell.start.max(start),
            end: cell.end.min(end),
            text: if cell.start < start {
                vec!["(continued)".to_string()]
            } else {
                cell.text.clone()
            },
        });
        Self {
            bytes,
            start,
            cells: cells.collect(),
        }
    }

    fn draw(&self) -> String {
        let height = self.cells.iter().map(|cell| cell.text.len()).max();
        let mut text = String::new();
        for line in 0..height.unwrap_or(0) {
            for cell in &self.cells {
                let line_of_text = cell.text.get(line).map_or("", String::as_str);
                let width = cell.width();
                text += &format!("|{:<width$}", shortened(line_of_text, width));
            }
            text += "|\n";
        }
        for cell in &self.cells {
            let bits = (cell.start..cell.end).map(|bit| self.bit(bit - self.start));
            text += &format!("|{}", bits.collect::<Vec<_>>().join(" "));
        }
        let missing = BITS_PER_ROW - self.bytes.len() * 8;
        let space = " ".repeat(missing * COLUMNS_PER_BIT);
        text + &format!("|{space}  {}\n", hex(self.bytes))
    }

    fn bit(&self, index: usize) -> &'static str {
        match self.bytes[index / 8] & (0b1000_0000 >> (index % 8)) {
            0 => "0",
            _ => "1",
        }
    }

    /// The columns in which a field begins or ends.
    fn corners(&self) -> Vec<usize> {
        let starts = self.cells.iter().map(|cell| cell.start - self.start);
        let bits = starts.chain([self.bytes.len() * 8]);
        bits.map(|bit| bit * COLUMNS_PER_BIT).collect()
    }
}

impl Cell {
    fn new(start: usize, bits: usize, text: &[&str]) -> Self {
        Self {
            start,
            end: start + bits,
            text: text.iter().map(|line| line.to_string()).collect(),
        }
    }

    /// How many columns are between its borders.
    fn width(&self) -> usize {
        (self.end - self.start) * COLUMNS_PER_BIT - 1
    }
}

/// The name, or as many of its words as fit: a field that is only half there may be narrower (`Extended…`).
fn shortened(name: &str, width: usize) -> String {
    if name.chars().count() <= width {
        return name.to_string();
    }
    let mut whole = name.match_indices(' ').map(|(space, _)| &name[..space]);
    let longest = whole.rfind(|name| name.chars().count() < width);
    format!("{}…", longest.unwrap_or_default())
}

/// The line between two rows, with a corner wherever a field of either begins or ends.
fn border(above: Option<&Row>, below: Option<&Row>) -> String {
    let rows = [above, below].into_iter().flatten();
    let corners: Vec<usize> = rows.flat_map(Row::corners).collect();
    let last = corners.iter().copied().max().unwrap_or(0);
    let is_corner = |column| corners.contains(&column);
    let line = (0..=last).map(|column| if is_corner(column) { '+' } else { '-' });
    line.collect::<String>() + "\n"
}

fn opcode_name(first: u8) -> &'static str {
    match first & 0b0000_1111 {
        0x0 => "continuation",
        0x1 => "text",
        0x2 => "binary",
        0x8 => "close",
        0x9 => "ping",
        0xa => "pong",
        _ => "reserved",
    }
}

/// A number in network byte order.
fn number(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0, |number, byte| number << 8 | u64::from(*byte))
}

fn hex(bytes: &[u8]) -> String {
    let bytes = bytes.iter().map(|byte| format!("{byte:02x}"));
    bytes.collect::<Vec<_>>().join(" ")
}

fn byte_count(number: u64) -> String {
    match number {
        1 => "1 byte".to_string(),
        _ => format!("{number} bytes"),
    }
}

/// The text in quotes; an empty string if there is none, or if the bytes aren't text.
fn quote(bytes: &[u8]) -> String {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return String::new();
    };
    let mut quoted = String::new();
    for character in text.chars() {
        let escaped = character.escape_debug().to_string();
        if quoted.chars().count() + escaped.chars().count() > MAX_QUOTED {
            return format!("\"{quoted}\" …");
        }
        quoted += &escaped;
    }
    match quoted.as_str() {
        "" => quoted,
        _ => format!("\"{quoted}\""),
    }
}

/// The parts with commas between them, but none after a colon, in lines of 80 columns.
fn wrapped(parts: &[String]) -> String {
    let mut text = String::new();
    let mut column = 0;
    for part in parts {
        let needs_comma = !text.is_empty() && !text.ends_with(':');
        if needs_comma {
            text += ",";
        }
        let length = part.chars().count() + 2;
        if column + length >= 80 {
            text += "\n  ";
            column = 2;
        } else if column > 0 {
            text += " ";
        }
        text += part;
        column += length;
    }
    text
}
