-- What a sender decides about a share afterwards, and what its codes cost to try.

-- Read on a page alone: no file of it may be had.
ALTER TABLE share ADD COLUMN view_only INTEGER NOT NULL DEFAULT 0;

-- By which parameters of Argon2id the key of its code is made; see vault::share::Cost.
ALTER TABLE share_recipient ADD COLUMN cost INTEGER NOT NULL DEFAULT 1;
