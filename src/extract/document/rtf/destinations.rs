//! What the groups of rich text hold (RTF 1.9.1, "Destinations"): which are read, and as what.

/// Where the text of a group goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum To {
    /// The text of the document.
    Body,
    /// Headers and footers.
    Margin,
    /// Footnotes and endnotes.
    Note,
    /// Comments and their writers.
    Comment,
    /// Shapes.
    Shape,
    /// Entries of the index and of the table of contents, which are hidden text.
    Hidden,
    /// A form's defaults, choices and help.
    Field,
    /// Title, author and so on.
    Property,
    /// The instruction of a field.
    Instruction,
    /// The name, and the value, of a shape's property.
    ShapeName,
    ShapeValue,
    /// The table of fonts, with the character set of each.
    Fonts,
    /// An embedded object in hexadecimal.
    Object,
    /// A picture; its properties hold a description.
    Picture,
    /// A tag of the HTML from which the text was made.
    Tag,
    /// Nothing that is shown, but groups in it can be.
    Frame,
    /// Nothing that is shown.
    Nowhere,
}

/// The destination that a control word begins; none for a word of another kind.
pub(super) fn destination(word: &str) -> Option<To> {
    Some(match word {
        "header" | "headerl" | "headerr" | "headerf" | "footer" | "footerl" | "footerr" | "footerf" => To::Margin,
        "footnote" => To::Note,
        "annotation" | "atnauthor" => To::Comment,
        "shptxt" | "dptxbxtext" => To::Shape,
        "xe" | "tc" | "tcn" | "txe" | "rxe" => To::Hidden,
        "ffdeftext" | "ffl" | "ffhelptext" | "ffstattext" => To::Field,
        "title" | "subject" | "author" | "manager" | "company" | "operator" | "category" | "keywords" | "comment"
        | "doccomm" | "hlinkbase" | "propname" | "staticval" => To::Property,
        "fldinst" => To::Instruction,
        "sn" => To::ShapeName,
        "sv" => To::ShapeValue,
        "fonttbl" => To::Fonts,
        "objdata" => To::Object,
        "pict" => To::Picture,
        "htmltag" => To::Tag,
        "info" | "userprops" | "formfield" | "sp" | "picprop" | "shpinst" | "background" | "do" | "shppict" => {
            To::Frame
        }
        "colortbl" | "stylesheet" | "listtable" | "pntxta" | "pntxtb" | "nonshppict" | "filetbl" | "revtbl"
        | "ftnsep" | "ftnsepc" | "ftncn" | "aftnsep" | "aftnsepc" | "aftncn" | "atnref" | "atntime" | "atndate"
        | "atnid" | "atnparent" | "atrfstart" | "atrfend" | "objclass" | "objname" | "objalias" | "objsect"
        | "objtime" | "template" | "panose" | "falt" | "fname" | "shprslt" | "nonesttables" | "mmathPict"
        | "mmathPr" | "bkmkstart" | "bkmkend" | "ffname" | "ffentrymcr" | "ffexitmcr" | "ffformat" | "datafield"
        | "mhtmltag" | "upr" | "creatim" | "revtim" | "printim" | "buptim" | "listname" | "svb" => To::Nowhere,
        _ => return None,
    })
}

/// Whether a word marked as one that old programs may ignore, with its group, stands before text that is shown.
pub(super) fn is_transparent(word: &str) -> bool {
    matches!(
        word,
        "cs" | "ds"
            | "ts"
            | "nesttableprops"
            | "moMath"
            | "moMathPara"
            | "mmath"
            | "shpgrp"
            | "ud"
            | "fldtype"
            | "tblstyle"
    )
}

/// The character that a control word stands for.
pub(super) fn character(word: &str) -> Option<char> {
    Some(match word {
        "tab" => '\t',
        "par" | "line" | "softline" | "sect" | "page" | "column" | "softpage" | "softcol" => '\n',
        "emdash" => '—',
        "endash" => '–',
        "emspace" | "enspace" | "qmspace" => ' ',
        "bullet" => '•',
        "lquote" => '‘',
        "rquote" => '’',
        "ldblquote" => '“',
        "rdblquote" => '”',
        _ => return None,
    })
}
