//! Without a fuzzer: writes the seeds as files, tries a file on a target, says what it means.

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;
use std::{env, fs};

use fuzz::{TARGETS, seeds, targets};

const USAGE: &str =
    "cargo run -p fuzz -- seeds FOLDER        writes all seeds, a folder for each target
cargo run -p fuzz -- try TARGET FILE...  panics where something doesn't hold";

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["seeds", folder] => write_seeds(Path::new(folder))?,
        ["try", target, files @ ..] => {
            let Some((_, judge)) = TARGETS.iter().find(|(name, _)| name == target) else {
                let names = TARGETS.map(|(name, _)| name).join(", ");
                eprintln!("{target:?} is none of {names}.");
                return Ok(ExitCode::from(2));
            };
            for file in files {
                let data = fs::read(file)?;
                println!("{file}: {} bytes, {data:02x?}", data.len());
                if *target == "connection" {
                    print!("{}", targets::connection::explain(&data));
                }
                judge(&data);
            }
            println!("{} holds for {} files.", target, files.len());
        }
        _ => {
            eprintln!("{USAGE}");
            return Ok(ExitCode::from(2));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn write_seeds(folder: &Path) -> Result<(), Box<dyn Error>> {
    for (target, _) in TARGETS {
        let folder = folder.join(target);
        fs::create_dir_all(&folder)?;
        for (number, seed) in seeds::of(target)?.into_iter().enumerate() {
            fs::write(folder.join(format!("seed-{number:02}")), seed)?;
        }
    }
    Ok(())
}
