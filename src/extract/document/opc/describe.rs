//! What a person sees or gave that stands in attributes: descriptions of pictures, forms, names of people, targets of
//! links.

use super::element::El;
use super::flow::Kind;
use super::lines;
use super::story::Story;
use crate::extract::Layer;
use crate::extract::document::xml::Element;

impl Story<'_> {
    /// Reads the attributes of an element that has any for people.
    pub(super) fn describe(&mut self, el: El, element: &Element<'_>) {
        match el {
            El::Drawing => self.drawing(element),
            El::Placeholder => self.placeholder(element),
            El::VmlShape => self.values(Layer::AltText, element, &["alt", "title"]),
            El::TextPath => self.values(Layer::TextBox, element, &["string"]),
            El::Link => self.values(Layer::Behind, element, &["tooltip"]),
            El::TableDescription => self.values(Layer::AltText, element, &["val"]),
            El::FieldSimple => self.values(Layer::Behind, element, &["instr"]),
            El::FormValue => self.values(Layer::Field, element, &["val"]),
            El::ListItem => self.values(Layer::Field, element, &["displayText", "value"]),
            El::Named => self.named(element),
            El::Glyphs => self.values(Layer::Body, element, &["UnicodeString"]),
            El::Part | El::Binary => {
                if let Some(name) = element.attribute("name") {
                    self.part = name;
                }
            }
            El::Comment | El::Annotation | El::Person | El::Deleted | El::Inserted => self.person(element),
            El::Pair => self.pair(element),
            El::Property => {
                if let Some(name) = element.attribute("name") {
                    self.property = name;
                }
            }
            El::Relationship => self.relationship(element),
            _ => {}
        }
    }

    fn values(&mut self, layer: Layer, element: &Element<'_>, names: &[&str]) {
        for name in names {
            if let Some(value) = element.attribute(name) {
                self.line(layer, &value);
            }
        }
    }

    fn named(&mut self, element: &Element<'_>) {
        for name in ["name", "val"] {
            // A numbering alone (`%1.%2)`) is no text.
            let telling = |value: &String| {
                value.chars().filter(|c| c.is_alphabetic()).count() > 1
                    || value.chars().filter(char::is_ascii_digit).count() > 9
            };
            if let Some(value) = element.attribute(name).filter(telling) {
                self.line(Layer::Behind, &value);
            }
        }
    }

    /// The description of a picture or shape, its title, and its name when no program made that up.
    fn drawing(&mut self, element: &Element<'_>) {
        self.values(Layer::AltText, element, &["title", "descr"]);
        if let Some(name) = element.attribute("name").filter(|name| !lines::is_made_up(name)) {
            self.line(Layer::AltText, &name);
        }
        // A shape that was switched off in the selection pane.
        if element.attribute("hidden").is_some_and(|hidden| lines::is_on(&hidden))
            && self.layer() == Layer::Body
            && self.flows.len() > 1
        {
            self.flow(|flow| flow.layer = Layer::Hidden);
        }
    }

    /// In a master or layout a placeholder holds a prompt, which no slide shows; its footer and its date are shown.
    fn placeholder(&mut self, element: &Element<'_>) {
        let shown = matches!(element.attribute("type").as_deref(), Some("ftr" | "dt" | "hdr"));
        if !shown && self.layer() == Layer::Margin {
            self.flow(|flow| flow.layer = Layer::Behind);
        }
    }

    fn person(&mut self, element: &Element<'_>) {
        self.values(Layer::Property, element, &["author"]);
        if element.name() != "annotation" {
            self.values(Layer::Property, element, &["name"]);
        }
        // What is no address is the number of an account.
        if let Some(address) = element.attribute("userId").filter(|id| id.contains('@')) {
            self.line(Layer::Property, &address);
        }
    }

    fn pair(&mut self, element: &Element<'_>) {
        let value = element.attribute("val").or_else(|| element.attribute("value")).unwrap_or_default();
        let line = match element.attribute("name") {
            Some(name) => format!("{name}: {value}"),
            None => value,
        };
        self.line(Layer::Behind, &line);
    }

    /// The target of a link out of the package (ECMA-376 part 2, 9.3).
    fn relationship(&mut self, element: &Element<'_>) {
        if element.attribute("TargetMode").is_some_and(|mode| mode.eq_ignore_ascii_case("External")) {
            self.values(Layer::Behind, element, &["Target"]);
        }
    }

    /// Text right behind the author's name.
    pub(super) fn comment_author(&mut self, element: &Element<'_>) {
        if let Some(author) = element.attribute("author").filter(|author| !author.trim().is_empty()) {
            self.flow(|flow| flow.push(&format!("{author}: "), Kind::Plain));
        }
    }
}

/// What an annotation of Word 2003 is: a change, a comment, or a bookmark and the like.
pub(super) fn annotation(element: &Element<'_>) -> El {
    match element.attribute("type").as_deref() {
        Some("Word.Insertion") => El::Inserted,
        Some("Word.Deletion") => El::Deleted,
        Some("Word.Comment") => El::Annotation,
        _ => El::Other,
    }
}
