-- By which a code that is mailed on is known as long as its share lives: slow to make and keyed, see share::told. Null for a
-- link that took no code, and for those that were made before.
ALTER TABLE share_recipient ADD COLUMN told BLOB;
