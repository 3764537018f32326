//! Where two lines cross, computed from what was measured.

use crate::table::{Table, Way};

/// A rate at which two ways cost the same.
#[derive(Debug, Clone, PartialEq)]
pub struct Crossing {
    /// In messages a minute.
    pub rate: f64,
    /// In bytes for each page and second.
    pub bytes: f64,
    /// What costs less below it, and what above.
    pub ways: [Way; 2],
}

/// All crossings, pair by pair. Between two rates that were measured, each line is taken for straight, as it
/// is drawn: with both axes logarithmic.
pub fn crossings(table: &Table) -> Vec<Crossing> {
    let [polling, long_polling, socket] = Way::ALL;
    let pairs = [
        [polling, long_polling],
        [polling, socket],
        [long_polling, socket],
    ];
    pairs.iter().flat_map(|pair| of(table, *pair)).collect()
}

fn of(table: &Table, [one, other]: [Way; 2]) -> Vec<Crossing> {
    let rates = table.rates();
    let rates: Vec<f64> = rates.iter().map(|it| (*it as f64).ln()).collect();
    let logs = |way| Vec::from_iter(table.bytes(way).into_iter().map(f64::ln));
    let (bytes, others) = (logs(one), logs(other));
    let mut found = Vec::new();
    for at in 1..rates.len() {
        let before = bytes[at - 1] - others[at - 1];
        let after = bytes[at] - others[at];
        if before * after >= 0.0 {
            continue;
        }
        let share = before / (before - after);
        let between = |line: &[f64]| (line[at - 1] + share * (line[at] - line[at - 1])).exp();
        found.push(Crossing {
            rate: between(&rates),
            bytes: between(&bytes),
            ways: if before < 0.0 {
                [one, other]
            } else {
                [other, one]
            },
        });
    }
    found
}

/// The same in words, a sentence for each crossing and one for each way that costs least at every rate.
pub fn words(table: &Table) -> Vec<String> {
    let mut sentences = Vec::new();
    for Crossing { rate, ways, .. } in crossings(table) {
        let [below, above] = ways.map(Way::name);
        sentences.push(format!(
            "At about {rate:.0} messages a minute the bytes of {below} and {above} are the same: \
             below it, {below} takes fewer, above it, {above}."
        ));
    }
    let cheapest = |way: Way| {
        table.rows.chunks(3).all(|rate| {
            let own = rate.iter().find(|row| row.way == way);
            let others = rate.iter().filter(|row| row.way != way);
            own.is_some_and(|own| others.into_iter().all(|row| own.per_page < row.per_page))
        })
    };
    for way in Way::ALL.into_iter().filter(|way| cheapest(*way)) {
        let name = way.name();
        sentences.push(format!(
            "Of the three, {name} takes the fewest bytes at every rate that was measured."
        ));
    }
    sentences
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::tests::table;

    #[test]
    fn lines_cross_where_they_are_drawn_to() {
        // 100 and 10 to 1: one line is level, the other climbs as steeply as the rate.
        let table = table(&[(10, [100.0, 10.0, 1.0]), (1000, [100.0, 1000.0, 1.0])]);
        let [crossing] = &crossings(&table)[..] else {
            panic!("{:?}", crossings(&table));
        };
        assert!((crossing.rate - 100.0).abs() < 1e-6, "{crossing:?}");
        assert!((crossing.bytes - 100.0).abs() < 1e-6, "{crossing:?}");
        assert_eq!(crossing.ways, [Way::LongPolling, Way::Polling]);
        assert_eq!(
            words(&table),
            [
                "At about 100 messages a minute the bytes of long polling and polling are the same: \
                 below it, long polling takes fewer, above it, polling.",
                "Of the three, WebSocket takes the fewest bytes at every rate that was measured."
            ]
        );
    }

    #[test]
    fn lines_that_only_meet_or_stay_apart_do_not_cross() {
        let apart = table(&[(10, [3.0, 2.0, 1.0]), (1000, [30.0, 20.0, 10.0])]);
        assert_eq!(crossings(&apart), []);
        let one = table(&[(10, [3.0, 2.0, 1.0])]);
        assert_eq!(crossings(&one), []);
    }
}
