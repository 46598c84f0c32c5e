//! The configuration: typed values, the table of directives, the redis.conf syntax.
