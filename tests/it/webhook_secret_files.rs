//! `verify = ..(file = "..")`: the secrets of a file, which is read again every 5 s, so that they may change without a restart.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde_json::json;
use tokio::time::advance;
use triggers::{Result, Sign};

use crate::logs::Logs;
use crate::served::{Served, idle, lines};

/// A folder of a test, which is removed when it is dropped.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("triggers-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).expect("a folder");
        Folder(path)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

async fn watching(path: &Path) -> Served {
    let verify = json!({"scheme": "github", "file": path.display().to_string()});
    Served::start(json!({"verify": verify, "dedupe": "off"})).await
}

/// Posts a request that is signed with each secret, and returns the secrets of the accepted ones.
async fn accepted<'a>(served: &Served, secrets: &[&'a str]) -> Vec<&'a str> {
    let mut accepted = Vec::new();
    for secret in secrets {
        let sign = Sign::github(secret).expect("a sender");
        let headers = sign.headers(b"{}", SystemTime::now(), "7").expect("headers");
        let answer = served.post(lines(&headers), "{}").await;
        assert!([202, 401].contains(&answer.status), "{answer:?}");
        if answer.status == 202 {
            accepted.push(*secret);
        }
    }
    accepted
}

#[tokio::test(start_paused = true)]
async fn file_is_read_again_every_5_s() -> Result {
    let folder = Folder::new("rotation");
    let path = folder.path("secrets");
    fs::write(&path, "\n  first secret \r\n\n")?;
    let served = watching(&path).await;
    let logs = Logs::capture();
    assert_eq!(accepted(&served, &["first secret", "second"]).await, ["first secret"]);
    fs::write(&path, "second\nfirst secret\n")?;
    assert_eq!(accepted(&served, &["second"]).await, [""; 0], "it is not read for each request");
    advance(Duration::from_secs(5)).await;
    assert_eq!(accepted(&served, &["first secret", "second"]).await, ["first secret", "second"]);
    fs::write(&path, "second")?;
    advance(Duration::from_secs(5)).await;
    assert_eq!(accepted(&served, &["first secret", "second"]).await, ["second"]);
    assert_eq!(logs.with("the secrets of a webhook have changed").len(), 2);
    assert!(logs.with("second").is_empty(), "{:?}", logs.with("second"));
    served.events().await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn secrets_stay_while_the_file_is_blank_or_gone() -> Result {
    let folder = Folder::new("blank");
    let path = folder.path("secrets");
    fs::write(&path, "first")?;
    let served = watching(&path).await;
    let logs = Logs::capture();
    for (text, fault) in [
        (Some(""), "is blank; write one secret in a line"),
        (Some(" \n\t\n"), "is blank; write one secret in a line"),
        (None, "cannot be read"),
    ] {
        match text {
            Some(text) => fs::write(&path, text)?,
            None => fs::remove_file(&path)?,
        }
        let before = logs.with(fault).len();
        advance(Duration::from_secs(5)).await;
        assert_eq!(accepted(&served, &["first", "x"]).await, ["first"]);
        // A file that stays as it is is reported once.
        advance(Duration::from_secs(5)).await;
        advance(Duration::from_secs(5)).await;
        let lines = logs.with(fault);
        assert_eq!(lines.len(), before + 1, "{lines:?}");
        assert!(
            lines.iter().all(|line| line.contains("ERROR") && line.contains("stay as they were")),
            "{lines:?}"
        );
    }
    fs::write(&path, "second")?;
    advance(Duration::from_secs(5)).await;
    assert_eq!(accepted(&served, &["first", "second"]).await, ["second"]);
    served.events().await;
    Ok(())
}

/// Kubernetes mounts a secret as links through the link `..data`, which it replaces by a new folder.
#[cfg(unix)]
#[tokio::test(start_paused = true)]
async fn secrets_change_with_the_folder_that_a_link_names() -> Result {
    use std::os::unix::fs::symlink;

    let folder = Folder::new("links");
    for (name, secret) in [("..1", "first"), ("..2", "second")] {
        fs::create_dir_all(folder.path(name))?;
        fs::write(folder.path(name).join("secret"), secret)?;
    }
    symlink("..1", folder.path("..data"))?;
    symlink("..data/secret", folder.path("secret"))?;
    let served = watching(&folder.path("secret")).await;
    assert_eq!(accepted(&served, &["first", "second"]).await, ["first"]);
    symlink("..2", folder.path("..data_tmp"))?;
    fs::rename(folder.path("..data_tmp"), folder.path("..data"))?;
    fs::remove_dir_all(folder.path("..1"))?;
    advance(Duration::from_secs(5)).await;
    assert_eq!(accepted(&served, &["first", "second"]).await, ["second"]);
    served.events().await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn watch_ends_with_its_webhook() -> Result {
    let folder = Folder::new("end");
    let path = folder.path("secrets");
    fs::write(&path, "first")?;
    let before = crate::common::alive_tasks();
    let served = watching(&path).await;
    served.events().await;
    assert_eq!(crate::common::alive_tasks(), before);
    Ok(())
}

#[test]
fn file_that_is_blank_or_that_has_an_invalid_secret_is_a_problem() -> Result {
    let folder = Folder::new("problem");
    for (scheme, text, fault) in [
        ("github", "\n \n", "of the secrets is blank; write one secret in a line"),
        (
            "standard",
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\nwhsec_horse\n",
            "`verify = standard(..)`: secret_malformed",
        ),
    ] {
        let path = folder.path(scheme);
        fs::write(&path, text)?;
        let settings = json!({"verify": {"scheme": scheme, "file": path.display().to_string()}});
        let error = idle(settings).check().expect_err("a problem").to_string();
        assert!(error.contains(fault) && !error.contains("horse"), "{error}");
    }
    Ok(())
}
