//! The rules, from outside: facts, a wish, facts.

mod member;
