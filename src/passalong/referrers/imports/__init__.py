"""Referrers from a CSV file: table (reading it), columns (what it means), apply (rows), work (the job)."""
