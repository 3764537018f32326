//! `cargo workshop`
use workshop::author::starters;
use workshop::project::Project;

fn main() {
    let project = Project::find().unwrap();
    starters::write(&project).unwrap();
}
