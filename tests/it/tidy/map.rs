//! ARCHITECTURE.md names files and functions that exist.

use std::fs;
use std::path::PathBuf;

use super::root;

#[test]
fn answer_of_the_map_is_in_the_file_that_it_names() {
    let map = fs::read_to_string(root().join("ARCHITECTURE.md")).expect("the map");
    let (_, answers) = map.split_once("## Where is ..?").expect("the answers");
    let rows =
        answers.lines().take_while(|line| !line.starts_with("## ")).filter(|line| line.starts_with("| W"));
    let mut count = 0;
    for row in rows {
        let columns: Vec<&str> = row.split(" | ").collect();
        let [_, functions, files] = columns[..] else { panic!("not three columns: {row}") };
        let text: String = names(files).map(|file| text_of(file, row)).collect();
        for function in names(functions).filter(|name| name.contains("::") && !name.contains(' ')) {
            let name = function.rsplit("::").next().unwrap_or_default();
            assert!(text.contains(&format!("fn {name}")), "`{function}` is not in {files}");
            count += 1;
        }
    }
    assert!(count > 15, "only {count} functions were found");
}

/// Returns the names in backticks.
fn names(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// Returns the text of a file of the project, or of the files of a folder.
fn text_of(name: &str, row: &str) -> String {
    let of_core = root().join("trigger-core/src").join(name);
    let path: PathBuf = if of_core.exists() { of_core } else { root().join(name) };
    if path.is_file() {
        return fs::read_to_string(&path).expect("a text file");
    }
    let entries = fs::read_dir(&path).unwrap_or_else(|_| panic!("there is no `{name}`: {row}"));
    let files = entries.map(|entry| entry.expect("an entry").path()).filter(|path| path.is_file());
    files.map(|path| fs::read_to_string(path).expect("a text file")).collect()
}
