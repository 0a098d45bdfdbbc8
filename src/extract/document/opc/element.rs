//! The elements of Office Open XML that say something about text, by their names without prefix: strict and
//! transitional documents, WordprocessingML, DrawingML and PresentationML differ in namespaces, hardly in names.

use crate::extract::Layer;

/// An element, by what it does to text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum El {
    /// Whatever has no meaning of its own here.
    Other,
    /// The root of a part, or of what stands for one in a single file: its layer, and how its texts lie in it.
    Root(Layer, Manner),
    /// The root of a slide.
    Slide,
    /// The root of a master or layout, whose placeholders hold prompts.
    Master,
    /// The root of a chart.
    Chart,
    Paragraph,
    Run,
    /// Text of a run.
    Text,
    /// Deleted text of a run.
    DeletedText,
    /// The code of a field, and one that was deleted.
    Code,
    /// The data of a field, in Base64.
    FieldData,
    FieldChar,
    FieldSimple,
    Tab,
    Break,
    NoBreakHyphen,
    SoftHyphen,
    Symbol,
    Table,
    Row,
    Cell,
    RowProperties,
    CellProperties,
    GridSpan,
    GridBefore,
    ParagraphProperties,
    RunProperties,
    Vanish,
    /// What was deleted or moved away, with changes tracked.
    Deleted,
    /// What was inserted or moved here.
    Inserted,
    /// The mark of a paragraph that was deleted.
    DeletedMark,
    /// The text of a box, or what stands above it (ruby).
    Box,
    Alternate,
    Choice,
    Fallback,
    /// A shape on a slide, a group of them, a picture.
    Shape,
    Placeholder,
    /// The name and description of a drawing.
    Drawing,
    /// A shape or picture in VML.
    VmlShape,
    TextPath,
    Link,
    /// An element whose `val` describes a table.
    TableDescription,
    Comment,
    /// A person, by attributes.
    Person,
    FormText,
    /// An element of a form whose `val` a person sees.
    FormValue,
    ListItem,
    /// A name and a value in attributes.
    Pair,
    /// An element whose `name` or `val` a person gave.
    Named,
    Property,
    Relationship,
    Glyphs,
    Series,
    Categories,
    Values,
    SeriesName,
    Point,
    Value,
    /// A part in a file of one XML, and one that is no XML, in Base64.
    Part,
    Binary,
    /// A comment of Word 2003, before its attributes are looked at a change too.
    Annotation,
    /// Numbers of the layout, digests: no text.
    Skip,
    /// A count or time among the properties of a document, a reference in a chart.
    Count,
}

/// How the loose texts of a root lie in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// Texts stand in runs; other text is behind them.
    Runs,
    /// Each line counts once: it stands in other parts too.
    Distinct,
    /// Every text is one of its layer.
    Loose,
    /// The same, with the name of its element, and attributes too.
    Labelled,
    /// Text runs on from element to element, as in a page.
    Running,
}

impl El {
    /// Which one an element is within others, its parent last.
    pub(super) fn of(name: &str, around: &[Self]) -> Self {
        let Some(parent) = around.last().copied() else { return Self::root(name) };
        match name.as_bytes() {
            _ if parent == Self::Count => Self::Count,
            b"p" => Self::Paragraph,
            b"r" => Self::Run,
            // The text of a point in a diagram holds paragraphs.
            b"t" if parent != Self::Point => Self::Text,
            b"rPr" => Self::RunProperties,
            b"pPr" => Self::ParagraphProperties,
            b"tab" | b"ptab" if parent == Self::Run => Self::Tab,
            b"br" | b"cr" if matches!(parent, Self::Run | Self::Paragraph) => Self::Break,
            b"tbl" => Self::Table,
            b"tr" => Self::Row,
            b"tc" => Self::Cell,
            b"trPr" => Self::RowProperties,
            b"tcPr" => Self::CellProperties,
            b"gridSpan" if parent == Self::CellProperties => Self::GridSpan,
            b"gridBefore" if parent == Self::RowProperties => Self::GridBefore,
            b"noBreakHyphen" => Self::NoBreakHyphen,
            b"softHyphen" => Self::SoftHyphen,
            b"sym" if parent == Self::Run => Self::Symbol,
            b"vanish" if ends_in(around, [Self::Run, Self::RunProperties]) => Self::Vanish,
            b"del" | b"moveFrom" if parent == Self::RunProperties => match around {
                [.., Self::ParagraphProperties, _] => Self::DeletedMark,
                _ => Self::Other,
            },
            b"ins" | b"moveTo" if parent == Self::RunProperties => Self::Person,
            b"del" | b"moveFrom" if parent != Self::RowProperties => Self::Deleted,
            b"ins" | b"moveTo" if parent != Self::RowProperties => Self::Inserted,
            b"delText" => Self::DeletedText,
            b"instrText" | b"delInstrText" => Self::Code,
            b"fldChar" => Self::FieldChar,
            b"fldSimple" => Self::FieldSimple,
            b"fldData" => Self::FieldData,
            b"AlternateContent" => Self::Alternate,
            b"Choice" if parent == Self::Alternate => Self::Choice,
            b"Fallback" if parent == Self::Alternate => Self::Fallback,
            _ => Self::part(name).or_else(|| Self::described(name, parent)).unwrap_or(Self::Other),
        }
    }

