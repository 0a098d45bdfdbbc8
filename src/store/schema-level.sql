-- By what way a code of six digits went: `sms` or `email`; each way has limits of its own.
ALTER TABLE share_text ADD COLUMN channel TEXT NOT NULL DEFAULT 'sms';
