-- Until when a link that was made later can be opened first; null for those that came with the share.
ALTER TABLE share_recipient ADD COLUMN open_by INTEGER;
