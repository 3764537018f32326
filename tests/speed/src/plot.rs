//! A plot as SVG, for the book: its lines have the page's own colours, so that it is legible in light and dark.

/// A plot of several curves over the same labels. Values are drawn on a logarithmic scale.
pub struct Plot {
    /// What it shows, which is also its text for those who can't see it.
    pub title: String,
    /// What the points of the curves are, from left to right.
    pub labels: Vec<String>,
    /// The curves.
    pub curves: Vec<Curve>,
}

/// One curve.
pub struct Curve {
    /// Its name.
    pub name: String,
    /// A value for each label.
    pub values: Vec<f64>,
}

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 320.0;
const LEFT: f64 = 60.0;
const RIGHT: f64 = 490.0;
const TOP: f64 = 20.0;
const BOTTOM: f64 = 280.0;
/// The least distance between two names, in pixels.
const APART: f64 = 15.0;

/// How the curves are told apart without colours: the first, ours, is the thick one.
const DASHES: [&str; 6] = ["", "8 3", "2 3", "10 3 2 3", "5 5", "1 5"];

impl Plot {
    /// Draws it.
    pub fn svg(&self) -> String {
        let values = || self.curves.iter().flat_map(|curve| &curve.values);
        let positive = || values().copied().filter(|value| *value > 0.0);
        let lowest = positive().fold(f64::MAX, f64::min).log10().floor();
        let highest = positive()
            .fold(f64::MIN_POSITIVE, f64::max)
            .log10()
            .ceil()
            .max(lowest + 1.0);
        let x = |place: usize| {
            LEFT + (RIGHT - LEFT) * place as f64 / (self.labels.len().max(2) - 1) as f64
        };
        let y = |value: f64| {
            let share = (value.max(f64::MIN_POSITIVE).log10() - lowest) / (highest - lowest);
            BOTTOM - (BOTTOM - TOP) * share.clamp(0.0, 1.0)
        };
        let mut svg = format!(
            "<svg class=\"plot\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" fill=\"none\" stroke=\"currentColor\" \
             font-size=\"12\">\n<title>{}. The table has the figures.</title>\n",
            self.title
        );
        for power in lowest as i32..=highest as i32 {
            let (at, value) = (y(10_f64.powi(power)), 10_f64.powi(power));
            svg += &format!(
                "<path opacity=\"0.25\" d=\"M{LEFT} {at:.0} H{RIGHT}\"/>\n<text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"end\" \
                 fill=\"currentColor\" stroke=\"none\">{value}</text>\n",
                LEFT - 8.0,
                at + 4.0
            );
        }
        for (place, label) in self.labels.iter().enumerate() {
            svg += &format!(
                "<text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"middle\" fill=\"currentColor\" stroke=\"none\">{label}</text>\n",
                x(place),
                BOTTOM + 20.0
            );
        }
        let last = |curve: &Curve| curve.values.iter().copied().rfind(|value| *value > 0.0);
        let ends = self
            .curves
            .iter()
            .map(|curve| y(last(curve).unwrap_or_default()));
        let names = spread_out(&Vec::from_iter(ends));
        for (number, curve) in self.curves.iter().enumerate() {
            let points = curve.values.iter().enumerate();
            // What wasn't measured isn't drawn.
            let points = points.filter(|(_, value)| **value > 0.0);
            let points = points.map(|(place, value)| format!("{:.1} {:.1}", x(place), y(*value)));
            let (width, dashes) = (
                if number == 0 { 3 } else { 1 },
                DASHES[number % DASHES.len()],
            );
            svg += &format!(
                "<path stroke-width=\"{width}\" stroke-dasharray=\"{dashes}\" d=\"M{}\"/>\n<text x=\"{:.0}\" y=\"{:.0}\" \
                 fill=\"currentColor\" stroke=\"none\"{}>{}</text>\n",
                Vec::from_iter(points).join(" L"),
                RIGHT + 8.0,
                names[number] + 4.0,
                if number == 0 {
                    " font-weight=\"bold\""
                } else {
                    ""
                },
                curve.name
            );
        }
        svg + "</svg>\n"
    }
}

/// Moves names apart that would lie on each other.
fn spread_out(wanted: &[f64]) -> Vec<f64> {
    let mut order = Vec::from_iter(0..wanted.len());
    order.sort_by(|one, other| wanted[*one].total_cmp(&wanted[*other]));
    let mut places = wanted.to_vec();
    let mut free = TOP;
    for place in order {
        places[place] = wanted[place].max(free);
        free = places[place] + APART;
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plot_has_its_names_and_a_text() {
        let curve = |name: &str, values: &[f64]| Curve {
            name: name.to_string(),
            values: values.to_vec(),
        };
        let plot = Plot {
            title: "Speed".to_string(),
            labels: vec!["16 B".to_string(), "1 KiB".to_string()],
            curves: vec![curve("ours", &[1.0, 10.0]), curve("theirs", &[1.0, 9.9])],
        };
        let svg = plot.svg();
        assert!(svg.contains("<title>Speed."), "{svg}");
        assert!(
            svg.contains(">ours</text>") && svg.contains(">theirs</text>"),
            "{svg}"
        );
        assert!(!svg.contains("NaN"), "{svg}");
    }

    #[test]
    fn names_do_not_lie_on_each_other() {
        let mut places = spread_out(&[100.0, 101.0, 99.0]);
        places.sort_by(f64::total_cmp);
        assert!(
            places.windows(2).all(|pair| pair[1] - pair[0] >= APART),
            "{places:?}"
        );
    }
}
