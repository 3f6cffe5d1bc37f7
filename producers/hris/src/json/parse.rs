use std::borrow::Cow;
use std::collections::HashSet;

use super::{Node, Value};
use crate::body::Text;
use crate::limits::Limits;
use crate::malformed::{Code, Malformed};

/// The whole text as one value.
pub(crate) fn parse<'a>(body: Text<'a>, limits: &Limits) -> Result<Node<'a>, Malformed> {
    whole(body, limits, false)
}

/// The whole text as one value, read to its end by the same rules, but of the elements of arrays only the places are
/// kept: a hundred thousand rows are read one by one afterwards and never stand in memory together.
pub(crate) fn skim<'a>(body: Text<'a>, limits: &Limits) -> Result<Node<'a>, Malformed> {
    whole(body, limits, true)
}

fn whole<'a>(body: Text<'a>, limits: &Limits, skims: bool) -> Result<Node<'a>, Malformed> {
    let mut parser = Parser {
        text: body.text,
        bytes: body.text.as_bytes(),
        at: 0,
        skipped: body.skipped,
        depth_left: limits.depth(),
        values_left: limits.values,
        skims,
    };
    parser.white_space();
    let node = parser.value()?;
    parser.white_space();
    if parser.at < parser.bytes.len() {
        return Err(parser
            .fault(Code::TrailingContent, "something follows the end of the JSON value; send one value"));
    }
    Ok(node)
}

struct Parser<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    skipped: usize,
    depth_left: usize,
    values_left: usize,
    skims: bool,
}

impl<'a> Parser<'a> {
    fn fault(&self, code: Code, what: &'static str) -> Malformed {
        Malformed::byte(code, what, self.skipped + self.at)
    }

    /// Not JSON here; at the end of the text it is cut off instead.
    fn unexpected(&self, what: &'static str) -> Malformed {
        if self.at >= self.bytes.len() {
            return self.fault(Code::Truncated, "the body ends in the middle of the JSON; send it whole");
        }
        self.fault(Code::JsonSyntax, what)
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn white_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    fn value(&mut self) -> Result<Node<'a>, Malformed> {
        if self.values_left == 0 {
            return Err(self.fault(Code::TooManyValues, "more values than the limit; send less at once"));
        }
        self.values_left -= 1;
        let start = self.at;
        let value = match self.peek() {
            Some(b'{') => self.nested(Parser::object)?,
            Some(b'[') => self.nested(Parser::array)?,
            Some(b'"') => Value::Text(self.string()?),
            Some(b'-' | b'0'..=b'9') => Value::Number(self.number()?),
            Some(b't') => self.word("true", Value::Bool(true))?,
            Some(b'f') => self.word("false", Value::Bool(false))?,
            Some(b'n') => self.word("null", Value::Null)?,
            _ => return Err(self.unexpected("a JSON value belongs here")),
        };
        Ok(Node { value, span: start..self.at })
    }

