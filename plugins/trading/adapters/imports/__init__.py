"""A person's own files: one reader for CSV and Parquet, and what each kind of file must say."""
