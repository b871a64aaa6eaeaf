//! Every page in every state, rendered to be looked at, compared with what was accepted before, and attacked.

#[cfg(test)]
pub(crate) mod home_tests;
#[cfg(test)]
pub(crate) mod orchestrator_tests;
#[cfg(test)]
pub(crate) mod pages_tests;
#[cfg(test)]
pub(crate) mod screens_tests;
#[cfg(test)]
pub(crate) mod short_tests;
#[cfg(test)]
pub(crate) mod snapshots_tests;
#[cfg(test)]
pub(crate) mod ticket_tests;
#[cfg(test)]
pub(crate) mod xss_tests;
