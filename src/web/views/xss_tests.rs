//! Attacks through everything that shows text of agents.
