//! Writes `RESULTS.md` and `results.svg` from the tables that `cargo xtask bench` has recorded.

use std::error::Error;
use std::path::Path;
use std::{env, fs};

use benches::plot;
use benches::report::{self, MACHINE};
use benches::table::{RECORD, Table};

/// The file name of the picture, which is beside `RESULTS.md`.
const PICTURE: &str = "results.svg";

fn main() -> Result<(), Box<dyn Error>> {
    let record = env::var(RECORD)
        .map_err(|_| format!("{RECORD} does not name a file with tables; run `cargo xtask bench`"))?;
    let lines = fs::read_to_string(&record).map_err(|error| format!("{record}: {error}"))?;
    let tables: Vec<Table> = lines
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()
        .map_err(|error| format!("{record}: {error}"))?;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let machine = env::var(MACHINE).map_err(|_| format!("{MACHINE} is not set; run `cargo xtask bench`"))?;
    let setting = report::Setting::here(&folder.join(".."), &machine);
    let picture = plot::svg(&tables)?;
    if let Some(svg) = &picture {
        fs::write(folder.join(PICTURE), svg)?;
    }
    let text = report::text(&setting, &tables, picture.map(|_| PICTURE));
    fs::write(folder.join("RESULTS.md"), text)?;
    println!("written: benches/RESULTS.md");
    Ok(())
}
