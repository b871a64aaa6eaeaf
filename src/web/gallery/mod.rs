//! Every page in every state, rendered to be looked at, and attacked.

#[cfg(test)]
pub(crate) mod home_tests;
#[cfg(test)]
pub(crate) mod orchestrator_tests;
#[cfg(test)]
pub(crate) mod pages_tests;
#[cfg(test)]
pub(crate) mod ticket_tests;
#[cfg(test)]
pub(crate) mod xss_tests;
