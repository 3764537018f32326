//! Snapshots of what the commands print. The packages beside this one use it, too.

use std::path::Path;

/// The folder of this repository.
pub fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let is_root = |folder: &&Path| folder.join("Cargo.lock").is_file();
    here.ancestors().find(is_root).expect("it is in one")
}

/// Compares a text with its snapshot, which the book may include by the anchor `shown`.
/// `INSTA_UPDATE=always` writes it.
pub fn shown(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(root().join("tests/snapshots/workshop"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let text = text.trim_end();
    println!("{text}");
    settings.bind(|| {
        insta::assert_snapshot!(name, format!("ANCHOR: shown\n{text}\nANCHOR_END: shown"));
    });
}
