//! Draws the figures: bytes for each page and second against messages a minute, both on logarithmic axes.
//!
//! A plot has a point for each measurement, and straight lines in between. It has its own background, in the colours of
//! the page that it is in, or of a light or dark system. The lines differ in more than colour. No font is named: the
//! text is in whatever font the reader has.

use std::fmt::Write as _;

use crate::crossing::{Crossing, crossings, in_words};
use crate::table::{Table, Transport};

const WIDTH: f64 = 480.0;
const HEIGHT: f64 = 340.0;
const LEFT: f64 = 68.0;
const RIGHT: f64 = 390.0;
const TOP: f64 = 34.0;
const BOTTOM: f64 = 290.0;

const STYLE: &str = "<style>
.compare-plot { --ink: var(--fg, #1c1c1e); --paper: var(--bg, #ffffff); --blue: var(--links, #0a58b8); \
font-family: system-ui, sans-serif; font-size: 13px }
@media (prefers-color-scheme: dark) { .compare-plot { --ink: var(--fg, #ececee); \
--paper: var(--bg, #17181c); --blue: var(--links, #7db8f5) } }
.compare-plot .paper { fill: var(--paper) }
.compare-plot text { fill: var(--ink) }
.compare-plot .grid { stroke: var(--ink); stroke-width: 1; opacity: 0.2 }
.compare-plot .axis { stroke: var(--ink); stroke-width: 1; fill: none }
.compare-plot .course { stroke: var(--ink); stroke-width: 2; fill: none }
.compare-plot .mark { stroke: var(--ink); stroke-width: 2; fill: var(--paper) }
.compare-plot .long.course { stroke-dasharray: 7 4 }
.compare-plot .socket.course { stroke: var(--blue); stroke-width: 3 }
.compare-plot .socket.mark { stroke: var(--blue); fill: var(--blue) }
.compare-plot .crossing { stroke: var(--ink); stroke-width: 1; stroke-dasharray: 2 3 }
</style>";

/// Turns figures into places in the drawing.
struct Axes {
    rates: [f64; 2],
    bytes: [f64; 2],
}

impl Axes {
    /// Axes that have room for all that was measured. `None` for fewer than two rates.
    fn of(table: &Table) -> Option<Self> {
        let rates = table.rates();
        let (first, last) = (*rates.first()?, *rates.last()?);
        if first == last || first == 0 {
            return None;
        }
        let bytes = table.rows.iter().map(|row| row.per_page.max(0.1));
        let least = bytes.clone().fold(f64::INFINITY, f64::min);
        let most = bytes.fold(0.0, f64::max);
        Some(Self {
            rates: [first as f64 / 1.25, last as f64 * 1.25],
            bytes: [least.log10().floor(), (most * 1.05).log10().ceil()]
                .map(|power| 10_f64.powf(power)),
        })
    }

    fn x(&self, rate: f64) -> f64 {
        LEFT + (RIGHT - LEFT) * share(rate, self.rates)
    }

    fn y(&self, bytes: f64) -> f64 {
        BOTTOM - (BOTTOM - TOP) * share(bytes.max(0.1), self.bytes)
    }

    /// The powers of ten on an axis.
    fn powers(&self) -> Vec<f64> {
        let [least, most] = self.bytes.map(|bytes| bytes.log10().round() as i32);
        (least..=most).map(|power| 10_f64.powi(power)).collect()
    }
}

fn share(value: f64, [least, most]: [f64; 2]) -> f64 {
    (value.ln() - least.ln()) / (most.ln() - least.ln())
}

/// The plot as an SVG document. `None` for fewer than two rates, which don't make a line.
pub fn svg(table: &Table) -> Option<String> {
    let axes = Axes::of(table)?;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"compare-plot\" \
         viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
         aria-labelledby=\"compare-title compare-description\">\n\
         <title id=\"compare-title\">Bytes for each page and second, against messages a minute</title>\n\
         <desc id=\"compare-description\">{}</desc>\n{STYLE}\n\
         <rect class=\"paper\" width=\"{WIDTH}\" height=\"{HEIGHT}\"/>\n",
        described(table)
    );
    let mut add = |line: String| {
        svg.push_str(&line);
        svg.push('\n');
    };
    add(text(8.0, 18.0, "start", "bytes for each page and second"));
    let middle = (LEFT + RIGHT) / 2.0;
    add(text(
        middle,
        332.0,
        "middle",
        "messages a minute, in the whole chat",
    ));
    for power in axes.powers() {
        let y = axes.y(power);
        add(format!(
            "<path class=\"grid\" d=\"M{LEFT} {y:.1}H{RIGHT}\"/>"
        ));
        add(text(LEFT - 8.0, y + 4.5, "end", &grouped(power)));
    }
    add(format!(
        "<path class=\"axis\" d=\"M{LEFT} {TOP}V{BOTTOM}H{RIGHT}\"/>"
    ));
    let mut free_from = f64::NEG_INFINITY;
    for rate in table.rates() {
        let x = axes.x(rate as f64);
        add(format!("<path class=\"axis\" d=\"M{x:.1} {BOTTOM}v5\"/>"));
        if x > free_from {
            add(text(x, BOTTOM + 20.0, "middle", &grouped(rate as f64)));
            free_from = x + 30.0;
        }
    }
    for crossing in crossings(table) {
        add(marked(&axes, &crossing));
    }
    for transport in Transport::ALL {
        add(line(&axes, table, transport));
    }
    for (transport, y) in label_places(&axes, table) {
        add(text(RIGHT + 4.0, y, "start", transport.name()));
    }
    svg.push_str("</svg>\n");
    Some(svg)
}

/// Describes the plot for people who can't see it.
fn described(table: &Table) -> String {
    let mut parts = vec![format!("Measured: {}.", table.conditions)];
    for transport in Transport::ALL {
        let points = table.rates().into_iter().zip(table.bytes(transport));
        let points: Vec<String> = points
            .map(|(rate, bytes)| format!("{bytes:.1} bytes at {rate}"))
            .collect();
        parts.push(format!("{}: {}.", transport.name(), points.join(", ")));
    }
    parts.extend(in_words(table));
    parts.join(" ")
}

fn line(axes: &Axes, table: &Table, transport: Transport) -> String {
    let class = match transport {
        Transport::Polling => "polling",
        Transport::LongPolling => "long",
        Transport::WebSocket => "socket",
    };
    let rates = table.rates().into_iter().map(|rate| axes.x(rate as f64));
    let places: Vec<(f64, f64)> = rates
        .zip(
            table
                .bytes(transport)
                .into_iter()
                .map(|bytes| axes.y(bytes)),
        )
        .collect();
    let points: Vec<String> = places
        .iter()
        .map(|(x, y)| format!("{x:.1},{y:.1}"))
        .collect();
    let mut text = format!(
        "<polyline class=\"{class} course\" points=\"{}\"/>",
        points.join(" ")
    );
    for (x, y) in places {
        let mark = match transport {
            Transport::Polling => {
                format!("<circle class=\"{class} mark\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\"/>")
            }
            Transport::LongPolling => {
                let (left, top) = (x - 4.0, y - 4.0);
                format!(
                    "<rect class=\"{class} mark\" x=\"{left:.1}\" y=\"{top:.1}\" width=\"8\" height=\"8\"/>"
                )
            }
            Transport::WebSocket => {
                format!("<path class=\"{class} mark\" d=\"M{x:.1} {y:.1}m0 -5l5 5l-5 5l-5 -5z\"/>")
            }
        };
        write!(text, "\n{mark}").expect("a String takes all text");
    }
    text
}

/// A crossing: a line down to the axis, and its rate.
fn marked(axes: &Axes, crossing: &Crossing) -> String {
    let (x, y) = (axes.x(crossing.rate), axes.y(crossing.bytes));
    let label = format!("equal at about {:.0}", crossing.rate);
    // Its words are on the side that has room.
    let (end, anchor) = if x > (LEFT + RIGHT) / 2.0 - 30.0 {
        (x - 5.0, "end")
    } else {
        (x + 5.0, "start")
    };
    format!(
        "<path class=\"crossing\" d=\"M{x:.1} {TOP}V{BOTTOM}\"/>\n\
         <circle class=\"axis\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"9\"/>\n{}",
        text(end, TOP + 12.0, anchor, &label)
    )
}

/// The height of each line's name: at the end of the line, but so that no two names overlap.
fn label_places(axes: &Axes, table: &Table) -> Vec<(Transport, f64)> {
    let end = |transport| {
        table
            .bytes(transport)
            .last()
            .map_or(BOTTOM, |bytes| axes.y(*bytes))
    };
    let mut places: Vec<(Transport, f64)> = Transport::ALL
        .into_iter()
        .map(|transport| (transport, end(transport) + 4.5))
        .collect();
    places.sort_by(|one, other| one.1.total_cmp(&other.1));
    for at in 1..places.len() {
        places[at].1 = places[at].1.max(places[at - 1].1 + 15.0);
    }
    places
}

fn text(x: f64, y: f64, anchor: &str, text: &str) -> String {
    format!("<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{text}</text>")
}

/// 12345 as `12,345`.
fn grouped(number: f64) -> String {
    if number < 1.0 {
        return number.to_string();
    }
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::tests::table;

    #[test]
    fn a_plot_needs_a_line() {
        assert_eq!(svg(&table(&[(60, [3.0, 2.0, 1.0])])), None);
    }

    #[test]
    fn a_plot_has_its_words_its_points_and_its_crossing() {
        let svg = svg(&table(&[
            (10, [100.0, 10.0, 1.0]),
            (1000, [100.0, 1000.0, 30.0]),
        ]));
        let svg = svg.unwrap();
        for part in [
            "<title id=",
            "long polling: 10.0 bytes at 10, 1000.0 bytes at 1000.",
            "takes the fewest bytes at every rate",
            "equal at about 100<",
            ">1,000</text>",
            ">WebSocket</text>",
        ] {
            assert!(svg.contains(part), "{part}\n{svg}");
        }
        assert_eq!(svg.matches("<circle class=\"polling mark\"").count(), 2);
        // In a page, an empty line would end it.
        assert!(svg.lines().all(|line| !line.trim().is_empty()));
    }

    #[test]
    fn each_power_of_ten_is_as_far_from_the_next() {
        let table = table(&[(10, [100.0, 10.0, 1.0]), (1000, [100.0, 1000.0, 1.0])]);
        let axes = Axes::of(&table).unwrap();
        let steps = [axes.y(1.0) - axes.y(10.0), axes.y(100.0) - axes.y(1000.0)];
        assert!((steps[0] - steps[1]).abs() < 1e-9, "{steps:?}");
        let steps = [axes.x(100.0) - axes.x(10.0), axes.x(1000.0) - axes.x(100.0)];
        assert!((steps[0] - steps[1]).abs() < 1e-9, "{steps:?}");
    }

    #[test]
    fn names_never_overlap() {
        let table = table(&[(10, [5.0, 5.0, 5.0]), (1000, [7.0, 7.0, 7.0])]);
        let places = label_places(&Axes::of(&table).unwrap(), &table);
        assert!(places.windows(2).all(|two| two[1].1 - two[0].1 >= 15.0));
    }
}
