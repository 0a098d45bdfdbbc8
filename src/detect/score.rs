//! Scores: features in log-odds, and the logistic of their sum.

use std::borrow::Cow;

use crate::detect::Feature;

/// The case for and against one finding.
#[derive(Debug, Clone, Default)]
pub struct Score {
    features: Vec<Feature>,
}

/// Few cases have more features.
const USUAL: usize = 6;

impl Score {
    /// A case that starts from how likely such a thing is at all.
    pub fn new(name: &'static str, prior: f32) -> Self {
        let mut features = Vec::with_capacity(USUAL);
        features.push(Feature { name: name.into(), weight: prior });
        Self { features }
    }

    /// Adds a feature; a weight of 0 says nothing and is left out.
    pub fn add(&mut self, name: impl Into<Cow<'static, str>>, weight: f32) {
        if weight != 0.0 {
            self.features.push(Feature { name: name.into(), weight });
        }
    }

    /// Adds a feature when it holds.
    pub fn when(&mut self, holds: bool, name: &'static str, weight: f32) {
        if holds {
            self.add(name, weight);
        }
    }

    /// Adds all features of another case.
    pub fn and(&mut self, other: Self) {
        self.features.extend(other.features);
    }

    /// Log-odds so far.
    pub fn sum(&self) -> f32 {
        self.features.iter().map(|feature| feature.weight).sum()
    }

    /// The confidence, 0..1, and the features.
    pub fn close(self) -> (f32, Vec<Feature>) {
        let sum = self.sum();
        (1.0 / (1.0 + (-sum).exp()), self.features)
    }
}
