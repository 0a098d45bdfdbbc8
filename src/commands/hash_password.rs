//! `mailpoort hash-password`: a password from standard input -> the hash for the user file.

use std::io::{self, BufRead};
use std::process::ExitCode;

use argon2::Argon2;
use argon2::password_hash::PasswordHasher;

use crate::commands::{MEND, complain, say};
use crate::secret::Secret;

pub(super) fn run() -> ExitCode {
    let mut line = String::new();
    let read = io::stdin().lock().read_line(&mut line);
    let password = Secret::new(line.trim_end_matches(['\r', '\n']).to_string());
    if read.is_err() || password.expose().len() < 12 {
        complain(
            "give a password of at least 12 characters on standard input, for example: openssl rand -base64 18 | tee secret | mailpoort hash-password",
        );
        return ExitCode::from(MEND);
    }
    match Argon2::default().hash_password(password.expose().as_bytes()) {
        Ok(hash) => {
            say(hash);
            ExitCode::SUCCESS
        }
        Err(error) => {
            complain(format!("the password could not be hashed: {error}"));
            ExitCode::from(MEND)
        }
    }
}
