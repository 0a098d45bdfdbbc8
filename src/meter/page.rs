//! The page: families of samples, each with what it counts in words.

use std::fmt::{self, Display, Write};

use super::Histogram;

/// A page in the making.
#[derive(Debug, Default)]
pub struct Page(String);

/// The labels of a sample: names and values.
type Labels<'l> = &'l [(&'l str, &'l str)];

impl Page {
    /// A number that only grows, for each of some labels.
    pub fn counter<'l>(&mut self, name: &str, help: &str, samples: impl IntoIterator<Item = (Labels<'l>, u64)>) {
        self.family(name, help, "counter");
        samples.into_iter().for_each(|(labels, value)| self.sample(name, labels, value));
    }

    /// A number that is what it is now.
    pub fn gauge<'l>(&mut self, name: &str, help: &str, samples: impl IntoIterator<Item = (Labels<'l>, f64)>) {
        self.family(name, help, "gauge");
        samples.into_iter().for_each(|(labels, value)| self.sample(name, labels, value));
    }

    /// A histogram, for each of some labels.
    pub fn histogram<'l>(
        &mut self,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = (Labels<'l>, &'l Histogram)>,
    ) {
        self.family(name, help, "histogram");
        for (labels, histogram) in samples {
            let (buckets, sum) = histogram.read();
            let all = buckets.last().map_or(0, |(_, all)| *all);
            for (bound, below) in buckets {
                let bound = if bound.is_infinite() { "+Inf".to_string() } else { bound.to_string() };
                let labels: Vec<(&str, &str)> = labels.iter().copied().chain([("le", bound.as_str())]).collect();
                self.sample(&format!("{name}_bucket"), &labels, below);
            }
            self.sample(&format!("{name}_sum"), labels, sum);
            self.sample(&format!("{name}_count"), labels, all);
        }
    }

    fn family(&mut self, name: &str, help: &str, kind: &str) {
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn sample(&mut self, name: &str, labels: Labels<'_>, value: impl Display) {
        let labels: Vec<String> = labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        let _ = writeln!(self.0, "{name}{labels} {value}");
    }
}

impl Display for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_that_prometheus_reads() {
        let mut page = Page::default();
        let histogram = Histogram::new(&[0.5]);
        [0.25, 1.0].into_iter().for_each(|measure| histogram.note(measure));
        page.counter("a_total", "What a is.", [(&[("to", "x\"\\\n")][..], 3)]);
        page.gauge("b", "What b is.", [(&[][..], 1.5)]);
        page.histogram("c", "What c is.", [(&[("to", "x")][..], &histogram)]);
        let expected = r#"# HELP a_total What a is.
# TYPE a_total counter
a_total{to="x\"\\\n"} 3
# HELP b What b is.
# TYPE b gauge
b 1.5
# HELP c What c is.
# TYPE c histogram
c_bucket{to="x",le="0.5"} 1
c_bucket{to="x",le="+Inf"} 2
c_sum{to="x"} 1.25
c_count{to="x"} 2
"#;
        assert_eq!(page.to_string(), expected);
    }
}
