//! Commands on keys whatever they hold, and on whole databases.

pub(crate) mod database;
pub(crate) mod delete;
pub(crate) mod dump;
pub(crate) mod exists;
pub(crate) mod expire;
pub(crate) mod flush;
pub(crate) mod names;
pub(crate) mod object;
pub(crate) mod rename;
pub(crate) mod scan;
pub(crate) mod sort;
pub(crate) mod transfer;
pub(crate) mod ttl;

use super::ctx::Ctx;
use super::error::CommandError;

impl Ctx<'_> {
    /// The argument `at` as the number of a database.
    fn db_number(&self, at: usize) -> Result<u32, CommandError> {
        let number = self.int(at)?;
        if i32::try_from(number).is_err() {
            return Err(CommandError::Fixed(
                "ERR value is out of range, value must between -2147483648 and 2147483647",
            ));
        }
        self.db_within(number).ok_or(NO_SUCH_DB)
    }

    fn db_within(&self, number: i64) -> Option<u32> {
        let number = u32::try_from(number).ok()?;
        ((number as usize) < self.server.dbs.count()).then_some(number)
    }
}

const NO_SUCH_DB: CommandError = CommandError::Fixed("ERR DB index is out of range");
const SAME_OBJECT: CommandError =
    CommandError::Fixed("ERR source and destination objects are the same");
