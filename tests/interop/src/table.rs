//! The numbers of exchanged requests, for each library and direction.

use std::collections::BTreeMap;

/// A row for each library and direction, in the order of their declaration.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: Vec<(String, String)>,
    counts: BTreeMap<(String, String), usize>,
}

impl Table {
    /// Adds a row, whose count must not stay 0.
    pub(crate) fn declare(&mut self, library: &str, direction: &str) {
        self.rows.push((library.to_owned(), direction.to_owned()));
    }

    pub(crate) fn count(&mut self, library: &str, direction: &str) {
        *self.counts.entry((library.to_owned(), direction.to_owned())).or_default() += 1;
    }

    /// Prints the table.
    ///
    /// # Errors
    ///
    /// If a declared row has no request, or a counted one is not declared.
    pub(crate) fn finish(mut self) -> Result<(), String> {
        println!("\n{:<52}{:<40}{:>8}", "library", "direction", "requests");
        let mut faults = Vec::new();
        for row in &self.rows {
            let count = self.counts.remove(row).unwrap_or_default();
            println!("{:<52}{:<40}{count:>8}", row.0, row.1);
            if count == 0 {
                faults.push(format!("{}: 0 requests in the row `{}`", row.0, row.1));
            }
        }
        faults.extend(self.counts.keys().map(|(library, row)| format!("{library}: {row} is not declared")));
        if faults.is_empty() { Ok(()) } else { Err(faults.join("\n")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_with_a_row_of_no_request_is_refused() {
        let mut table = Table::default();
        table.declare("stripe", "signed");
        table.declare("svix", "signed");
        table.count("stripe", "signed");
        assert_eq!(table.finish().expect_err("a row of 0"), "svix: 0 requests in the row `signed`");
    }

    #[test]
    fn table_whose_rows_all_have_requests_is_accepted() {
        let mut table = Table::default();
        table.declare("stripe", "signed");
        table.count("stripe", "signed");
        assert_eq!(table.finish(), Ok(()));
    }
}
