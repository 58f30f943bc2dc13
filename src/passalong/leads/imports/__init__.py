"""Lists of leads from CSV files, as kinds of passalong.referrers.imports: columns (what they mean), leads and
qualify (what becomes of rows), rows (their SQL)."""
