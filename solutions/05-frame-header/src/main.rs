//! `cargo run -p frame-header -- 81 85 37 fa 21 3d 7f 9f 4d 51 58` draws a frame.

fn main() {
    println!("{}", frame_header_solution::draw(&[]));
}
