//! Finds where two lines cross.

use crate::table::{Table, Transport};

/// A rate at which two transports cost the same.
#[derive(Debug, Clone, PartialEq)]
pub struct Crossing {
    /// In messages a minute.
    pub rate: f64,
    /// In bytes for each page and second.
    pub bytes: f64,
    /// The transport that costs less below this rate, and the one that costs less above it.
    pub ways: [Transport; 2],
}

/// All crossings, pair by pair. Between two measured rates, a line is straight, as it is drawn: with both axes
/// logarithmic.
pub fn crossings(table: &Table) -> Vec<Crossing> {
    let [polling, long_polling, socket] = Transport::ALL;
    let pairs = [
        [polling, long_polling],
        [polling, socket],
        [long_polling, socket],
    ];
    pairs.iter().flat_map(|pair| of(table, *pair)).collect()
}

fn of(table: &Table, [one, other]: [Transport; 2]) -> Vec<Crossing> {
    let rates = table.rates();
    let rates: Vec<f64> = rates.iter().map(|it| (*it as f64).ln()).collect();
    let logs = |transport| Vec::from_iter(table.bytes(transport).into_iter().map(f64::ln));
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

/// The crossings in words: a sentence for each, and one for a transport that costs least at every rate.
pub fn in_words(table: &Table) -> Vec<String> {
    let mut sentences = Vec::new();
    for Crossing { rate, ways, .. } in crossings(table) {
        let [below, above] = ways.map(Transport::name);
        sentences.push(format!(
            "At about {rate:.0} messages a minute, {below} and {above} take the same number of bytes. \
             Below that rate, {below} takes fewer; above it, {above} does."
        ));
    }
    let cheapest = |transport: Transport| {
        table.rows.chunks(3).all(|rate| {
            let own = rate.iter().find(|row| row.transport == transport);
            let others = rate.iter().filter(|row| row.transport != transport);
            own.is_some_and(|own| others.into_iter().all(|row| own.per_page < row.per_page))
        })
    };
    for transport in Transport::ALL
        .into_iter()
        .filter(|transport| cheapest(*transport))
    {
        let name = transport.name();
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
        assert_eq!(crossing.ways, [Transport::LongPolling, Transport::Polling]);
        assert_eq!(
            in_words(&table),
            [
                "At about 100 messages a minute, long polling and polling take the same number of bytes. \
                 Below that rate, long polling takes fewer; above it, polling does.",
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
