//! Files of tasks as people write them on a page: saved whole or not at all, and never over somebody else's change.

use crate::base::error::{Error, FieldError, Result};
use crate::domain::task::{parse, stem};
use sha2::{Digest, Sha256};
use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// What a file is recognised by.
#[must_use]
pub fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().take(16).map(|b| format!("{b:02x}")).collect()
}

/// What a task's file is recognised by as it is now.
///
/// # Errors
/// There is no such file.
pub fn current(folder: &Path, file: &str) -> Result<String> {
    let missing = || Error::not_found(format!("tasks/{}", file.chars().filter(|c| !c.is_control()).take(80).collect::<String>()));
    if !file.ends_with(".md") || file.contains('/') || file.starts_with('.') || file.contains('\0') {
        return Err(missing());
    }
    fs::read(folder.join(file)).map(|bytes| hash(&bytes)).map_err(|_| missing())
}

/// One writer at a time.
static EDIT: Mutex<()> = Mutex::new(());

/// Writes a task's file anew, if it still is what the writer saw and what is written is good.
///
/// # Errors
/// There is no such file, it changed meanwhile, or what is written is no task: the line and the reason.
pub fn edit(folder: &Path, file: &str, zone: &str, seen_hash: &str, text: &str) -> Result<()> {
    let text = text.replace("\r\n", "\n");
    // Look and write are one: of two who saw the same file only one wins.
    let _one = EDIT.lock().unwrap_or_else(PoisonError::into_inner);
    let path = folder.join(file);
    if current(folder, file)? != seen_hash {
        return Err(Error::Conflict(format!("tasks/{file} was changed meanwhile: look at it again, then save")));
    }
    parse(&text, stem(file), zone)
        .map_err(|b| Error::Invalid(vec![FieldError { field: "text".to_owned(), message: b.to_string() }]))?;
    let temp = folder.join(format!(".{file}.{:08x}", crate::base::random::u32()));
    let write = || -> std::io::Result<()> {
        let mut out = fs::OpenOptions::new().create_new(true).write(true).mode(0o600).open(&temp)?;
        out.write_all(text.as_bytes())?;
        out.set_permissions(fs::metadata(&path)?.permissions())?;
        out.sync_all()?;
        fs::rename(&temp, &path)
    };
    write().map_err(|e| {
        let _removed = fs::remove_file(&temp);
        Error::Internal(format!("tasks/{file} could not be written: {e}"))
    })
}
