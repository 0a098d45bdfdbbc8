//! What is done with a verdict, one file a route.
pub mod relay;
