//! Tells the fake agents what to do, over loopback.

use super::clock::wait_for;
use std::collections::BTreeMap;
use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Where agents come to ask.
pub struct Director {
    listener: TcpListener,
    /// By the name of their ticket.
    agents: BTreeMap<String, BufReader<TcpStream>>,
}

impl Director {
    pub fn new() -> Result<Director> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        Ok(Director { listener, agents: BTreeMap::new() })
    }

    /// The address for agents.
    pub fn address(&self) -> Result<String> {
        Ok(self.listener.local_addr()?.to_string())
    }

    /// Waits until these have come.
    pub fn gather(&mut self, names: &[String]) -> Result<()> {
        for _ in names {
            let stream = wait_for("an agent", 40.0, || self.listener.accept().ok())?.0;
            stream.set_nonblocking(false)?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(Duration::from_secs(120)))?;
            let mut from = BufReader::new(stream);
            let mut name = String::new();
            from.read_line(&mut name)?;
            self.agents.insert(name.trim().to_owned(), from);
        }
        match names.iter().find(|n| !self.agents.contains_key(*n)) {
            Some(name) => Err(format!("{name} did not come").into()),
            None => Ok(()),
        }
    }

    /// Tells some of them something; they begin at once.
    pub fn tell(&mut self, names: &[String], what: &str) -> Result<()> {
        for name in names {
            writeln!(self.agent(name)?.get_mut(), "{what}")?;
        }
        Ok(())
    }

    /// Waits until they have done it.
    pub fn done(&mut self, names: &[String]) -> Result<()> {
        for name in names {
            let mut word = String::new();
            self.agent(name)?.read_line(&mut word)?;
            if word.trim() != "done" {
                return Err(format!("{name} has gone").into());
            }
        }
        Ok(())
    }

    fn agent(&mut self, name: &str) -> Result<&mut BufReader<TcpStream>> {
        self.agents.get_mut(name).ok_or_else(|| format!("there is no agent {name}").into())
    }
}
