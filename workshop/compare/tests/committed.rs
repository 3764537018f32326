//! What the chapter shows belongs together: the table that was kept, the plot, and the words.

use std::fs;
use std::path::Path;

use workshop_compare::crossing::in_words;
use workshop_compare::plot;
use workshop_compare::table::{Row, Table, Transport};

fn read(path: &str) -> String {
    let book = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../book/src");
    let text = fs::read_to_string(book.join(path)).unwrap_or_else(|_| panic!("{path} is there"));
    text.replace("\r\n", "\n")
}

fn table() -> Table {
    Table::read(&read("measured/compare.txt")).unwrap()
}

#[test]
fn the_plot_is_drawn_from_the_table() {
    let drawn = plot::svg(&table()).unwrap();
    assert!(
        drawn == read("measured/compare.svg"),
        "`cargo workshop compare --from book/src/measured/compare.txt \
         --svg book/src/measured/compare.svg` draws it anew"
    );
}

#[test]
fn the_words_below_the_table_are_computed_from_it() {
    let kept = read("measured/compare.txt");
    let kept: Vec<&str> = kept.split_whitespace().collect();
    for sentence in in_words(&table()) {
        assert!(kept.join(" ").contains(&sentence), "{sentence}");
    }
    assert!(kept.contains(&"Linux"), "it says on what it was measured");
}

/// These are in the text of the chapter.
#[test]
fn the_chapter_names_figures_of_the_table() {
    let table = table();
    let chapter = read("compare.md");
    let of = |transport: Transport| {
        table
            .rows
            .iter()
            .filter(move |row| row.transport == transport)
    };
    let messages = |row: &Row| row.rate / 6;
    assert!(
        table
            .conditions
            .starts_with("5 pages, 10 s a rate, a pause of 1 s")
    );

    assert!(chapter.contains("468 for five pages"));
    for row in of(Transport::WebSocket) {
        assert_eq!(row.then, 468 * messages(row), "{row:?}");
        assert_eq!(row.opening, 4_061, "{row:?}");
    }
    assert!(chapter.contains("4,061 bytes for five pages, against 3,920"));
    assert!(of(Transport::Polling).all(|row| row.opening == 3_920));
    assert!(chapter.contains("5,146 bytes"));
    let seldom = of(Transport::LongPolling).take(2);
    assert!(
        seldom
            .into_iter()
            .all(|row| row.then == 5_146 * messages(row))
    );
    // Half the pause of a second, give or take what dice and the machine do.
    assert!(chapter.contains("half the pause"));
    let mut means = of(Transport::Polling).map(|row| row.delays.mean);
    assert!(means.all(|mean| (400.0..700.0).contains(&mean)));
}
