"""Lists from CSV files: table (reading one), kinds (what it is for), apply (rows), work (the job); and the
kind `referrers`: columns (what they mean), people (what becomes of rows)."""
