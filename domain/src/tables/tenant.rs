//! Tenants and what they configured.

use super::table;

table! {
    /// Versions of campaigns, products, connections.
    14 config_versions ("tenant" Text, "kind" Text) ("name" Text, "version" Int) {
        /// `drafted`, `submitted`, `published` or `withdrawn`.
        STATE "state" Text,
        /// Number of the publication.
        NUMBER "number" Int,
        /// The body as JSON.
        BODY "body" Text,
        /// Wanted start; once published, the start.
        EFFECTIVE_AT "effective_at" Int,
        /// Who drafted it.
        DRAFTER "drafter" Text,
        /// Who submitted it.
        SUBMITTER "submitter" Text,
        /// Who published it.
        PUBLISHER "publisher" Text,
        /// Who withdrew it.
        WITHDRAWER "withdrawer" Text,
        /// Why it was published or withdrawn.
        REASON "reason" Text,
        /// When it was drafted.
        DRAFTED_AT "drafted_at" Int,
        /// When it was published.
        PUBLISHED_AT "published_at" Int,
    }
}

table! {
    /// What each partition has adopted last.
    15 adoptions ("tenant" Text) ("partition" Int) {
        /// Number of the publication; all below it are adopted too.
        NUMBER "number" Int,
        /// Kind.
        KIND "kind" Text,
        /// Name.
        NAME "name" Text,
        /// Version.
        VERSION "version" Int,
        /// When.
        ADOPTED_AT "adopted_at" Int,
    }
}

table! {
    /// Tenants.
    16 tenants ("tenant" Text) () {
        /// For people.
        TITLE "title" Text,
        /// `live`, `sandbox` or `synthetic`.
        MODE "mode" Text,
        /// IANA time zone of last resort.
        ZONE "zone" Text,
        /// ISO 4217.
        CURRENCY "currency" Text,
        /// BCP 47.
        LOCALE "locale" Text,
        /// When it was created.
        CREATED_AT "created_at" Int,
    }
}

table! {
    /// API keys; the hash only.
    17 keys ("tenant" Text) ("key_id" Text) {
        /// `issued` or `revoked`.
        STATE "state" Text,
        /// First 16 bytes of the SHA-256 of the secret part.
        HASH "hash" Bytes,
        /// Scope of idempotency keys.
        CLIENT "client" Text,
        /// Roles, comma-separated.
        ROLES "roles" Text,
        /// Whose own account.
        MEMBER "member" Bytes,
        /// Which connection.
        CONNECTION "connection" Text,
        /// When it ends; not set: never.
        EXPIRES_AT "expires_at" Int,
        /// Who issued it.
        ISSUER "issuer" Text,
        /// When.
        ISSUED_AT "issued_at" Int,
        /// Who revoked it.
        REVOKER "revoker" Text,
        /// When.
        REVOKED_AT "revoked_at" Int,
    }
}
