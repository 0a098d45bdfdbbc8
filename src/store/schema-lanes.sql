-- Which way owed mail goes: a number made of a keyed hash of the next hop's name, or of the recipients' domain. Null until
-- it had to wait for a place on that way, or was tried.
ALTER TABLE owed ADD COLUMN lane INTEGER;
