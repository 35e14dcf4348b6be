-- The log, how its messages stand, who may post, and who did what.
-- Times are microseconds since 1970-01-01T00:00:00Z.

-- compat: the lowest schema that a program must know to use these data.
CREATE TABLE origin (
    realm      TEXT    NOT NULL,
    epoch      TEXT    NOT NULL,
    oldest     INTEGER NOT NULL DEFAULT 1,  -- where the log begins: what lies before it has left the log
    keys       INTEGER NOT NULL DEFAULT 0,  -- counts the changes of api_key
    compat     INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE entry (
    seq    INTEGER PRIMARY KEY,
    key    TEXT    NOT NULL UNIQUE,
    thread TEXT    NOT NULL,
    at     INTEGER NOT NULL,
    body   BLOB    NOT NULL,
    raw    BLOB    NOT NULL
) STRICT;
CREATE INDEX entry_thread ON entry (thread);
CREATE INDEX entry_at ON entry (at);

-- Every entry but the expiries, and how it stands. Apart from entry, so that ending an alert does not rewrite its text.
CREATE TABLE message (
    seq         INTEGER PRIMARY KEY REFERENCES entry ON DELETE CASCADE,
    identifier  TEXT NOT NULL,
    thread      TEXT NOT NULL,
    state       TEXT NOT NULL,
    replaced_by TEXT,
    cancel_kind TEXT,
    ended       INTEGER  -- position of the entry that ended it
) STRICT;
CREATE INDEX message_identifier ON message (identifier);
-- The law itself: a thread has at most one message in force.
CREATE UNIQUE INDEX message_in_force ON message (thread) WHERE state = 'in_force';

-- Messages that a kept one ended before they came; only the key that posted the end can forestall.
CREATE TABLE forestalled (
    key    TEXT    NOT NULL,
    key_id TEXT    NOT NULL,
    seq    INTEGER NOT NULL REFERENCES entry ON DELETE CASCADE,
    PRIMARY KEY (key, key_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX forestalled_seq ON forestalled (seq);

CREATE TABLE audit (
    number  INTEGER PRIMARY KEY,
    at      INTEGER NOT NULL,
    actor   TEXT    NOT NULL,
    action  TEXT    NOT NULL,
    subject TEXT    NOT NULL
) STRICT;

CREATE TABLE api_key (
    number     INTEGER PRIMARY KEY,
    key_id     TEXT    NOT NULL UNIQUE,
    name       TEXT    NOT NULL,
    role       TEXT    NOT NULL,
    areas      TEXT    NOT NULL,  -- codes, separated by blanks
    digest     TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    revoked_at INTEGER
) STRICT;
