//! What the macros expand to, and what they say of wrong input.

mod behaviour;
mod ui;