    /// The first element of a file.
    fn root(name: &str) -> Self {
        // Everywhere else it holds one picture.
        if name == "drawing" {
            return Self::Root(Layer::TextBox, Manner::Distinct);
        }
        Self::part(name).or_else(|| Self::described(name, Self::Other)).unwrap_or(Self::Other)
    }

    /// Roots of parts, and boxes.
    fn part(name: &str) -> Option<Self> {
        use Layer::{Behind, Body, Comment, Margin, Note, Property, SpeakerNotes, TextBox};
        use Manner::{Distinct, Labelled, Loose, Running, Runs};
        Some(match name.as_bytes() {
            b"document" | b"wordDocument" => Self::Root(Body, Runs),
            b"hdr" | b"ftr" => Self::Root(Margin, Runs),
            b"footnotes" | b"endnotes" | b"footnote" | b"endnote" => Self::Root(Note, Runs),
            b"comments" => Self::Root(Comment, Runs),
            b"cmLst" => Self::Root(Comment, Loose),
            b"glossaryDocument" => Self::Root(Behind, Runs),
            b"notes" => Self::Root(SpeakerNotes, Runs),
            b"dataModel" | b"userShapes" => Self::Root(TextBox, Distinct),
            b"coreProperties" | b"Properties" | b"DocumentProperties" => Self::Root(Property, Loose),
            b"CustomDocumentProperties" => Self::Root(Property, Labelled),
            b"svg" | b"xml" => Self::Root(TextBox, Running),
            b"sld" => Self::Slide,
            b"sldMaster" | b"sldLayout" | b"notesMaster" | b"handoutMaster" => Self::Master,
            b"chartSpace" => Self::Chart,
            b"txbxContent" | b"rt" => Self::Box,
            b"sp" | b"graphicFrame" | b"pic" | b"cxnSp" | b"grpSp" => Self::Shape,
            _ => return None,
        })
    }

    /// What says something in its attributes, charts, and what says nothing.
    fn described(name: &str, parent: Self) -> Option<Self> {
        Some(match name.as_bytes() {
            b"docPr" | b"cNvPr" => Self::Drawing,
            b"ph" => Self::Placeholder,
            b"shape" | b"rect" | b"roundrect" | b"oval" | b"line" | b"polyline" | b"curve" | b"group" | b"image"
            | b"imagedata" => Self::VmlShape,
            b"textpath" => Self::TextPath,
            b"hyperlink" | b"hlinkClick" | b"hlinkHover" | b"hlinkMouseOver" => Self::Link,
            b"tblCaption" | b"tblDescription" => Self::TableDescription,
            b"comment" => Self::Comment,
            b"person" | b"presenceInfo" | b"cmAuthor" | b"author" | b"chgData" | b"rPrChange" | b"pPrChange" => {
                Self::Person
            }
            b"annotation" => Self::Annotation,
            b"part" => Self::Part,
            b"binData" | b"binaryData" => Self::Binary,
            b"textInput" => Self::FormText,
            b"default" if parent == Self::FormText => Self::FormValue,
            b"listEntry" | b"helpText" | b"statusText" | b"alias" => Self::FormValue,
            b"listItem" => Self::ListItem,
            b"tag" | b"docVar" | b"ocxPr" => Self::Pair,
            b"lvlText" | b"section" | b"custShow" | b"query" | b"connectString" | b"docPartName" => Self::Named,
            b"property" => Self::Property,
            b"Relationship" => Self::Relationship,
            b"Glyphs" => Self::Glyphs,
            b"ser" => Self::Series,
            b"cat" | b"xVal" => Self::Categories,
            b"val" | b"yVal" | b"bubbleSize" => Self::Values,
            b"tx" if parent == Self::Series => Self::SeriesName,
            b"pt" => Self::Point,
            b"v" => Self::Value,
            b"f" => Self::Count,
            b"posOffset" | b"align" | b"pctWidth" | b"pctHeight" | b"pctPosHOffset" | b"pctPosVOffset"
            | b"formatCode" | b"trace" | b"attrName" | b"tableStyleId" | b"DigestValue" | b"SignatureValue"
            | b"X509Certificate" | b"Modulus" | b"Exponent" => Self::Skip,
            b"created"
            | b"modified"
            | b"lastPrinted"
            | b"revision"
            | b"TotalTime"
            | b"Pages"
            | b"Words"
            | b"Characters"
            | b"Application"
            | b"DocSecurity"
            | b"Lines"
            | b"Paragraphs"
            | b"ScaleCrop"
            | b"LinksUpToDate"
            | b"CharactersWithSpaces"
            | b"SharedDoc"
            | b"HyperlinksChanged"
            | b"AppVersion"
            | b"Slides"
            | b"Notes"
            | b"HiddenSlides"
            | b"MMClips"
            | b"HeadingPairs"
            | b"PresentationFormat"
            | b"Created"
            | b"LastSaved"
            | b"LastPrinted"
            | b"Revision"
            | b"Version" => Self::Count,
            _ => return None,
        })
    }
}

fn ends_in(around: &[El], last: [El; 2]) -> bool {
    around.ends_with(&last)
}
