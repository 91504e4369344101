//! The number of connections for which this program may open files.

/// The minimum and the maximum number of files that are left to the rest of the program: databases, logs, connections of
/// handlers.
const RESERVE: (u64, u64) = (16, 256);

/// Returns the number of connections for which the soft limit of open files has room. A quarter of the limit, at most 256
/// files, stays free.
pub(crate) fn connections_allowed() -> usize {
    let Some(files) = soft_limit() else { return usize::MAX };
    usize::try_from(allowed_by(files)).unwrap_or(usize::MAX)
}

fn allowed_by(files: u64) -> u64 {
    let reserve = (files / 4).clamp(RESERVE.0, RESERVE.1);
    files.saturating_sub(reserve).max(1)
}

#[cfg(unix)]
fn soft_limit() -> Option<u64> {
    rlimit::Resource::NOFILE.get_soft().ok()
}

/// Other systems have no such limit.
#[cfg(not(unix))]
fn soft_limit() -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quarter_of_the_open_files_up_to_256_stays_free() {
        for (files, connections) in [(0, 1), (10, 1), (64, 48), (256, 192), (1024, 768), (65536, 65280)] {
            assert_eq!(allowed_by(files), connections, "{files}");
        }
        assert_eq!(allowed_by(u64::MAX), u64::MAX - 256);
    }
}
