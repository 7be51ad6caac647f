"""`up --seed-from`: copy another session's volumes into new ones."""
