"""`up --seed`: copy another session's volumes into new ones."""
