//! Data types and their encodings: no RESP, no keyspace.
