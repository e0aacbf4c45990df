"""Reports of the record: one page or one file of data of a session, or of a person's sessions."""
