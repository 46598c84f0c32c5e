//! The arguments of one command, borrowed from the bytes they arrived in.

use alloc::vec::Vec;

use crate::resp::parse::Span;

/// Arguments; number 0 is the command's name.
#[derive(Clone, Copy, Debug)]
pub struct Args<'a> {
    buf: &'a [u8],
    spans: &'a [Span],
}

impl<'a> Args<'a> {
    /// The arguments that `spans` cut out of `buf`.
    #[inline]
    pub(crate) fn new(buf: &'a [u8], spans: &'a [Span]) -> Self {
        Self { buf, spans }
    }

    /// How many, the name included.
    #[inline]
    #[must_use]
    pub fn len(self) -> usize {
        self.spans.len()
    }

    /// Whether there is none; a command has at least its name.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.spans.is_empty()
    }

    /// The argument `at`; empty past the end, so that no client can make the server look there.
    #[inline]
    #[must_use]
    pub fn at(self, at: usize) -> &'a [u8] {
        match self.spans.get(at) {
            Some(span) => &self.buf[span.start as usize..][..span.len as usize],
            None => &[],
        }
    }

    /// The arguments from `from` on.
    pub fn from(
        self,
        from: usize,
    ) -> impl DoubleEndedIterator<Item = &'a [u8]> + ExactSizeIterator + Clone {
        let spans = self.spans.get(from..).unwrap_or_default();
        let buf = self.buf;
        spans.iter().map(move |span| &buf[span.start as usize..][..span.len as usize])
    }

    /// Whether the argument `at` is `word`, which is in lower case, in any case.
    #[inline]
    #[must_use]
    pub fn is(self, at: usize, word: &str) -> bool {
        self.at(at).eq_ignore_ascii_case(word.as_bytes())
    }

    /// All of them after the first `count`, as arguments of their own.
    #[must_use]
    pub fn skip(self, count: usize) -> Self {
        Self { buf: self.buf, spans: self.spans.get(count..).unwrap_or_default() }
    }
}

/// Arguments that outlive the bytes they arrived in.
#[derive(Debug)]
pub(crate) struct OwnedArgs {
    buf: Vec<u8>,
    spans: Vec<Span>,
}

impl OwnedArgs {
    /// A copy of `words`.
    pub(crate) fn of<'a>(words: impl Iterator<Item = &'a [u8]>) -> Self {
        let (mut buf, mut spans) = (Vec::new(), Vec::new());
        for word in words {
            spans.push(Span { start: buf.len() as u32, len: word.len() as u32 });
            buf.extend_from_slice(word);
        }
        Self { buf, spans }
    }

    /// They, to be read.
    pub(crate) fn args(&self) -> Args<'_> {
        Args::new(&self.buf, &self.spans)
    }

    /// Bytes that they take.
    pub(crate) fn bytes(&self) -> usize {
        self.buf.len() + self.spans.len() * size_of::<Span>()
    }
}
