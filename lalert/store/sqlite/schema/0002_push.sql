-- Whom the hub delivers to, what each of them has, and what happened on the way.

ALTER TABLE origin ADD COLUMN endpoints INTEGER NOT NULL DEFAULT 0;  -- counts the changes of endpoint
ALTER TABLE origin ADD COLUMN residents INTEGER NOT NULL DEFAULT 0;  -- how many there are

-- sealed: everything else of the endpoint, under the key beside this file (lalert.store.seal).
CREATE TABLE endpoint (
    number     INTEGER PRIMARY KEY,
    id         TEXT    NOT NULL UNIQUE,
    sealed     BLOB    NOT NULL,
    ended_at   INTEGER,
    end_reason TEXT    NOT NULL DEFAULT ''
) STRICT;

-- A resident has no name: a browser, and what it wants. sealed: where its push service takes messages, and its keys.
-- AUTOINCREMENT: a number that somebody had is never given to somebody else, for lanes remember how far they came.
CREATE TABLE resident (
    number      INTEGER PRIMARY KEY AUTOINCREMENT,
    id          TEXT    NOT NULL UNIQUE,
    digest      TEXT    NOT NULL,
    peer_digest TEXT    NOT NULL UNIQUE,
    wish        BLOB    NOT NULL,
    sealed      BLOB    NOT NULL,
    created_at  INTEGER NOT NULL
) STRICT;
-- Counting a million rows at each subscription would keep alerts waiting.
CREATE TRIGGER resident_came AFTER INSERT ON resident BEGIN UPDATE origin SET residents = residents + 1; END;
CREATE TRIGGER resident_left AFTER DELETE ON resident BEGIN UPDATE origin SET residents = residents - 1; END;

CREATE TABLE lane (
    id    TEXT PRIMARY KEY,
    state BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- Append-only, for people and receipts: never read to decide what is to be sent.
CREATE TABLE attempt (
    number     INTEGER PRIMARY KEY,
    lane       TEXT    NOT NULL,
    seq        INTEGER NOT NULL,
    identifier TEXT    NOT NULL,
    at         INTEGER NOT NULL,
    outcome    TEXT    NOT NULL,
    reason     TEXT    NOT NULL,
    took       INTEGER NOT NULL,  -- microseconds
    sent       INTEGER NOT NULL,
    refused    INTEGER NOT NULL,
    gone       INTEGER NOT NULL
) STRICT;
CREATE INDEX attempt_identifier ON attempt (identifier);
CREATE INDEX attempt_lane ON attempt (lane);