    fn word(&mut self, word: &str, value: Value<'a>) -> Result<Value<'a>, Malformed> {
        let rest = &self.bytes[self.at..];
        if rest.starts_with(word.as_bytes()) {
            self.at += word.len();
            return Ok(value);
        }
        if word.as_bytes().starts_with(rest) {
            self.at = self.bytes.len();
        }
        Err(self.unexpected("a JSON value belongs here"))
    }

    fn nested(
        &mut self,
        inside: fn(&mut Parser<'a>) -> Result<Value<'a>, Malformed>,
    ) -> Result<Value<'a>, Malformed> {
        if self.depth_left == 0 {
            return Err(self.fault(Code::TooDeep, "nested deeper than the limit"));
        }
        self.depth_left -= 1;
        self.at += 1;
        self.white_space();
        let value = inside(self)?;
        self.depth_left += 1;
        Ok(value)
    }

    fn array(&mut self) -> Result<Value<'a>, Malformed> {
        let mut nodes = Vec::new();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Value::Array(nodes));
        }
        loop {
            let mut node = self.value()?;
            if self.skims {
                node.value = Value::Skimmed;
            }
            nodes.push(node);
            if self.ends(b']', "a comma or the end of the array belongs here")? {
                return Ok(Value::Array(nodes));
            }
        }
    }

    fn object(&mut self) -> Result<Value<'a>, Malformed> {
        let mut members: Vec<(Cow<'a, str>, Node<'a>)> = Vec::new();
        let mut seen = Names::default();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Value::Object(members));
        }
        loop {
            if self.peek() != Some(b'"') {
                return Err(self.unexpected("the name of a member belongs here"));
            }
            let start = self.at;
            let name = self.string()?;
            if seen.repeats(&name, &members) {
                self.at = start;
                return Err(
                    self.fault(Code::DuplicateMember, "the same member twice in one object; send it once")
                );
            }
            self.white_space();
            if self.peek() != Some(b':') {
                return Err(self.unexpected("a colon belongs here"));
            }
            self.at += 1;
            self.white_space();
            let node = self.value()?;
            members.push((name, node));
            if self.ends(b'}', "a comma or the end of the object belongs here")? {
                return Ok(Value::Object(members));
            }
        }
    }

    /// After an element: `true` at the closing bracket, `false` after a comma.
    fn ends(&mut self, closing: u8, what: &'static str) -> Result<bool, Malformed> {
        self.white_space();
        match self.peek() {
            Some(byte) if byte == closing => {
                self.at += 1;
                Ok(true)
            }
            Some(b',') => {
                self.at += 1;
                self.white_space();
                Ok(false)
            }
            _ => Err(self.unexpected(what)),
        }
    }

    fn number(&mut self) -> Result<&'a str, Malformed> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits()?,
            _ => return Err(self.unexpected("a digit belongs here")),
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'0'..=b'9')) {
            return Err(self.unexpected("a number has a leading zero; send ids as text"));
        }
        Ok(&self.text[start..self.at])
    }

    fn digits(&mut self) -> Result<(), Malformed> {
        if !matches!(self.peek(), Some(b'0'..=b'9')) {
            return Err(self.unexpected("a digit belongs here"));
        }
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        Ok(())
    }

    fn string(&mut self) -> Result<Cow<'a, str>, Malformed> {
        self.at += 1;
        let start = self.at;
        let mut unescaped: Option<String> = None;
        let mut copied = start;
        loop {
            match self.peek() {
                Some(b'"') => {
                    let rest = &self.text[copied..self.at];
                    self.at += 1;
                    return Ok(match unescaped {
                        None => Cow::Borrowed(rest),
                        Some(mut text) => {
                            text.push_str(rest);
                            Cow::Owned(text)
                        }
                    });
                }
                Some(b'\\') => {
                    let text = unescaped.get_or_insert_with(String::new);
                    text.push_str(&self.text[copied..self.at]);
                    self.at += 1;
                    let character = self.escape()?;
                    unescaped.get_or_insert_with(String::new).push(character);
                    copied = self.at;
                }
                Some(0..=0x1F) => {
                    return Err(self.unexpected("a bare control character in a string; escape it"));
                }
                Some(_) => self.at += 1,
                None => return Err(self.unexpected("")),
            }
        }
    }

    /// What follows a backslash.
    fn escape(&mut self) -> Result<char, Malformed> {
        let simple = match self.peek() {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{C}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode(),
            _ => return Err(self.unexpected("no such escape in JSON")),
        };
        self.at += 1;
        Ok(simple)
    }

    fn unicode(&mut self) -> Result<char, Malformed> {
        let start = self.at;
        let first = self.four_digits()?;
        let scalar = match first {
            0xD800..=0xDBFF if self.peek() == Some(b'\\') && self.bytes.get(self.at + 1) == Some(&b'u') => {
                self.at += 1;
                let second = self.four_digits()?;
                match second {
                    0xDC00..=0xDFFF => {
                        char::from_u32(0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00))
                    }
                    _ => None,
                }
            }
            other => char::from_u32(other),
        };
        scalar.ok_or_else(|| {
            self.at = start;
            self.fault(Code::LoneSurrogate, "half of a surrogate pair is no character; send the whole pair")
        })
    }

    /// `u` and four hexadecimal digits.
    fn four_digits(&mut self) -> Result<u32, Malformed> {
        self.at += 1;
        let mut number = 0;
        for _ in 0..4 {
            let digit = match self.peek() {
                Some(byte) => char::from(byte).to_digit(16),
                None => None,
            };
            number =
                number * 16 + digit.ok_or_else(|| self.unexpected("four hexadecimal digits belong here"))?;
            self.at += 1;
        }
        Ok(number)
    }
}

/// Finds a name's second use: by looking while there are few, by hashing beyond, so that an object of a hundred
/// thousand members stays linear.
#[derive(Default)]
struct Names {
    hashed: HashSet<String>,
}

impl Names {
    const FEW: usize = 32;

    fn repeats(&mut self, name: &str, members: &[(Cow<'_, str>, Node<'_>)]) -> bool {
        if members.len() < Names::FEW {
            return members.iter().any(|(known, _)| known == name);
        }
        if self.hashed.is_empty() {
            self.hashed.extend(members.iter().map(|(known, _)| known.to_string()));
        }
        !self.hashed.insert(name.to_owned())
    }
}
